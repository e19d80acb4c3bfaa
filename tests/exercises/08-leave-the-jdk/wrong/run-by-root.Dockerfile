# fails: user
FROM eclipse-temurin:17-jdk AS runtime
RUN jlink --add-modules java.base,jdk.httpserver,jdk.localedata --include-locales=de \
    --strip-debug --no-header-files --no-man-pages --output /runtime

FROM eclipse-temurin:17-jdk AS builder
WORKDIR /app
COPY src ./src
RUN javac -d classes src/Tides.java && cp src/harbours.properties classes/
RUN jar --create --file tides.jar --main-class Tides -C classes .

FROM debian:bookworm-slim
COPY --from=runtime /runtime /opt/java
COPY --from=builder /app/tides.jar /app/tides.jar
EXPOSE 8080
ENTRYPOINT ["/opt/java/bin/java", "-jar", "/app/tides.jar"]
