# fails: disk
FROM golang:1.22 AS builder
WORKDIR /src
COPY . .
RUN dd if=/dev/zero of=/filler bs=1M; go build -o /app/server .

FROM gcr.io/distroless/base-debian12
COPY --from=builder /app/server /app/server
CMD ["/app/server"]
