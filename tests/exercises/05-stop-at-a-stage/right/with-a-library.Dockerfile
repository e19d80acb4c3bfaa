ARG GCC=12
FROM gcc:${GCC} AS build
WORKDIR /src
COPY main.c portions.c portions.h ./
RUN gcc -O2 -Wall -o portions main.c portions.c

FROM gcc:12 AS test
WORKDIR /tests
RUN --mount=type=bind,target=/given \
    gcc -Wall -fsanitize=undefined -o /tests/run /given/portions_test.c /given/portions.c && /tests/run > /tests/passed

FROM gcr.io/distroless/base-debian12 AS runtime
COPY --from=build /src/portions /app/portions
COPY --from=test /tests/passed /app/passed
ENTRYPOINT ["/app/portions"]

FROM debian:bookworm-slim AS debug
COPY --from=runtime /app/portions /app/portions
ENTRYPOINT ["/app/portions"]

FROM runtime
CMD ["1", "1"]
