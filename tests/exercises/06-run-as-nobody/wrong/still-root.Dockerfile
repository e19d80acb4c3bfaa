# fails: user
FROM golang:1.22 AS builder
WORKDIR /src
COPY . .
RUN CGO_ENABLED=0 go build -o clock .

FROM gcr.io/distroless/static-debian12
COPY passwd /etc/passwd
COPY --from=builder /src/clock /clock
CMD ["/clock"]
