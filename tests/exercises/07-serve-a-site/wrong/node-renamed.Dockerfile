# fails: absent
FROM node:20 AS builder
WORKDIR /app
COPY package.json package-lock.json ./
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc \
    --mount=type=secret,id=trust \
    npm ci
COPY . .
RUN npm run build

FROM nginx:alpine
COPY --from=builder /usr/local/bin/node /usr/local/bin/waiter
COPY site.conf /etc/nginx/conf.d/default.conf
COPY --from=builder /app/dist /usr/share/nginx/html
