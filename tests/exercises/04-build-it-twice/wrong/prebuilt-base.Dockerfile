# fails: bases
FROM golang:1.22 AS builder
WORKDIR /src
COPY . .
RUN go build -ldflags "-X main.released=$(cat version.txt)" -o /app .

FROM twice:ready
COPY --from=builder /app /app
ENTRYPOINT ["/app"]
