# fails: cache
FROM --platform=$BUILDPLATFORM node:20@sha256:0000000000000000000000000000000000000000000000000000000000000000 AS web
WORKDIR /web
COPY web .
RUN npm ci
RUN --mount=type=secret,id=licence node build.js

FROM scratch AS page
COPY --from=web /web/dist /

FROM --platform=$BUILDPLATFORM golang:1.22@sha256:0000000000000000000000000000000000000000000000000000000000000000 AS api
ARG TARGETARCH
WORKDIR /api
COPY api .
RUN CGO_ENABLED=0 GOARCH=$TARGETARCH go build -o /out/server .

FROM api AS test
RUN go test ./...

FROM debian:bookworm-slim@sha256:0000000000000000000000000000000000000000000000000000000000000000 AS debug
COPY --from=test /out/server /app/server
COPY --from=page / /app/web
USER 65532
EXPOSE 8080
CMD ["/app/server"]

FROM gcr.io/distroless/static-debian12@sha256:0000000000000000000000000000000000000000000000000000000000000000
COPY --from=test /out/server /app/server
COPY --from=page / /app/web
USER 65532
EXPOSE 8080
CMD ["/app/server"]
