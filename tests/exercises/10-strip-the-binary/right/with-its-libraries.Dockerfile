FROM gcc:12 AS source
WORKDIR /src
COPY depth.c ./

FROM source AS debug
RUN gcc -g -O1 -fsanitize=address,undefined -o depth depth.c -lz
COPY soundings.txt /data/
ENTRYPOINT ["/src/depth"]

FROM source AS builder
RUN gcc -O2 -Wall -s -o depth depth.c -lz
RUN mkdir /libraries && cp -L /lib/*-linux-gnu/libz.so.1 /libraries/

FROM gcr.io/distroless/base-debian12
COPY --from=builder /libraries /usr/local/lib/depth
ENV LD_LIBRARY_PATH=/usr/local/lib/depth
COPY --from=builder /src/depth /depth
COPY soundings.txt /data/
USER nonroot
ENTRYPOINT ["/depth"]
