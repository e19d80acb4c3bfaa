ARG FLAGS="-O2 -Wall"
FROM gcc:12 AS builder
ARG FLAGS
WORKDIR /src
RUN --mount=type=bind,source=depth.c,target=depth.c \
    gcc ${FLAGS} -g -o /depth depth.c -Wl,-Bstatic -lz -Wl,-Bdynamic && strip -o /depth.small /depth

FROM builder AS debug
RUN --mount=type=bind,source=depth.c,target=depth.c \
    gcc -g -O1 -fsanitize=address,undefined -o /depth depth.c -lz
COPY soundings.txt /data/
ENTRYPOINT ["/depth"]

FROM debian:bookworm-slim AS shipped
COPY --from=builder /depth.small /usr/bin/depth
COPY soundings.txt /data/
USER nobody
ENTRYPOINT ["depth"]
