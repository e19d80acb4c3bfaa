ARG JAVA=17
FROM eclipse-temurin:${JAVA}-jdk AS compiled
COPY src/Tides.java /src/
RUN javac -d /classes /src/Tides.java

FROM compiled AS packed
COPY src/harbours.properties /classes/

FROM eclipse-temurin:17-jdk AS runtime
RUN jlink --add-modules java.base,jdk.httpserver,jdk.localedata --include-locales=de \
    --strip-debug --no-header-files --no-man-pages --output /runtime

FROM debian:bookworm-slim
COPY --from=runtime /runtime /opt/java
COPY --from=packed --chown=1000:1000 /classes /srv/classes
USER 1000:1000
EXPOSE 8080
ENTRYPOINT ["/opt/java/bin/java", "-cp", "/srv/classes", "Tides"]
