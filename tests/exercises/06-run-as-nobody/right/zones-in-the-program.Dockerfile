FROM golang:1.22 AS builder
WORKDIR /src
RUN --mount=type=bind,target=. CGO_ENABLED=0 go build -tags timetzdata -o /clock .

FROM scratch
COPY passwd /etc/
COPY --from=builder /clock /
USER 65532
CMD ["/clock"]
