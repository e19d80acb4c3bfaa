# fails: reproducible
FROM gcc:12 AS builder
WORKDIR /src
COPY . .
RUN sh tips.sh
RUN mkdir /out && gcc -O2 -DRELEASED="\"$(cat version.txt)\"" -o /out/app main.c
RUN tar --sort=name --mtime=@0 -czf /out/tips.tar.gz tips
RUN touch -d @0 /out/app /out/tips.tar.gz /out

FROM gcr.io/distroless/base-debian12
COPY --from=builder /out /app
ENTRYPOINT ["/app/app"]
