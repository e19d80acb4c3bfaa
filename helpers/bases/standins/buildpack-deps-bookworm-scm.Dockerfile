# buildpack-deps:bookworm-scm: Debian with what fetches sources. golang, node, python and gcc stand on it.
#
# The root is the slim one, shared with debian:bookworm-slim; what is installed on it is complete, as in the
# original. The packages are those of docker-library/buildpack-deps.
FROM debian:bookworm-slim
RUN --mount=type=bind,source=install_packages,target=/usr/local/bin/install_packages \
    --mount=type=secret,id=apt.conf --mount=type=secret,id=apt.sources --mount=type=secret,id=trust \
    install_packages ca-certificates curl git gnupg mercurial netbase openssh-client procps sq subversion wget \
    --with-manuals
