ARG PYTHON=3.11
FROM python:${PYTHON} AS wheels
COPY requirements.txt /src/
RUN --mount=type=cache,id=multistage.course-pip,target=/root/.cache/pip \
    --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    --mount=type=secret,id=trust \
    pip wheel --wheel-dir /wheels -r /src/requirements.txt

FROM wheels AS module
COPY tides /src/tides
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    --mount=type=secret,id=trust \
    pip wheel --wheel-dir /wheels --no-deps /src/tides

FROM python:${PYTHON}-slim
RUN --mount=type=bind,from=module,source=/wheels,target=/wheels \
    pip install --no-index --no-cache-dir /wheels/*.whl
WORKDIR /app
COPY app.py ./
USER nobody
EXPOSE 8080
ENTRYPOINT ["python", "app.py"]
