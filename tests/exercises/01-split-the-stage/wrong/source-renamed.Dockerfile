# fails: source
FROM golang:1.22 AS builder
WORKDIR /src
COPY . .
RUN go build -o /app/server . && cp main.go /app/notes.txt

FROM gcr.io/distroless/base-debian12
COPY --from=builder /app/ /app/
CMD ["/app/server"]
