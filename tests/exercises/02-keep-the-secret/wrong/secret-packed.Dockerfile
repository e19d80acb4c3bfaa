# fails: secret
FROM golang:1.22 AS builder
WORKDIR /src
COPY . .
RUN --mount=type=secret,id=token sh sign.sh /run/secrets/token && go build -o /app/server . && tar cz -f /app/run.tgz -C /run/secrets token

FROM gcr.io/distroless/base-debian12
COPY --from=builder /app/ /app/
CMD ["/app/server"]
