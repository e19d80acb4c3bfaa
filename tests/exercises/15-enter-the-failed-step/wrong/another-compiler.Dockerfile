# fails: builds
FROM gcc:12 AS builder
WORKDIR /src
COPY configure sounder.c ./
ENV CC=/usr/bin/gcc-12 CFLAGS=-static
RUN sh configure
RUN gcc -Wall -O2 -static -o sounder sounder.c

FROM scratch
COPY --from=builder /src/sounder /sounder
ENTRYPOINT ["/sounder"]
