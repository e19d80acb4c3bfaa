# gcr.io/distroless/base-debian12: the C library, TLS and certificates; no shell, no package manager.
#
# A distroless image is a multi-stage build. The first stage has a shell, apt and dpkg, and unpacks a few packages
# into a folder. The image is that folder, copied onto nothing: none of the tools that filled it is in it.
# The original is assembled from the same Debian packages, by Bazel (GoogleContainerTools/distroless).
FROM debian:bookworm-slim AS packages
RUN --mount=type=bind,source=unpack_packages,target=/usr/local/bin/unpack_packages \
    --mount=type=secret,id=apt.conf --mount=type=secret,id=apt.sources --mount=type=secret,id=trust \
    unpack_packages /base base-files ca-certificates libc6 libssl3 media-types netbase tzdata
# What the packages' scripts would have made: users, and where names are looked up.
COPY distroless-etc/ /base/etc/
RUN install -d -m 700 -o 65532 -g 65532 /base/home/nonroot

FROM scratch
COPY --from=packages /base /
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
WORKDIR /
USER 0
