import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.Properties;

/**
 * Answers on port 8080, in German, when the water is high. The times lie beside the program, in
 * harbours.properties, and travel in its archive.
 */
public class Tides {
    private static final String EDITION = "unstamped";
    private static final DateTimeFormatter GERMAN = DateTimeFormatter.ofPattern("EEEE, HH:mm", Locale.GERMAN);
    private static final Properties HARBOURS = new Properties();

    public static void main(String[] words) throws IOException {
        try (InputStream in = Tides.class.getResourceAsStream("/harbours.properties")) {
            HARBOURS.load(in);
        }
        if (words.length > 0) {
            System.out.println(say(words[0]));
            return;
        }
        var server = HttpServer.create(new InetSocketAddress(8080), 0);
        server.createContext("/", Tides::answer);
        server.start();
        System.out.println("Listening on 8080");
    }

    private static void answer(HttpExchange exchange) throws IOException {
        String harbour = exchange.getRequestURI().getPath().substring(1);
        boolean known = HARBOURS.containsKey(harbour);
        byte[] body = (say(harbour) + "\n").getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(known ? 200 : 404, body.length);
        try (var out = exchange.getResponseBody()) {
            out.write(body);
        }
    }

    private static String say(String harbour) {
        String time = HARBOURS.getProperty(harbour);
        return time == null ? "Kein Hafen " + harbour
            : "Hochwasser in " + harbour + ": " + GERMAN.format(LocalDateTime.parse(time)) + " (Ausgabe " + EDITION + ")";
    }
}
