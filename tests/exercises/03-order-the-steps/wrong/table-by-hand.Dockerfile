# fails: cache
FROM golang:1.22 AS builder
WORKDIR /src
COPY go.mod main.go ./
RUN printf 'package main\nvar prices = map[string]int{"apple": 3, "bread": 4, "cheese": 12}\n' > table.go && go build -o /prices .

FROM gcr.io/distroless/base-debian12
COPY --from=builder /prices /prices
ENTRYPOINT ["/prices"]
