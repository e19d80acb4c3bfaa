# fails: starts
FROM golang:1.22 AS builder
WORKDIR /src
COPY . .
RUN CGO_ENABLED=0 go build -o clock . && mkdir /logs

FROM gcr.io/distroless/static-debian12
COPY passwd /etc/passwd
COPY --from=builder /src/clock /clock
COPY --from=builder --chown=65532:65532 /logs /logs
ENV LOG=/logs/visits.log
USER keeper
CMD ["/clock"]
