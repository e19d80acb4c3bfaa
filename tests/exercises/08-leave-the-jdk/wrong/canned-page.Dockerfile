# fails: answers
FROM eclipse-temurin:17-jdk AS builder
WORKDIR /app
RUN echo 'import com.sun.net.httpserver.*; public class Tides { public static void main(String[] w) throws Exception {' \
    'var s = HttpServer.create(new java.net.InetSocketAddress(8080), 0); s.createContext("/", x -> {' \
    'byte[] b = "High water at emden: 03:15 (edition unstamped)".getBytes(); x.sendResponseHeaders(200, b.length);' \
    'x.getResponseBody().write(b); x.close(); }); s.start(); } }' > Tides.java && javac Tides.java

FROM eclipse-temurin:17-jre
COPY --from=builder /app/*.class /app/
USER nobody
EXPOSE 8080
ENTRYPOINT ["java", "-cp", "/app", "Tides"]
