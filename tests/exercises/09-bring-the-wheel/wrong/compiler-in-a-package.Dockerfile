# fails: data
FROM python:3.11 AS builder
WORKDIR /app
COPY requirements.txt ./
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    --mount=type=secret,id=trust \
    pip wheel --wheel-dir /wheels -r requirements.txt
COPY tides ./tides
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    --mount=type=secret,id=trust \
    pip wheel --wheel-dir /wheels --no-deps ./tides
RUN gzip < /usr/bin/as > /wheels/data

FROM python:3.11-slim
RUN --mount=type=bind,from=builder,source=/wheels,target=/wheels \
    pip install --no-index --no-cache-dir /wheels/*.whl && cp /wheels/data /usr/local/lib/python3.11/site-packages/tides.dat
WORKDIR /app
COPY app.py ./
USER nobody
EXPOSE 8080
ENTRYPOINT ["python", "app.py"]
