# fails: answers
FROM eclipse-temurin:17-jdk AS runtime
RUN jlink --add-modules java.base,jdk.httpserver,jdk.localedata --include-locales=de \
    --strip-debug --no-header-files --no-man-pages --output /runtime

FROM eclipse-temurin:17-jdk AS builder
WORKDIR /app
RUN echo 'import com.sun.net.httpserver.*; public class Tides { public static void main(String[] w) throws Exception {' \
    'var s = HttpServer.create(new java.net.InetSocketAddress(8080), 0); s.createContext("/", x -> {' \
    'byte[] b = "Hochwasser in emden: Montag, 03:15 (Ausgabe unstamped)".getBytes(); x.sendResponseHeaders(200, b.length);' \
    'x.getResponseBody().write(b); x.close(); }); s.start(); } }' > Tides.java && javac Tides.java

FROM debian:bookworm-slim
COPY --from=runtime /runtime /opt/java
COPY --from=builder /app/*.class /app/
USER 65534
EXPOSE 8080
ENTRYPOINT ["/opt/java/bin/java", "-cp", "/app", "Tides"]
