# fails: output
FROM gcc:12 AS builder
WORKDIR /src
COPY depth.c ./
RUN gcc -g -O2 -Wall -static -o depth depth.c -lz

FROM builder AS debug
RUN gcc -g -O1 -fsanitize=address,undefined -o depth depth.c -lz
COPY soundings.txt /data/
ENTRYPOINT ["/src/depth"]

FROM debian:bookworm-slim
RUN printf '#!/bin/sh\necho "4 soundings, 26 m in all, least 3 m"\n' > /depth && chmod +x /depth
COPY soundings.txt /data/
USER 1000
ENTRYPOINT ["/depth"]
