# fails: single-stage
FROM node:20
WORKDIR /app
COPY . .
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc \
    --mount=type=secret,id=trust \
    npm ci && npm run build && rm -rf node_modules src build.js /root/.npm
EXPOSE 80
CMD ["node", "serve.js"]
