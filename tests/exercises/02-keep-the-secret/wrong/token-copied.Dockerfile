# fails: secret
FROM golang:1.22 AS builder
WORKDIR /src
COPY . .
RUN --mount=type=secret,id=token cp /run/secrets/token token.txt
RUN sh sign.sh token.txt && go build -o server . && rm main.go sign.sh

FROM gcr.io/distroless/base-debian12
COPY --from=builder /src /app
CMD ["/app/server"]
