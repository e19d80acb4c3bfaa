# fails: onbuild
FROM golang:1.22 AS base
ONBUILD ADD https://example.org/server /app/server

FROM base AS builder
WORKDIR /src
COPY . .
RUN go build -o /app/server .

FROM gcr.io/distroless/base-debian12
COPY --from=builder /app/ /app/
CMD ["/app/server"]
