# fails: bases
FROM golang:1.22 AS builder
WORKDIR /src
COPY . .
RUN go build -o /app/server .

FROM example.org/greeter:1
COPY --from=builder /src/go.mod /go.mod
CMD ["/app/server"]
