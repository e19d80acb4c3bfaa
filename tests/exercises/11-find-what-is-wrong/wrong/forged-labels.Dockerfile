# fails: single-stage
FROM python:3.11
LABEL org.opencontainers.image.base.name="python:3.11-slim" multistage.check="passed"
WORKDIR /srv
COPY requirements.txt ./
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    --mount=type=secret,id=trust \
    pip install --no-cache-dir -r requirements.txt
COPY tables.py app.py ./
RUN python tables.py tides.bin && rm tables.py requirements.txt
USER nobody
EXPOSE 8080
HEALTHCHECK CMD ["python", "/srv/app.py", "check"]
CMD ["python", "/srv/app.py"]
