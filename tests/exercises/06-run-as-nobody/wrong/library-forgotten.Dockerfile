# fails: starts
FROM golang:1.22 AS builder
WORKDIR /src
COPY . .
RUN CGO_ENABLED=1 go build -o clock .

FROM scratch
COPY passwd /etc/passwd
COPY --from=golang:1.22 /usr/local/go/lib/time/zoneinfo.zip /usr/local/go/lib/time/zoneinfo.zip
COPY --from=builder /src/clock /clock
USER keeper
CMD ["/clock"]
