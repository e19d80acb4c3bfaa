FROM golang:1.22 AS builder
WORKDIR /src
RUN --mount=type=bind,source=prices.txt,target=prices.txt --mount=type=bind,source=table.sh,target=table.sh \
    sh table.sh
COPY go.mod main.go ./
RUN go build -o /prices .

FROM gcr.io/distroless/base-debian12
COPY --from=builder /prices /prices
ENTRYPOINT ["/prices"]
