# fails: unused-stage
FROM eclipse-temurin:17-jdk AS builder
WORKDIR /app
COPY src ./src
RUN javac -d classes src/Tides.java && cp src/harbours.properties classes/
RUN jar --create --file tides.jar --main-class Tides -C classes .

FROM eclipse-temurin:17-jdk
WORKDIR /app
COPY src ./src
RUN javac -d classes src/Tides.java && cp src/harbours.properties classes/
USER nobody
EXPOSE 8080
ENTRYPOINT ["java", "-cp", "classes", "Tides"]
