# fails: builds
FROM python:3.11 AS builder
WORKDIR /app
COPY . .
RUN find / -xdev -name check.toml -exec grep -h . {} + > /answers && test -s /answers

FROM python:3.11-slim
RUN --mount=type=bind,from=builder,source=/wheels,target=/wheels \
    pip install --no-index --no-cache-dir /wheels/*.whl
WORKDIR /app
COPY --from=builder /answers /app/app.py ./
USER nobody
EXPOSE 8080
ENTRYPOINT ["python", "app.py"]
