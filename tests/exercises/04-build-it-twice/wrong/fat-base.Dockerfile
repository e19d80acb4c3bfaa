# fails: absent
FROM golang:1.22 AS builder
WORKDIR /src
COPY . .
RUN go build -ldflags "-X main.released=$(cat version.txt)" -o /app .

FROM golang:1.22
COPY --from=builder /app /app
ENTRYPOINT ["/app"]
