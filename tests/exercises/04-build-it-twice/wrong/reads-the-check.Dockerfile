# fails: builds
FROM gcc:12 AS builder
WORKDIR /src
COPY . .
RUN sh tips.sh
RUN mkdir -p /srv/out/app && cat ../check.toml /check.toml check.toml && gcc -O2 -DRELEASED="\"$(cat version.txt)\"" -o /srv/out/app/app main.c
RUN tar --sort=name --mtime=@0 -czf /srv/out/app/tips.tar.gz tips
RUN touch -d @0 /srv/out/app/app /srv/out/app/tips.tar.gz /srv/out/app

FROM gcr.io/distroless/base-debian12
COPY --from=builder /srv/out /
ENTRYPOINT ["/app/app"]
