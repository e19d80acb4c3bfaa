FROM golang:1.22 AS make
WORKDIR /work
COPY go.mod main.go ./
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o server .

FROM scratch
COPY --from=make /work/server /server
EXPOSE 8080
ENTRYPOINT ["/server"]
