# fails: absent
FROM eclipse-temurin:17-jdk AS builder
WORKDIR /app
COPY src ./src
RUN javac -d classes src/Tides.java && cp src/harbours.properties classes/
RUN jar --create --file tides.jar --main-class Tides -C classes .
RUN rm $JAVA_HOME/lib/src.zip && cp -rL $JAVA_HOME /jdk && rm -r /jdk/jmods && mv /jdk/bin/javac /jdk/bin/tidy && mv /jdk/bin/jar /jdk/bin/box && mv /jdk/bin/jlink /jdk/bin/knot

FROM debian:bookworm-slim
COPY --from=builder /jdk /opt/java
COPY --from=builder /app/tides.jar /app/tides.jar
USER 1000
EXPOSE 8080
ENTRYPOINT ["/opt/java/bin/java", "-jar", "/app/tides.jar"]
