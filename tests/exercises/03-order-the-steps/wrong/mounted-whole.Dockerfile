# fails: cache
FROM golang:1.22 AS builder
WORKDIR /src
RUN --mount=type=bind,target=/in cp /in/prices.txt /in/table.sh . && sh table.sh
COPY go.mod main.go ./
RUN go build -o /prices .

FROM gcr.io/distroless/base-debian12
COPY --from=builder /prices /prices
ENTRYPOINT ["/prices"]
