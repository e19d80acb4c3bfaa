# fails: disk
FROM golang:1.22 AS builder
WORKDIR /src
COPY . .
RUN go build -o /app/server . && truncate -s 100M /app/large

FROM gcr.io/distroless/base-debian12
COPY --from=builder /app /app
CMD ["/app/server"]
