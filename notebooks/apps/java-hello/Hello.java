import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.module.ModuleFinder;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * Says hello, and then looks around: which of the tools that built it are still
 * within reach? With the argument "serve" it says the same over HTTP on port 8080.
 */
public class Hello {
    record Tool(String name, Path path) {}

    private static final Path HOME = Path.of(System.getProperty("java.home"));

    private static final List<Tool> TOOLS = List.of(
        new Tool("Java compiler", HOME.resolve("bin/javac")),
        new Tool("shell", Path.of("/bin/sh")),
        new Tool("package manager", Path.of("/usr/bin/apt-get")),
        new Tool("source code", Path.of("/app/Hello.java")));

    private static String report() {
        var text = new StringBuilder("Hello from Java " + Runtime.version().feature() + ", with "
            + ModuleFinder.ofSystem().findAll().size() + " of its modules!\n");
        for (Tool tool : TOOLS) {
            String state = Files.exists(tool.path()) ? "within reach at " + tool.path() : "not here";
            text.append(String.format("%-16s %s%n", tool.name(), state));
        }
        return text.toString();
    }

    public static void main(String[] words) throws IOException {
        if (words.length == 0 || !words[0].equals("serve")) {
            System.out.print(report());
            return;
        }
        var server = HttpServer.create(new InetSocketAddress(8080), 0);
        server.createContext("/", exchange -> {
            byte[] body = report().getBytes();
            exchange.sendResponseHeaders(200, body.length);
            try (OutputStream out = exchange.getResponseBody()) {
                out.write(body);
            }
        });
        server.start();
    }
}
