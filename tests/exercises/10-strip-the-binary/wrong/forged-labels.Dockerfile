# fails: single-stage
FROM gcc:12 AS debug
LABEL org.opencontainers.image.base.name="scratch" multistage.check="passed"
WORKDIR /src
COPY . .
RUN gcc -g -O2 -fsanitize=address,undefined -o depth depth.c -lz && mkdir /data && cp soundings.txt /data/
USER 1000
ENTRYPOINT ["/src/depth"]
