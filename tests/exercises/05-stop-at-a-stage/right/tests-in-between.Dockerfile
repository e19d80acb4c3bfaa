FROM gcc:12 AS tools
WORKDIR /src
COPY portions.c portions.h ./

FROM tools AS test
COPY portions_test.c ./
RUN gcc -Wall -o portions_test portions_test.c portions.c
RUN ./portions_test > /passed

FROM tools AS build
COPY main.c ./
COPY --from=test /passed /passed
RUN gcc -O2 -Wall -static -s -o /portions main.c portions.c

FROM debian:bookworm-slim AS debug
COPY --from=build /portions /portions
ENTRYPOINT ["/portions"]

FROM gcr.io/distroless/static-debian12
COPY --from=build /portions /portions
ENTRYPOINT ["/portions"]
