# fails: unused-stage
FROM node:20 AS builder
WORKDIR /app
COPY package.json package-lock.json ./
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc \
    --mount=type=secret,id=trust \
    npm ci
COPY . .
RUN npm run build

FROM nginx:alpine
COPY site.conf /etc/nginx/conf.d/default.conf
COPY index.html /usr/share/nginx/html/
COPY src/ferries.js /usr/share/nginx/html/assets/main.js
