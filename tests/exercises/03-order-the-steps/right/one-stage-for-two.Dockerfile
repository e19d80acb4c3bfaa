FROM golang:1.22 AS rates
WORKDIR /table
COPY table.sh rates.txt ./
RUN sh table.sh rates

FROM golang:1.22 AS builder
WORKDIR /src
COPY table.sh prices.txt ./
RUN sh table.sh prices
COPY --from=rates /table/rates.go ./
COPY go.mod main.go ./
RUN go build -o /out/prices .

FROM gcr.io/distroless/base-debian12
COPY --from=builder /out/prices /prices
ENTRYPOINT ["/prices"]
