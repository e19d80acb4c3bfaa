ARG NODE=20
ARG SERVER=nginx:alpine
FROM node:${NODE} AS builder
ARG FOLDER=/work
WORKDIR ${FOLDER}
COPY package*.json ./
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc \
    --mount=type=secret,id=trust \
    npm ci
COPY . ./
RUN npm run build && mv dist /site

FROM ${SERVER}
COPY --from=builder /site/ /srv/site/
COPY site.conf /etc/nginx/conf.d/default.conf
RUN sed -i 's|/usr/share/nginx/html|/srv/site|' /etc/nginx/conf.d/default.conf
