# fails: proof
FROM golang:1.22 AS builder
WORKDIR /src
COPY . .
RUN sed -i 's/stamp = ".*"/stamp = "unstamped"/' main.go && go build -ldflags "-X main.released=$(cat version.txt)" -o /app .

FROM gcr.io/distroless/base-debian12
COPY --from=builder /app /app
ENTRYPOINT ["/app"]
