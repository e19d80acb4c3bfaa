# fails: absent
FROM golang:1.22 AS builder
WORKDIR /src
COPY . .
RUN go build -o /app/server .

FROM builder
RUN rm -rf /usr/local/go /root/.cache /src/main.go /src/go.mod
CMD ["/app/server"]
