# fails: debug: absent
FROM node:20 AS web
WORKDIR /web
COPY web .
RUN node build.js

FROM golang:1.22 AS api
WORKDIR /api
COPY api .
RUN go build -o /out/server .

FROM api AS test
RUN go test ./...

FROM api AS debug
COPY --from=api /out/server /app/server
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
