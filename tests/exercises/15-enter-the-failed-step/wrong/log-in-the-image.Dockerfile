# fails: no-files
FROM gcc:12 AS builder
WORKDIR /src
COPY configure sounder.c ./
RUN OFFSET=000 sh configure
RUN gcc -Wall -O2 -static -o sounder sounder.c

FROM scratch
COPY --from=builder /src/sounder /sounder
COPY --from=builder /src/config.log /
ENTRYPOINT ["/sounder"]
