FROM gcc:12 AS post-builder
WORKDIR /src
COPY authority.sh ./
RUN sh authority.sh && cp authority.crt /usr/local/share/ca-certificates/ && update-ca-certificates
COPY post.c ./
RUN gcc -Wall -static -o post post.c -lssl -lcrypto
RUN ./post "It works here."

FROM scratch AS post
COPY --from=post-builder /etc/ssl/certs/ca-certificates.crt /usr/lib/ssl/cert.pem
COPY --from=post-builder /src/post /post
ENTRYPOINT ["/post"]

FROM python:3.11 AS tides-builder
WORKDIR /build
RUN python -m venv --without-pip venv
COPY tides tides
RUN pip --python venv install --no-index ./tides
RUN venv/bin/tides 3

FROM python:3.11-slim AS tides
COPY --from=tides-builder /build/venv /build/venv
ENTRYPOINT ["/build/venv/bin/tides"]

FROM gcc:12 AS depth-builder
WORKDIR /src
COPY depth.c ./
RUN gcc -Wall -O2 -o depth depth.c -lz
RUN ./depth 3 4
RUN mkdir /libraries && cp -L /lib/*-linux-gnu/libz.so.1 /libraries/

FROM gcr.io/distroless/base-debian12
COPY --from=depth-builder /libraries /usr/local/lib/depth
ENV LD_LIBRARY_PATH=/usr/local/lib/depth
COPY --from=depth-builder /src/depth /depth
ENTRYPOINT ["/depth"]
