# fails: copied
FROM python:3.11 AS builder
WORKDIR /app
COPY requirements.txt ./
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    --mount=type=secret,id=trust \
    pip wheel --wheel-dir /wheels -r requirements.txt

FROM python:3.11-slim
COPY tides /tmp/tides
RUN --mount=type=bind,from=builder,source=/wheels,target=/wheels \
    --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    --mount=type=secret,id=trust \
    apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev python3.11-dev \
 && pip install --no-cache-dir --no-index /wheels/*.whl && pip install --no-cache-dir /tmp/tides && rm -rf /tmp/tides \
 && apt-get purge -y --auto-remove gcc binutils binutils-common libc6-dev python3.11-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY app.py ./
USER nobody
EXPOSE 8080
ENTRYPOINT ["python", "app.py"]
