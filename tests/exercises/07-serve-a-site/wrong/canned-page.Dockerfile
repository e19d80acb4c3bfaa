# fails: answers
FROM node:20 AS builder
RUN mkdir -p /dist/assets \
 && echo '<title>Ferry timetable</title><main id="app"></main><script type="module" src="/assets/main.js"></script>' > /dist/index.html \
 && echo 'document.write("Ferry timetable: North pier, Old harbour")' > /dist/assets/main.js

FROM nginx:alpine
COPY site.conf /etc/nginx/conf.d/default.conf
COPY --from=builder /dist /usr/share/nginx/html
