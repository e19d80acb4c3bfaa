# fails: starts
FROM python:3.11 AS builder
RUN python -m venv /build/venv
WORKDIR /app
COPY requirements.txt ./
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    --mount=type=secret,id=trust \
    /build/venv/bin/pip install --no-cache-dir -r requirements.txt
COPY tides ./tides
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    --mount=type=secret,id=trust \
    /build/venv/bin/pip install --no-cache-dir ./tides

FROM python:3.11-slim
COPY --from=builder /build/venv /opt/venv
ENV PATH=/build/venv/bin:$PATH
WORKDIR /app
COPY app.py ./
USER nobody
EXPOSE 8080
ENTRYPOINT ["python", "app.py"]
