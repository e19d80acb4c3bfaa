# fails: proof
FROM golang:1.22 AS prices
WORKDIR /table
COPY table.sh prices.txt ./
RUN sh table.sh prices

FROM golang:1.22 AS rates
WORKDIR /table
COPY table.sh rates.txt ./
RUN sh table.sh rates

FROM golang:1.22 AS builder
WORKDIR /src
COPY go.mod main.go ./
COPY --from=prices /table/prices.go .
COPY --from=rates /table/rates.go .
RUN sed -i 's/stamp = ".*"/stamp = "unstamped"/' main.go && go build -o /out/prices .

FROM gcr.io/distroless/base-debian12
COPY --from=builder /out/prices /prices
ENTRYPOINT ["/prices"]
