# fails: context
FROM golang:1.22 AS builder
WORKDIR /src
COPY . .
RUN CGO_ENABLED=0 go build -o clock .

FROM gcr.io/distroless/static-debian12
COPY passwd /etc/passwd
COPY check.toml /check.toml
COPY --from=builder /src/clock /clock
USER keeper
CMD ["/clock"]
