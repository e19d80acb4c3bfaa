FROM eclipse-temurin:17-jdk AS builder
RUN mkdir /site && echo 'High water at emden: 03:15' > /site/emden && echo 'High water at husum: 04:50' > /site/husum

FROM nginx:alpine
RUN sed -i 's/listen 80;/listen 8080;/' /etc/nginx/conf.d/default.conf
COPY --from=builder /site /usr/share/nginx/html
EXPOSE 8080
