# fails: copied
FROM golang:1.22 AS builder
WORKDIR /src
RUN touch /nothing

FROM gcr.io/distroless/base-debian12
COPY --from=builder /nothing /nothing
COPY version.txt /app
ENTRYPOINT ["/app"]
