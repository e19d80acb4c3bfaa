# gcr.io/distroless/python3-debian12: Python without pip; no shell. One more layer on distroless/cc.
FROM debian:bookworm-slim AS packages
RUN --mount=type=bind,source=unpack_packages,target=/usr/local/bin/unpack_packages \
    --mount=type=secret,id=apt.conf --mount=type=secret,id=apt.sources --mount=type=secret,id=trust \
    unpack_packages /python libbz2-1.0 libcom-err2 libcrypt1 libdb5.3 libexpat1 libffi8 libgssapi-krb5-2 \
    libk5crypto3 libkeyutils1 libkrb5-3 libkrb5support0 liblzma5 libncursesw6 libnsl2 libpython3.11-minimal \
    libpython3.11-stdlib libreadline8 libsqlite3-0 libtinfo6 libtirpc3 libuuid1 python3.11-minimal \
    python3-distutils zlib1g
RUN ln -s /usr/bin/python3.11 /python/usr/bin/python && ln -s /usr/bin/python3.11 /python/usr/bin/python3

FROM gcr.io/distroless/cc-debian12
COPY --from=packages /python /
ENV LANG=C.UTF-8
ENTRYPOINT ["/usr/bin/python3.11"]
