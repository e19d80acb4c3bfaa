# fails: absent
FROM golang:1.22 AS builder
WORKDIR /src
COPY . .
RUN CGO_ENABLED=0 go build -o clock .

FROM debian:bookworm-slim
COPY passwd /etc/passwd
COPY --from=builder /src/clock /clock
USER keeper
CMD ["/clock"]
