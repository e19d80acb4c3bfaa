# fails: output
FROM gcc:12 AS builder
WORKDIR /src
COPY configure sounder.c ./
RUN sed -i 's/exit 77/OFFSET=0/' configure && sh configure
RUN gcc -Wall -O2 -static -o sounder sounder.c

FROM scratch
COPY --from=builder /src/sounder /sounder
ENTRYPOINT ["/sounder"]
