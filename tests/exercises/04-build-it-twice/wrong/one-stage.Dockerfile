# fails: single-stage
FROM gcc:12
WORKDIR /src
COPY . .
RUN sh tips.sh
RUN mkdir /app && gcc -O2 -DRELEASED="\"$(cat version.txt)\"" -o /app/app main.c
RUN tar --sort=name --mtime=@0 -czf /app/tips.tar.gz tips
RUN touch -d @0 /app/app /app/tips.tar.gz /app
ENTRYPOINT ["/app/app"]
