# eclipse-temurin:17-jdk and :17-jre: Java as adoptium/containers has it, without the check of certificates at
# the start. One file, two targets: what both need is a stage, and its layers are shared.
FROM debian:bookworm-slim AS below
RUN --mount=type=bind,source=install_packages,target=/usr/local/bin/install_packages \
    --mount=type=secret,id=apt.conf --mount=type=secret,id=apt.sources --mount=type=secret,id=trust \
    install_packages ca-certificates curl fontconfig gnupg locales p11-kit tzdata wget
# Java's packages link to manuals in that folder, which a slim root lacks.
RUN mkdir -p /usr/share/man/man1 && echo en_US.UTF-8 UTF-8 >> /etc/locale.gen && locale-gen
ENV JAVA_HOME=/opt/java/openjdk LANG=en_US.UTF-8 LANGUAGE=en_US:en LC_ALL=en_US.UTF-8
ENV PATH=$JAVA_HOME/bin:$PATH

FROM below AS jdk
RUN --mount=type=bind,source=install_packages,target=/usr/local/bin/install_packages \
    --mount=type=secret,id=apt.conf --mount=type=secret,id=apt.sources --mount=type=secret,id=trust \
    install_packages binutils openjdk-17-jdk-headless
RUN mkdir /opt/java && ln -s /usr/lib/jvm/java-17-openjdk-* /opt/java/openjdk
CMD ["jshell"]

FROM below AS jre
RUN --mount=type=bind,source=install_packages,target=/usr/local/bin/install_packages \
    --mount=type=secret,id=apt.conf --mount=type=secret,id=apt.sources --mount=type=secret,id=trust \
    install_packages openjdk-17-jre-headless
RUN mkdir /opt/java && ln -s /usr/lib/jvm/java-17-openjdk-* /opt/java/openjdk
CMD []
