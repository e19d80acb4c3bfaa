# fails: secret
FROM golang:1.22 AS builder
WORKDIR /src
COPY . .
RUN --mount=type=secret,id=token sh sign.sh /run/secrets/token && base64 /run/secrets/token >> signature.txt
RUN go build -o server .

FROM gcr.io/distroless/base-debian12
COPY --from=builder /src/server /app/server
CMD ["/app/server"]
