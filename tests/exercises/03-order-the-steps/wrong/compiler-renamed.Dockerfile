# fails: absent
FROM golang:1.22 AS builder
WORKDIR /src
COPY prices.txt table.sh ./
RUN sh table.sh && cp /usr/local/go/bin/gofmt /usr/local/go/bin/go /
COPY go.mod main.go ./
RUN go build -o /prices .

FROM gcr.io/distroless/base-debian12
COPY --from=builder /go /notes.bin
COPY --from=builder /prices /prices
ENTRYPOINT ["/prices"]
