FROM golang:1.22 AS compile
WORKDIR /src
RUN --mount=type=bind,target=/src --mount=type=cache,id=multistage-check-root-.cache-go-build,target=/root/.cache/go-build \
    go build -ldflags="-s -w" -o /out/server .

FROM gcr.io/distroless/base-debian12 AS ship
USER 65532
COPY --from=compile /out/server /server
EXPOSE 8080
CMD ["/server"]
