# fails: bases
FROM python:3.11 AS wheels
WORKDIR /build
COPY requirements.txt ./
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    --mount=type=secret,id=trust \
    pip wheel --wheel-dir /wheels -r requirements.txt

FROM python:3.11-slim AS tables
COPY tables.py ./
RUN python tables.py /tides.bin

FROM harbour:ready
RUN --mount=type=bind,from=wheels,source=/wheels,target=/wheels \
    pip install --no-index --no-cache-dir /wheels/*.whl
COPY --from=tables /tides.bin /srv/tides.bin
COPY app.py /srv/
USER nobody
EXPOSE 8080
HEALTHCHECK CMD ["python", "/srv/app.py", "check"]
CMD ["python", "/srv/app.py"]
