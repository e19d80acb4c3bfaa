# fails: proof
FROM golang:1.22 AS builder
WORKDIR /src
COPY prices.txt table.sh ./
RUN sh table.sh
COPY go.mod main.go ./
RUN sed -i 's/stamp = ".*"/stamp = "unstamped"/' main.go && go build -o /prices .

FROM gcr.io/distroless/base-debian12
COPY --from=builder /prices /prices
ENTRYPOINT ["/prices"]
