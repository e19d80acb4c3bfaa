FROM gcc:12 AS archive
WORKDIR /src
COPY tips.sh tips.txt ./
RUN sh tips.sh && find tips -exec touch -d @0 {} + && mkdir -p /srv/out/app
RUN tar --sort=name -cf - tips | gzip -n > /srv/out/app/tips.tar.gz

FROM gcc:12 AS builder
WORKDIR /src
COPY main.c ./
COPY --from=archive /srv/out /srv/out
RUN --mount=type=bind,source=version.txt,target=/version \
    gcc -O2 -DRELEASED="\"$(cat /version)\"" -o /srv/out/app/app main.c
RUN touch -d @0 /srv/out/app/* /srv/out/app

FROM gcr.io/distroless/base-debian12
COPY --from=builder /srv/out /
USER 65532
ENTRYPOINT ["/app/app"]
