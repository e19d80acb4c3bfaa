# gcr.io/distroless/cc-debian12: the C and C++ libraries; no shell. One more layer on distroless/base.
FROM debian:bookworm-slim AS packages
RUN --mount=type=bind,source=unpack_packages,target=/usr/local/bin/unpack_packages \
    --mount=type=secret,id=apt.conf --mount=type=secret,id=apt.sources --mount=type=secret,id=trust \
    unpack_packages /cc gcc-12-base libgcc-s1 libgomp1 libstdc++6

FROM gcr.io/distroless/base-debian12
COPY --from=packages /cc /
