# fails: answers
FROM golang:1.22 AS builder
WORKDIR /src
COPY . .
RUN CGO_ENABLED=0 go build -o clock .

FROM gcr.io/distroless/static-debian12
COPY --from=builder /src/clock /clock
USER 4711
CMD ["/clock"]
