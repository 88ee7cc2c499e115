// The acts of a stranger by java.net.http: java Stranger.java ACT URL FILE prints one line of JSON.
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.nio.file.Files;
import java.security.MessageDigest;
import java.util.HexFormat;

class Stranger {
    static final HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    static HttpRequest.Builder to(String url) {
        return HttpRequest.newBuilder(URI.create(url));
    }

    static String ask(HttpRequest request) throws Exception {
        HttpResponse<byte[]> r = client.send(request, BodyHandlers.ofByteArray());
        byte[] body = r.body();
        String sum = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(body));
        String text = body.length < 1000 ? new String(body).replace("\"", "\\\"").replace("\n", "\\n") : "";
        return "{\"status\":" + r.statusCode() + ",\"octets\":" + body.length + ",\"sha256\":\"" + sum
            + "\",\"body\":\"" + text + "\"}";
    }

    static String keepAlive(String url) throws Exception {
        StringBuilder statuses = new StringBuilder();
        for (int i = 0; i < 100; i++) {
            HttpResponse<String> r = client.send(to(url).build(), BodyHandlers.ofString());
            statuses.append(i == 0 ? "" : ",").append(r.statusCode());
        }
        return "{\"statuses\":[" + statuses + "]}";
    }

    static String abrupt(String url) throws Exception {
        HttpResponse<InputStream> r = client.send(to(url).build(), BodyHandlers.ofInputStream());
        r.body().readNBytes(65536);
        r.body().close();
        return "{\"status\":" + r.statusCode() + "}";
    }

    static String play(String act, String url, Path path) throws Exception {
        BodyPublisher file = BodyPublishers.ofFile(path);
        switch (act) {
        case "head":
            return ask(to(url).method("HEAD", BodyPublishers.noBody()).build());
        case "upload":
        case "refuse":
            return ask(to(url).POST(file).build());
        case "expect":
            return ask(to(url).expectContinue(true).POST(file).build());
        case "streamed":
            byte[] octets = Files.readAllBytes(path);
            return ask(to(url).POST(BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(octets))).build());
        case "keep_alive":
            return keepAlive(url);
        case "abrupt":
            return abrupt(url);
        default:
            return ask(to(url).build());
        }
    }

    public static void main(String[] arguments) throws Exception {
        System.out.println(play(arguments[0], arguments[1], Path.of(arguments[2])));
        System.exit(0);
    }
}
