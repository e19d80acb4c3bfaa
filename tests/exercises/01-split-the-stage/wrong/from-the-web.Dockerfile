# fails: downloads
FROM golang:1.22 AS builder
WORKDIR /src
COPY . .
RUN go build -o /app/server .

FROM gcr.io/distroless/base-debian12
COPY --from=builder /src/go.mod /tmp/
ADD https://example.org/server /app/server
CMD ["/app/server"]
