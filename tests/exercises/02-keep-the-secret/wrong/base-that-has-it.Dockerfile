# fails: bases
FROM golang:1.22 AS builder
WORKDIR /src
COPY . .
RUN --mount=type=secret,id=token sh sign.sh /run/secrets/token
RUN go build -o server .

FROM signed:ready
COPY --from=builder /src/server /app/server
CMD ["/app/server"]
