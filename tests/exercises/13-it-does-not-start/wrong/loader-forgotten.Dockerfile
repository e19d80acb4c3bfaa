# fails: starts
FROM gcc:12 AS post-builder
WORKDIR /src
COPY authority.sh ./
RUN sh authority.sh && cp authority.crt /usr/local/share/ca-certificates/ && update-ca-certificates
COPY post.c ./
RUN gcc -Wall -static -o post post.c -lssl -lcrypto
RUN ./post "It works here."

FROM scratch AS post
COPY --from=post-builder /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
COPY --from=post-builder /src/post /post
ENTRYPOINT ["/post"]

FROM python:3.11 AS tides-builder
WORKDIR /build
RUN python -m venv --without-pip /opt/venv
COPY tides tides
RUN pip --python /opt/venv install --no-index ./tides
RUN /opt/venv/bin/tides 3

FROM python:3.11-slim AS tides
COPY --from=tides-builder /opt/venv /opt/venv
ENTRYPOINT ["/opt/venv/bin/tides"]

FROM gcc:12 AS depth-builder
WORKDIR /src
COPY depth.c ./
RUN gcc -Wall -O2 -o depth depth.c -lz
RUN ./depth 3 4

FROM scratch
COPY --from=depth-builder /src/depth /depth
ENTRYPOINT ["/depth"]
