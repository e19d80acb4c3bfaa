FROM --platform=$BUILDPLATFORM node:20@sha256:0000000000000000000000000000000000000000000000000000000000000000 AS web
WORKDIR /web
COPY web/package.json web/package-lock.json ./
COPY web/packages packages
RUN npm ci
COPY web .
RUN --mount=type=secret,id=licence node build.js

FROM scratch AS page
COPY --from=web /web/dist /

FROM --platform=$BUILDPLATFORM golang:1.22@sha256:0000000000000000000000000000000000000000000000000000000000000000 AS test
WORKDIR /api
COPY api .
RUN go vet ./... && go test ./... > /passed

FROM --platform=$BUILDPLATFORM golang:1.22@sha256:0000000000000000000000000000000000000000000000000000000000000000 AS api
ARG TARGETARCH
WORKDIR /api
COPY --from=test /passed /passed
COPY api .
RUN CGO_ENABLED=0 GOARCH=$TARGETARCH go build -trimpath -ldflags=-s -o /out/server .

FROM debian:bookworm-slim@sha256:0000000000000000000000000000000000000000000000000000000000000000 AS debug
COPY --from=api /out/server /app/server
COPY --from=page / /app/web
USER 65532
EXPOSE 8080
CMD ["/app/server"]

FROM scratch
COPY --from=api /out/server /app/server
COPY --from=page / /app/web
USER 1000:1000
EXPOSE 8080
CMD ["/app/server"]
