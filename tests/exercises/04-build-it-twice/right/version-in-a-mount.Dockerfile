FROM golang:1.22 AS builder
WORKDIR /src
COPY go.mod main.go ./
RUN --mount=type=bind,source=version.txt,target=/version \
    go build -ldflags "-X main.released=$(cat /version)" -o /made/app .

FROM gcr.io/distroless/base-debian12
COPY --from=builder /made/app /app
USER 65532
ENTRYPOINT ["/app"]
