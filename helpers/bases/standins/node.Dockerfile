# node:20 and node:24: Debian with compilers, Node and npm, as nodejs/docker-node makes it, without yarn and corepack.
#
# The first stage unpacks two packages of npm: Node's own program, and npm. ADD opens an archive by itself.
FROM debian:bookworm-slim AS unpacked
ADD node.tgz /node
ADD npm.tgz /npm
RUN rm /node/package/package.json

FROM buildpack-deps:bookworm
RUN groupadd --gid 1000 node && useradd --uid 1000 --gid node --shell /bin/bash --create-home node
COPY --from=unpacked /node/package /usr/local
COPY --from=unpacked /npm/package /usr/local/lib/node_modules/npm
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm \
    && ln -s ../lib/node_modules/npm/bin/npx-cli.js /usr/local/bin/npx && ln -s node /usr/local/bin/nodejs
COPY node-entrypoint.sh /usr/local/bin/docker-entrypoint.sh
ARG NODE_VERSION
ENV NODE_VERSION=$NODE_VERSION
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["node"]
