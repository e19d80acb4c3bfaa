# fails: answers
FROM golang:1.22 AS builder
WORKDIR /src
COPY . .
RUN printf '%s\n' 'package main' 'import ("fmt"; "net/http")' 'func main() {' \
    'http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "Hello, gopher! A greeter, build unstamped") })' \
    'http.ListenAndServe(":8080", nil)' '}' > main.go
RUN go build -o /app/server .

FROM gcr.io/distroless/base-debian12
COPY --from=builder /app/server /app/server
CMD ["/app/server"]
