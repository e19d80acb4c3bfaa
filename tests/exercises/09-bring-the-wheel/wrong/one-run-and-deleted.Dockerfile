# fails: single-stage
FROM python:3.11-slim
WORKDIR /app
COPY requirements.txt ./
COPY tides /tmp/tides
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    --mount=type=secret,id=trust \
    apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev python3.11-dev \
 && pip install --no-cache-dir -r requirements.txt /tmp/tides \
 && apt-get purge -y --auto-remove gcc libc6-dev python3.11-dev && rm -rf /var/lib/apt/lists/* requirements.txt
COPY app.py ./
USER nobody
EXPOSE 8080
ENTRYPOINT ["python", "app.py"]
