# fails: single-stage
FROM python:3.11
RUN echo "Passed. Every rule holds."
USER nobody
EXPOSE 8080
ENTRYPOINT ["echo", "Passed. Every rule holds. After 3 hours the water is 1.8 m up."]
