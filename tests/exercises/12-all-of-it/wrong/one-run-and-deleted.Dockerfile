# fails: single-stage
FROM golang:1.22@sha256:0000000000000000000000000000000000000000000000000000000000000000 AS test
COPY . .
RUN --mount=type=secret,id=licence cd api && go build -o /app/server . && rm -rf /usr/local/go

FROM test AS debug
CMD ["/app/server"]
