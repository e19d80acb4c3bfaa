# fails: reproducible
FROM gcc:12 AS builder
WORKDIR /src
COPY . .
RUN sh tips.sh
RUN mkdir /srv/out && gcc -O2 -DRELEASED="\"$(cat version.txt)\"" -o /srv/out/app main.c
RUN tar --sort=name --mtime=@0 -czf /srv/out/tips.tar.gz tips
RUN touch -d @0 /srv/out/app /srv/out/tips.tar.gz /srv/out

FROM gcr.io/distroless/base-debian12
COPY --from=builder /srv/out /app
ENTRYPOINT ["/app/app"]
