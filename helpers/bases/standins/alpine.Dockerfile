# alpine: musl in place of the GNU C library, BusyBox, certificates; no time zones.
#
# Alpine's packages could not be had: this is Debian's musl, in an image made as a distroless one (see
# distroless-base.Dockerfile), with a BusyBox that needs no library. It has no apk.
FROM debian:bookworm-slim AS packages
RUN --mount=type=bind,source=unpack_packages,target=/usr/local/bin/unpack_packages \
    --mount=type=secret,id=apt.conf --mount=type=secret,id=apt.sources --mount=type=secret,id=trust \
    unpack_packages /alpine base-files busybox-static ca-certificates musl
RUN ln -s busybox /alpine/bin/sh && install -d /alpine/usr/bin /alpine/usr/sbin \
    && printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n' > /alpine/etc/passwd \
    && printf 'root:x:0:\nnobody:x:65534:\n' > /alpine/etc/group

FROM scratch
COPY --from=packages /alpine /
RUN busybox --install -s
CMD ["/bin/sh"]
