# fails: debug: same
FROM gcc:12 AS build
WORKDIR /src
COPY main.c portions.c portions.h ./
RUN gcc -O2 -Wall -static -o portions main.c portions.c
RUN gcc -g -static -o portions-debug main.c portions.c

FROM build AS test
COPY portions_test.c ./
RUN gcc -Wall -o portions_test portions_test.c portions.c && ./portions_test

FROM debian:bookworm-slim AS debug
COPY --from=build /src/portions-debug /usr/local/bin/portions
ENTRYPOINT ["portions"]

FROM scratch
COPY --from=test /src/portions /portions
ENTRYPOINT ["/portions"]
