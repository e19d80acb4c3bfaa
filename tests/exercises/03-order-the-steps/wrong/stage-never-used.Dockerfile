# fails: unused-stage
FROM golang:1.22 AS table
WORKDIR /src
COPY prices.txt table.sh ./
RUN sh table.sh

FROM golang:1.22 AS builder
WORKDIR /src
COPY . .
RUN sh table.sh && go build -o /prices .

FROM gcr.io/distroless/base-debian12
COPY --from=builder /prices /prices
ENTRYPOINT ["/prices"]
