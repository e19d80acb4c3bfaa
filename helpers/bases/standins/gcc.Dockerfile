# gcc:12: Debian with compilers for C, C++ and Fortran. docker-library/gcc compiles them into /usr/local; Debian's
# are of the same version.
FROM buildpack-deps:bookworm
RUN --mount=type=bind,source=install_packages,target=/usr/local/bin/install_packages \
    --mount=type=secret,id=apt.conf --mount=type=secret,id=apt.sources --mount=type=secret,id=trust \
    install_packages gfortran --with-manuals
ARG GCC_VERSION
ENV GCC_VERSION=$GCC_VERSION
CMD ["bash"]
