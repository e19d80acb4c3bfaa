# fails: absent
FROM gcc:12 AS debug
COPY depth.c soundings.txt /src/
RUN gcc -g -O2 -fsanitize=address,undefined -o /src/depth /src/depth.c -lz
ENTRYPOINT ["/src/depth"]

FROM gcc:12
COPY depth.c /src/
RUN gcc -O2 -Wall -static -s -o /depth /src/depth.c -lz \
 && rm -rf /src/depth.c /usr/bin/*gcc* /usr/bin/*g++* /usr/lib/gcc
COPY soundings.txt /data/
USER 1000
ENTRYPOINT ["/depth"]
