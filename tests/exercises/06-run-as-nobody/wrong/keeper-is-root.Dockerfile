# fails: user
FROM golang:1.22 AS builder
WORKDIR /src
COPY . .
RUN CGO_ENABLED=0 go build -o clock .
RUN sed s/65532/0/g passwd > forged

FROM gcr.io/distroless/static-debian12
COPY --from=builder /src/forged /etc/passwd
COPY --from=builder /src/clock /clock
USER keeper
CMD ["/clock"]
