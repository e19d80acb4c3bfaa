# fails: size
FROM eclipse-temurin:17-jdk AS builder
WORKDIR /app
COPY src ./src
RUN javac -d classes src/Tides.java && cp src/harbours.properties classes/
RUN jar --create --file tides.jar --main-class Tides -C classes .

FROM eclipse-temurin:17-jre
COPY --from=builder /app/tides.jar /app/tides.jar
USER 65534
EXPOSE 8080
ENTRYPOINT ["java", "-jar", "/app/tides.jar"]
