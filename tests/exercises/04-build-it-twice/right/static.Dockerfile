FROM golang:1.22 AS builder
WORKDIR /src
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.released=$(cat version.txt)" -o /app .

FROM scratch
COPY --from=builder /app /app
ENTRYPOINT ["/app"]
