# fails: proof
FROM golang:1.22 AS builder
WORKDIR /src
COPY . .
RUN sed -i 's/stamp = ".*"/stamp = "unstamped"/' main.go && go build -o /app/server .

FROM gcr.io/distroless/base-debian12
COPY --from=builder /app/server /app/server
CMD ["/app/server"]
