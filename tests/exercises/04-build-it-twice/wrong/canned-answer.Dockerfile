# fails: output
FROM golang:1.22 AS builder
WORKDIR /src
COPY . .
RUN printf 'package main\nfunc main() { println("sum 42 released 1.4.0") }\n' > main.go && go build -o /app .

FROM gcr.io/distroless/base-debian12
COPY --from=builder /app /app
ENTRYPOINT ["/app"]
