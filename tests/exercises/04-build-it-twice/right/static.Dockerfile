FROM gcc:12 AS builder
WORKDIR /src
COPY . .
RUN sh tips.sh
RUN mkdir -p /srv/out/app && gcc -O2 -static -s -DRELEASED="\"$(cat version.txt)\"" -o /srv/out/app/app main.c
RUN tar --sort=name --mtime=@0 -czf /srv/out/app/tips.tar.gz tips
RUN find /srv/out -exec touch -d 2026-01-01T00:00:00Z {} +

FROM scratch
COPY --from=builder /srv/out /
ENTRYPOINT ["/app/app"]
