# fails: single-stage
FROM node:20 AS builder
WORKDIR /app
COPY . .
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc \
    --mount=type=secret,id=trust \
    npm ci
RUN npm run build
EXPOSE 80
LABEL org.opencontainers.image.base.name="nginx:alpine" multistage.check="passed" size="1"
CMD ["node", "serve.js"]
