FROM node:20 AS page
COPY web/src /w/src
COPY web/build.js /w/
RUN cd /w && node build.js && mv dist /page

FROM golang:1.22 AS api
WORKDIR /api
COPY api .
RUN go build -o /out/server .

FROM api AS test
RUN go vet ./... && go test ./...

FROM debian:bookworm-slim AS debug
COPY --from=api /out/server /app/server
COPY --from=page /page /app/web
USER 65532
EXPOSE 8080
CMD ["/app/server"]

FROM gcr.io/distroless/base-debian12
COPY --from=api /out/server /app/server
COPY --from=page /page /app/web
USER 65532
EXPOSE 8080
CMD ["/app/server"]
