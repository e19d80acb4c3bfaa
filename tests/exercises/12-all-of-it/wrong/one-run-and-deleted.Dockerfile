# fails: single-stage
FROM golang:1.22 AS test
COPY . .
RUN cd api && go build -o /app/server . && rm -rf /usr/local/go

FROM test AS debug
CMD ["/app/server"]
