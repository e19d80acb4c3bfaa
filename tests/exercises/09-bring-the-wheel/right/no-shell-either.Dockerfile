FROM python:3.11 AS builder
COPY requirements.txt ./
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    --mount=type=secret,id=trust \
    pip install --no-cache-dir --target /packages -r requirements.txt
COPY tides ./tides
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    --mount=type=secret,id=trust \
    pip install --no-cache-dir --target /packages ./tides

FROM gcr.io/distroless/python3-debian12
COPY --from=builder /packages /packages
ENV PYTHONPATH=/packages
WORKDIR /app
COPY app.py ./
USER nonroot
EXPOSE 8080
ENTRYPOINT ["/usr/bin/python3", "app.py"]
