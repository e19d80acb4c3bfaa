# buildpack-deps:bookworm: compilers, and headers for whatever a package of some language may want to compile
# against. The packages are those of docker-library/buildpack-deps.
FROM buildpack-deps:bookworm-scm
RUN --mount=type=bind,source=install_packages,target=/usr/local/bin/install_packages \
    --mount=type=secret,id=apt.conf --mount=type=secret,id=apt.sources --mount=type=secret,id=trust \
    install_packages autoconf automake bzip2 default-libmysqlclient-dev dpkg-dev file g++ gcc imagemagick \
    libbz2-dev libc6-dev libcurl4-openssl-dev libdb-dev libevent-dev libffi-dev libgdbm-dev libglib2.0-dev \
    libgmp-dev libjpeg-dev libkrb5-dev liblzma-dev libmagickcore-dev libmagickwand-dev libmaxminddb-dev \
    libncurses5-dev libncursesw5-dev libpng-dev libpq-dev libreadline-dev libsqlite3-dev libssl-dev libtool \
    libwebp-dev libxml2-dev libxslt-dev libyaml-dev make patch unzip xz-utils zlib1g-dev \
    --with-manuals
