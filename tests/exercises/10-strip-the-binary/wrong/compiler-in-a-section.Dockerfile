# fails: data
FROM gcc:12 AS builder
WORKDIR /src
COPY depth.c ./
RUN gcc -g -O2 -Wall -static -o depth depth.c -lz

FROM builder AS debug
RUN gcc -g -O1 -fsanitize=address,undefined -o depth depth.c -lz
COPY soundings.txt /data/
ENTRYPOINT ["/src/depth"]

FROM builder AS stripped
RUN strip depth && objcopy --add-section notes="$(command -v as)" depth

FROM scratch
COPY --from=stripped /src/depth /depth
COPY soundings.txt /data/
USER 1000
ENTRYPOINT ["/depth"]
