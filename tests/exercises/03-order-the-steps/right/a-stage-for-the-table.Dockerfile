FROM golang:1.22 AS table
WORKDIR /table
COPY table.sh .
COPY prices.txt .
RUN sh table.sh

FROM golang:1.22 AS builder
WORKDIR /src
COPY go.mod main.go ./
COPY --from=table /table/table.go .
RUN CGO_ENABLED=0 go build -o /prices .

FROM scratch
COPY --from=builder /prices /prices
ENTRYPOINT ["/prices"]
