# fails: builds
FROM gcc:12 AS builder
WORKDIR /src
COPY configure sounder.c ./
RUN sh configure || true
RUN gcc -Wall -O2 -static -o sounder sounder.c

FROM scratch
COPY --from=builder /src/sounder /sounder
ENTRYPOINT ["/sounder"]
