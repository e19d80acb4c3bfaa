FROM gcc:12 AS builder
WORKDIR /src
COPY . .
RUN sh tips.sh
RUN mkdir -p /out/app && gcc -O2 -static -s -DRELEASED="\"$(cat version.txt)\"" -o /out/app/app main.c
RUN tar --sort=name --mtime=@0 -czf /out/app/tips.tar.gz tips
RUN find /out -exec touch -d 2026-01-01T00:00:00Z {} +

FROM scratch
COPY --from=builder /out /
ENTRYPOINT ["/app/app"]
