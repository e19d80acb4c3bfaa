FROM node:20 AS packages
WORKDIR /app
COPY package.json package-lock.json ./
RUN --mount=type=cache,id=multistage.course-npm,target=/root/.npm \
    --mount=type=secret,id=npmrc,target=/root/.npmrc \
    --mount=type=secret,id=trust \
    npm ci

FROM packages AS site
COPY index.html build.js ./
COPY src src
RUN npm run build

FROM nginx:alpine AS served
COPY --from=site /app/dist /usr/share/nginx/html
COPY site.conf /etc/nginx/conf.d/default.conf
