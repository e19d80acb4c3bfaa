# fails: single-stage
FROM golang:1.22
WORKDIR /src
COPY . .
RUN --mount=type=secret,id=token sh sign.sh /run/secrets/token && go build -o /app/server . && rm -rf /src /usr/local/go
CMD ["/app/server"]
