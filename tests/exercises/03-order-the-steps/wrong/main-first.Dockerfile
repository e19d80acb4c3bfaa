# fails: cache
FROM golang:1.22 AS prices
WORKDIR /table
COPY table.sh prices.txt ./
RUN sh table.sh prices

FROM prices AS builder
WORKDIR /src
COPY go.mod main.go table.sh rates.txt ./
RUN sh table.sh rates && cp /table/prices.go .
RUN go build -o /out/prices .

FROM gcr.io/distroless/base-debian12
COPY --from=builder /out/prices /prices
ENTRYPOINT ["/prices"]
