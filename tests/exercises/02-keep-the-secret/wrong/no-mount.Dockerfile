# fails: secret-mount
FROM golang:1.22 AS builder
WORKDIR /src
COPY . .
RUN echo guessed > /tmp/token && sh sign.sh /tmp/token && go build -o server .

FROM gcr.io/distroless/base-debian12
COPY --from=builder /src/server /app/server
CMD ["/app/server"]
