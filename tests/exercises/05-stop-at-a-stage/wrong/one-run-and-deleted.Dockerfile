# fails: single-stage
FROM gcc:12 AS test
WORKDIR /src
COPY . .
RUN gcc -static -o /portions main.c portions.c && gcc -o t portions_test.c portions.c && ./t && rm -r /src /usr/lib/gcc

FROM test AS debug
ENTRYPOINT ["/portions"]
