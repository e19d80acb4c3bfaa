ARG JAVA=17
FROM eclipse-temurin:${JAVA}-jdk AS compiled
COPY src/Tides.java /src/
RUN javac -d /classes /src/Tides.java

FROM compiled AS packed
COPY src/harbours.properties /classes/

FROM eclipse-temurin:${JAVA}-jre
COPY --from=packed --chown=1000:1000 /classes /srv/classes
USER 1000:1000
EXPOSE 8080
ENTRYPOINT ["java", "-cp", "/srv/classes", "Tides"]
