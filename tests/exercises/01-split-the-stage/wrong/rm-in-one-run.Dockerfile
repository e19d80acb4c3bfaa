# fails: single-stage
FROM golang:1.22
WORKDIR /src
COPY . .
RUN go build -o /app/server . && rm -rf /usr/local/go /root/.cache /src/*
EXPOSE 8080
CMD ["/app/server"]
