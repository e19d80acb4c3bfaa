# fails: wasted
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

FROM python:3.11-slim
COPY --from=builder /wheels /wheels
RUN pip install --no-index --no-cache-dir /wheels/*.whl && rm -r /wheels
WORKDIR /app
COPY app.py ./
USER nobody
EXPOSE 8080
ENTRYPOINT ["python", "app.py"]
