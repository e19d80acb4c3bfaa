FROM eclipse-temurin:17-jdk AS builder
WORKDIR /app
COPY src ./src
RUN javac -d classes src/Tides.java && cp src/harbours.properties classes/
RUN jar --create --file tides.jar --main-class Tides -C classes .
RUN jlink --add-modules $(jdeps --print-module-deps tides.jar) \
    --strip-debug --no-header-files --no-man-pages --output /runtime

FROM debian:bookworm-slim
COPY --from=builder /runtime /opt/java
COPY --from=builder /app/tides.jar /app/tides.jar
USER 1000
EXPOSE 8080
ENTRYPOINT ["/opt/java/bin/java", "-jar", "/app/tides.jar"]
