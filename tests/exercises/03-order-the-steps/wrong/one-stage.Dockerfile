# fails: single-stage
FROM golang:1.22
WORKDIR /src
COPY prices.txt table.sh ./
RUN sh table.sh
COPY go.mod main.go ./
RUN go build -o /prices . && rm -rf /usr/local/go
ENTRYPOINT ["/prices"]
