# fails: builds
FROM gcc:12 AS builder
WORKDIR /src
COPY configure sounder.c ./
RUN OFFSET=50 sh configure
RUN gcc -Wall -O2 -static -o sounder sounder.c

FROM scratch
COPY --from=builder /src/sounder /sounder
ENTRYPOINT ["/sounder"]
