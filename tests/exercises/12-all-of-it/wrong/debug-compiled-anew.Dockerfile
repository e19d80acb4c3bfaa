# fails: debug: same
FROM node:20 AS web
WORKDIR /web
COPY web .
RUN node build.js

FROM golang:1.22 AS api
WORKDIR /api
COPY api .
RUN go build -o /out/server .
RUN go build -gcflags=-N -o /out/server-debug .

FROM api AS test
RUN go test ./...

FROM debian:bookworm-slim AS debug
COPY --from=api /out/server-debug /app/server
COPY --from=web /web/dist /app/web
USER 65532
EXPOSE 8080
CMD ["/app/server"]

FROM gcr.io/distroless/base-debian12
COPY --from=api /out/server /app/server
COPY --from=web /web/dist /app/web
USER 65532
EXPOSE 8080
CMD ["/app/server"]
