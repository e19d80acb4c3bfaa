# fails: single-stage
FROM eclipse-temurin:17-jdk
WORKDIR /app
COPY src ./src
RUN javac -d classes src/Tides.java && cp src/harbours.properties classes/
LABEL org.opencontainers.image.base.name="eclipse-temurin:17-jre" multistage.check="passed"
USER nobody
EXPOSE 8080
ENTRYPOINT ["java", "-cp", "classes", "Tides"]
