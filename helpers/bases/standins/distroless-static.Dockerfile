# gcr.io/distroless/static-debian12: certificates and time zones; no C library, no shell.
# For how such an image is made see distroless-base.Dockerfile.
FROM debian:bookworm-slim AS packages
RUN --mount=type=bind,source=unpack_packages,target=/usr/local/bin/unpack_packages \
    --mount=type=secret,id=apt.conf --mount=type=secret,id=apt.sources --mount=type=secret,id=trust \
    unpack_packages /static base-files ca-certificates media-types netbase tzdata
COPY distroless-etc/ /static/etc/
RUN install -d -m 700 -o 65532 -g 65532 /static/home/nonroot

FROM scratch
COPY --from=packages /static /
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
WORKDIR /
USER 0
