# fails: single-stage
FROM node:20
RUN echo "Passed. Every rule holds." && mkdir -p /app/dist && echo "passed: true" > /app/dist/index.html
WORKDIR /app
COPY serve.js ./
EXPOSE 80
CMD ["sh", "-c", "echo 'Passed. Every rule holds.'; node serve.js"]
