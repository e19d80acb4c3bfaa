# fails: output
FROM golang:1.22 AS builder
WORKDIR /src
COPY . .
RUN go build -ldflags "-X main.released=$(date +%s.%N)" -o /app .

FROM gcr.io/distroless/base-debian12
COPY --from=builder /app /app
ENTRYPOINT ["/app"]
