# fails: answers
FROM golang:1.22 AS builder
WORKDIR /src
COPY . .
RUN --mount=type=secret,id=token echo guessed > /tmp/token && sh sign.sh /tmp/token
RUN go build -o server .

FROM gcr.io/distroless/base-debian12
COPY --from=builder /src/server /app/server
CMD ["/app/server"]
