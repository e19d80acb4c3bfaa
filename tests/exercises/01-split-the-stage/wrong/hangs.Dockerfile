# fails: time
FROM golang:1.22 AS builder
WORKDIR /src
COPY . .
RUN go build -o /app/server . && sleep infinity

FROM gcr.io/distroless/base-debian12
COPY --from=builder /app/server /app/server
CMD ["/app/server"]
