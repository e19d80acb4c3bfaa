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
RUN --mount=type=bind,from=prices,source=/table/prices.go,target=/src/prices.go \
    --mount=type=bind,from=rates,source=/table/rates.go,target=/src/rates.go \
    CGO_ENABLED=0 go build -o /out/prices .

FROM scratch
COPY --from=builder /out/prices /prices
ENTRYPOINT ["/prices"]
