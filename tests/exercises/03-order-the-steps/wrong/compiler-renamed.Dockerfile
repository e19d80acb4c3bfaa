# fails: absent
FROM golang:1.22 AS builder
WORKDIR /src
COPY prices.txt table.sh ./
RUN sh table.sh && cp /usr/local/go/bin/go /notes.bin
COPY go.mod main.go ./
RUN go build -o /prices .

FROM gcr.io/distroless/base-debian12
COPY --from=builder /notes.bin /notes.bin
COPY --from=builder /prices /prices
ENTRYPOINT ["/prices"]
