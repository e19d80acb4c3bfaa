# python:3.11-slim: Debian with Python and pip, without compilers. For /usr/local see python.Dockerfile.
FROM debian:bookworm-slim
RUN --mount=type=bind,source=install_packages,target=/usr/local/bin/install_packages \
    --mount=type=secret,id=apt.conf --mount=type=secret,id=apt.sources --mount=type=secret,id=trust \
    install_packages ca-certificates netbase tzdata
RUN --mount=type=bind,source=install_packages,target=/usr/local/bin/install_packages \
    --mount=type=secret,id=apt.conf --mount=type=secret,id=apt.sources --mount=type=secret,id=trust \
    install_packages python3.11-venv
RUN python3.11 -m venv --system-site-packages /usr/local && rm /usr/local/bin/[Aa]ctivate*
ARG PYTHON_VERSION
ENV LANG=C.UTF-8 PYTHON_VERSION=$PYTHON_VERSION
CMD ["python3"]
