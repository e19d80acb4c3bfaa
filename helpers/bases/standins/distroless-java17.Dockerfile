# gcr.io/distroless/java17-debian12: a Java runtime; no shell. It has no TLS certificates in Java's own format:
# a script would have to make those.
FROM debian:bookworm-slim AS packages
RUN --mount=type=bind,source=unpack_packages,target=/usr/local/bin/unpack_packages \
    --mount=type=secret,id=apt.conf --mount=type=secret,id=apt.sources --mount=type=secret,id=trust \
    unpack_packages /libraries libc6 fontconfig-config fonts-dejavu-core gcc-12-base libbrotli1 libcrypt1 libexpat1 \
    libfontconfig1 libfreetype6 libgcc-s1 libglib2.0-0 libgraphite2-3 libharfbuzz0b libjpeg62-turbo liblcms2-2 \
    libpcre2-8-0 libpng16-16 libstdc++6 libuuid1 zlib1g
RUN --mount=type=bind,source=unpack_packages,target=/usr/local/bin/unpack_packages \
    --mount=type=secret,id=apt.conf --mount=type=secret,id=apt.sources --mount=type=secret,id=trust \
    unpack_packages /java openjdk-17-jre-headless
RUN mkdir -p /java/usr/bin \
    && ln -s "/usr/lib/jvm/java-17-openjdk-$(dpkg --print-architecture)/bin/java" /java/usr/bin/java

FROM gcr.io/distroless/static-debian12
COPY --from=packages /libraries /
COPY --from=packages /java /
ENV LANG=C.UTF-8
ENTRYPOINT ["/usr/bin/java", "-jar"]
