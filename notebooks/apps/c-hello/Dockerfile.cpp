FROM gcc:12 AS builder
WORKDIR /app
COPY . .
RUN g++ -std=c++17 -O2 -Wall -o hello hello.cpp

FROM gcr.io/distroless/cc-debian12
COPY --from=builder /app/hello /app/hello
CMD ["/app/hello"]
