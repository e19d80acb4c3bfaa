# fails: bases
FROM example.org/clock:ready AS builder

FROM gcr.io/distroless/static-debian12
COPY passwd /etc/passwd
COPY --from=builder /clock /clock
USER keeper
CMD ["/clock"]
