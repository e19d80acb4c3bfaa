# fails: bases
FROM python:3.11 AS builder
RUN true

FROM tides-python:ready
WORKDIR /app
COPY app.py ./
USER nobody
EXPOSE 8080
ENTRYPOINT ["python", "app.py"]
