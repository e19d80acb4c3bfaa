# fails: bases
FROM gcc:12 AS builder
WORKDIR /src
COPY depth.c ./
RUN gcc -g -O2 -Wall -static -o depth depth.c -lz

FROM builder AS debug
RUN gcc -g -O1 -fsanitize=address,undefined -o depth depth.c -lz
COPY soundings.txt /data/
ENTRYPOINT ["/src/depth"]

FROM depth:ready
COPY soundings.txt /data/
USER 1000
ENTRYPOINT ["/depth"]
