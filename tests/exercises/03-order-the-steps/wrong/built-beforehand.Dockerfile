# fails: context
FROM golang:1.22 AS builder
WORKDIR /src
COPY prices.txt table.sh ./
RUN sh table.sh
COPY table.go go.mod main.go ./
RUN go build -o /prices .

FROM gcr.io/distroless/base-debian12
COPY --from=builder /prices /prices
ENTRYPOINT ["/prices"]
