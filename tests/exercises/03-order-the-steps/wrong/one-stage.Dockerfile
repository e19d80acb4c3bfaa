# fails: single-stage
FROM golang:1.22
WORKDIR /src
COPY table.sh prices.txt ./
RUN sh table.sh prices
COPY rates.txt ./
RUN sh table.sh rates
COPY go.mod main.go ./
RUN go build -o /prices . && rm -rf /usr/local/go
ENTRYPOINT ["/prices"]
