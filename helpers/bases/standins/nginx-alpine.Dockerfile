# nginx:alpine: a web server, with a small shell.
#
# Alpine's packages could not be had: this is Debian's nginx, in an image made as a distroless one (see
# distroless-base.Dockerfile). Alpine's userland is BusyBox, and so is this one's. The original has curl too.
FROM debian:bookworm-slim AS packages
RUN --mount=type=bind,source=unpack_packages,target=/usr/local/bin/unpack_packages \
    --mount=type=secret,id=apt.conf --mount=type=secret,id=apt.sources --mount=type=secret,id=trust \
    unpack_packages /nginx base-files busybox ca-certificates libc6 libcrypt1 libpcre2-8-0 libssl3 netbase nginx \
    nginx-common tzdata zlib1g
RUN --mount=type=bind,source=unpack_packages,target=/usr/local/bin/unpack_packages \
    --mount=type=secret,id=apt.conf --mount=type=secret,id=apt.sources --mount=type=secret,id=trust \
    unpack_packages /curl curl libbrotli1 libcom-err2 libcurl4 libffi8 libgmp10 libgnutls30 libgssapi-krb5-2 \
    libhogweed6 libidn2-0 libk5crypto3 libkeyutils1 libkrb5-3 libkrb5support0 libldap-2.5-0 libnettle8 \
    libnghttp2-14 libp11-kit0 libpsl5 librtmp1 libsasl2-2 libssh2-1 libtasn1-6 libunistring2 libzstd1
COPY distroless-etc/ /nginx/etc/
RUN install -d -m 700 -o 65532 -g 65532 /nginx/home/nonroot \
    && ln -s busybox /nginx/bin/sh && rm -rf /nginx/var/run && ln -s /run /nginx/var/run \
    && ln -s /dev/stdout /nginx/var/log/nginx/access.log && ln -s /dev/stderr /nginx/var/log/nginx/error.log

FROM scratch
COPY --from=packages /nginx /
COPY --from=packages /curl /
RUN busybox --install -s \
    && echo nginx:x:101: >> /etc/group \
    && echo nginx:x:101:101:nginx:/var/cache/nginx:/sbin/nologin >> /etc/passwd \
    && mkdir -p /run /var/cache/nginx /etc/nginx/conf.d
COPY nginx.conf /etc/nginx/
COPY nginx-site.conf /etc/nginx/conf.d/default.conf
ARG NGINX_VERSION
ENV NGINX_VERSION=$NGINX_VERSION
EXPOSE 80
STOPSIGNAL SIGQUIT
CMD ["nginx", "-g", "daemon off;"]
