FROM golang:1.22 AS signer
WORKDIR /sign
COPY sign.sh .
RUN --mount=type=secret,id=token sh sign.sh /run/secrets/token

FROM golang:1.22 AS builder
WORKDIR /src
COPY go.mod main.go ./
COPY --from=signer /sign/signature.txt .
RUN CGO_ENABLED=0 go build -o /out/server .

FROM scratch
COPY --from=builder /out/server /server
ENTRYPOINT ["/server"]
