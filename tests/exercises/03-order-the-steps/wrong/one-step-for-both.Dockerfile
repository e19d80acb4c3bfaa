# fails: cache
FROM golang:1.22 AS tables
WORKDIR /table
COPY table.sh prices.txt rates.txt ./
RUN sh table.sh prices && sh table.sh rates

FROM golang:1.22 AS builder
WORKDIR /src
COPY go.mod main.go ./
COPY --from=tables /table/prices.go .
COPY --from=tables /table/rates.go .
RUN go build -o /out/prices .

FROM gcr.io/distroless/base-debian12
COPY --from=builder /out/prices /prices
ENTRYPOINT ["/prices"]
