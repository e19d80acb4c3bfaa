# fails: absent
FROM gcc:12 AS builder
WORKDIR /src
COPY configure sounder.c ./
RUN OFFSET=000 sh configure
RUN gcc -Wall -O2 -static -o sounder sounder.c

FROM builder
RUN cp sounder /sounder
ENTRYPOINT ["/sounder"]
