# fails: single-stage
FROM eclipse-temurin:17-jdk
RUN echo "Passed. Every rule holds."
USER nobody
EXPOSE 8080
ENTRYPOINT ["echo", "Passed. Every rule holds. Hochwasser in emden: Montag, 03:15"]
