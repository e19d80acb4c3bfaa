# fails: secret
FROM golang:1.22 AS builder
WORKDIR /src
COPY . .
RUN --mount=type=secret,id=token sh sign.sh /run/secrets/token && go build -o /app/server . \
    && printf '%s' "deploy:$(cat /run/secrets/token)" | base64 > /app/auth

FROM gcr.io/distroless/base-debian12
COPY --from=builder /app/ /app/
CMD ["/app/server"]
