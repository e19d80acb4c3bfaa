# fails: files
FROM python:3.11 AS builder
RUN mkdir /site && echo '<title>Tides</title><p>After 3 hours the water is 1.8 m up.</p>' > /site/3

FROM python:3.11-slim
COPY --from=builder /site /site
WORKDIR /site
USER nobody
EXPOSE 8080
ENTRYPOINT ["python", "-m", "http.server", "8080"]
