FROM golang:1.22 AS builder
COPY --from=builder /etc/hosts /hosts

FROM debian:bookworm-slim AS builder
COPY --from=bulider /app/app /app/app
COPY --from=golang:1.22 / /
