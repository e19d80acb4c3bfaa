# fails: context
FROM golang:1.22 AS builder
WORKDIR /src
COPY . .
COPY check.toml solution/Dockerfile /answers/
RUN go build -o /app/server .

FROM gcr.io/distroless/base-debian12
COPY --from=builder /app/server /app/server
CMD ["/app/server"]
