# fails: no-files
FROM python:3.11 AS builder
WORKDIR /app
COPY requirements.txt ./
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    --mount=type=secret,id=trust \
    pip install --target /packages -r requirements.txt
COPY tides ./tides
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    --mount=type=secret,id=trust \
    pip install --target /packages ./tides

FROM python:3.11-slim
COPY --from=builder /packages /packages
COPY --from=builder /root/.cache /root/.cache
ENV PYTHONPATH=/packages
WORKDIR /app
COPY app.py ./
USER nobody
EXPOSE 8080
ENTRYPOINT ["python", "app.py"]
