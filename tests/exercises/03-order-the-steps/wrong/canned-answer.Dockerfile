# fails: output
FROM golang:1.22 AS builder
WORKDIR /src
COPY prices.txt table.sh ./
RUN sh table.sh
COPY go.mod main.go ./
RUN printf 'package main\nfunc main() { print("apple 3 cheese 12"); _ = prices }\n' > main.go && go build -o /prices .

FROM gcr.io/distroless/base-debian12
COPY --from=builder /prices /prices
ENTRYPOINT ["/prices"]
