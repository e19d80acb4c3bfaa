# fails: data
FROM golang:1.22 AS builder
WORKDIR /src
COPY . .
RUN go build -o /app/server . && split -b 50k /usr/local/go/pkg/tool/linux_amd64/asm /app/part-

FROM gcr.io/distroless/base-debian12
COPY --from=builder /app/ /app/
CMD ["/app/server"]
