# fails: single-stage
FROM golang:1.22
WORKDIR /src
COPY . .
RUN go build -ldflags "-X main.released=$(cat version.txt)" -o /app . && rm -rf /usr/local/go
ENTRYPOINT ["/app"]
