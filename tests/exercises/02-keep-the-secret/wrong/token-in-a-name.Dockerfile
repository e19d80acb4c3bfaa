# fails: secret
FROM golang:1.22 AS builder
WORKDIR /src
COPY . .
RUN --mount=type=secret,id=token sh sign.sh /run/secrets/token && mkdir /srv/out && touch "/srv/out/$(cat /run/secrets/token)"
RUN go build -o /srv/out/server .

FROM gcr.io/distroless/base-debian12
COPY --from=builder /srv/out /app
CMD ["/app/server"]
