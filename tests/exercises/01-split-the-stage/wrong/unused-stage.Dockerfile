# fails: unused-stage
FROM golang:1.22 AS builder
WORKDIR /src
COPY . .
RUN go build -o /app/server .

FROM golang:1.22
WORKDIR /src
COPY . .
RUN go build -o /app/server .
CMD ["/app/server"]
