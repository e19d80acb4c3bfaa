# fails: stages
FROM gcc:12 AS builder
WORKDIR /src
COPY depth.c ./
RUN gcc -g -O2 -Wall -static -o depth depth.c -lz

FROM builder AS stripped
RUN strip depth

FROM scratch
COPY --from=stripped /src/depth /depth
COPY soundings.txt /data/
USER 1000
ENTRYPOINT ["/depth"]
