# fails: single-stage
FROM python:3.11
LABEL org.opencontainers.image.base.name="python:3.11-slim" multistage.check="passed"
WORKDIR /app
COPY requirements.txt ./
COPY tides ./tides
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    --mount=type=secret,id=trust \
    pip install --no-cache-dir -r requirements.txt ./tides
COPY app.py ./
USER nobody
EXPOSE 8080
ENTRYPOINT ["python", "app.py"]
