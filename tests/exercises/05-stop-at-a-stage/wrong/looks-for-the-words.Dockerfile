# fails: test: keeps
FROM gcc:12 AS build
WORKDIR /src
COPY main.c portions.c portions.h ./
RUN gcc -O2 -Wall -static -o portions main.c portions.c

FROM build AS test
COPY portions_test.c ./
RUN grep -q 'guests \* grams' portions.c && grep -q '250), 1500' portions_test.c && echo "3 tests passed"

FROM debian:bookworm-slim AS debug
COPY --from=build /src/portions /usr/local/bin/
ENTRYPOINT ["portions"]

FROM scratch
COPY --from=build /src/portions /portions
ENTRYPOINT ["/portions"]
