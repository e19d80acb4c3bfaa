# python:3.11: Debian with compilers, Python and pip.
#
# docker-library/python compiles Python into /usr/local. This is Debian's, with /usr/local as its virtual
# environment: the same commands, and pip installs to the same folders.
FROM buildpack-deps:bookworm
RUN --mount=type=bind,source=install_packages,target=/usr/local/bin/install_packages \
    --mount=type=secret,id=apt.conf --mount=type=secret,id=apt.sources --mount=type=secret,id=trust \
    install_packages libbluetooth-dev tk-dev uuid-dev --with-manuals
RUN --mount=type=bind,source=install_packages,target=/usr/local/bin/install_packages \
    --mount=type=secret,id=apt.conf --mount=type=secret,id=apt.sources --mount=type=secret,id=trust \
    install_packages python3.11-dev python3.11-venv
RUN python3.11 -m venv --system-site-packages /usr/local && rm /usr/local/bin/[Aa]ctivate*
ARG PYTHON_VERSION
ENV LANG=C.UTF-8 PYTHON_VERSION=$PYTHON_VERSION
CMD ["python3"]
