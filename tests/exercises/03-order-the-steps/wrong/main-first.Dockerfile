# fails: cache
FROM golang:1.22 AS builder
WORKDIR /src
COPY go.mod main.go ./
COPY prices.txt table.sh ./
RUN sh table.sh
RUN go build -o /prices .

FROM gcr.io/distroless/base-debian12
COPY --from=builder /prices /prices
ENTRYPOINT ["/prices"]
