# fails: single-stage
FROM eclipse-temurin:17-jdk
COPY src /src
RUN javac -d /classes /src/Tides.java && cp /src/harbours.properties /classes/ \
 && jar --create --file /tides.jar --main-class Tides -C /classes . \
 && rm -r /src /classes $JAVA_HOME/jmods $JAVA_HOME/bin/javac $JAVA_HOME/bin/jar $JAVA_HOME/bin/jlink
USER nobody
EXPOSE 8080
ENTRYPOINT ["java", "-jar", "/tides.jar"]
