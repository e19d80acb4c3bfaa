# fails: output
FROM gcc:12 AS builder
WORKDIR /src
COPY . .
RUN sh tips.sh
RUN mkdir -p /out/app && gcc -O2 -DRELEASED="\"$(date +%s.%N)\"" -o /out/app/app main.c
RUN tar --sort=name --mtime=@0 -czf /out/app/tips.tar.gz tips
RUN touch -d @0 /out/app/app /out/app/tips.tar.gz /out/app

FROM gcr.io/distroless/base-debian12
COPY --from=builder /out /
ENTRYPOINT ["/app/app"]
