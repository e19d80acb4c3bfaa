FROM node:20 AS builder
WORKDIR /app
COPY package.json package-lock.json ./
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc \
    --mount=type=secret,id=trust \
    npm ci
RUN --mount=type=bind,source=src,target=src \
    --mount=type=bind,source=index.html,target=index.html \
    --mount=type=bind,source=build.js,target=build.js \
    node build.js

FROM nginx:alpine
RUN --mount=type=bind,from=builder,source=/app/dist,target=/dist cp -r /dist/. /usr/share/nginx/html/
COPY site.conf /etc/nginx/conf.d/default.conf
