# fails: output
FROM gcc:12 AS builder
WORKDIR /src
COPY configure sounder.c ./
RUN echo '#define OFFSET 50' > config.h
RUN gcc -Wall -O2 -static -o sounder sounder.c

FROM scratch
COPY --from=builder /src/sounder /sounder
ENTRYPOINT ["/sounder"]
