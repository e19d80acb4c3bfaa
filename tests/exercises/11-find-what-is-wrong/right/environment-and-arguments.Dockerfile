ARG PYTHON=3.11
FROM python:${PYTHON} AS builder
RUN python -m venv /opt/venv
COPY requirements.txt /build/
RUN --mount=type=cache,id=multistage.course-pip,target=/root/.cache/pip \
    --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    --mount=type=secret,id=trust \
    /opt/venv/bin/pip install -r /build/requirements.txt
COPY tables.py /build/
RUN python /build/tables.py /build/tides.bin

FROM python:${PYTHON}-slim
WORKDIR /srv
COPY --from=builder /opt/venv /opt/venv
COPY --from=builder /build/tides.bin ./
COPY app.py ./
ENV PATH=/opt/venv/bin:$PATH
USER 1000:1000
EXPOSE 8080
HEALTHCHECK --timeout=3s CMD python app.py check
ENTRYPOINT ["python", "app.py"]
