"""weir get: what it sends and shows, its exit statuses, and where its output cannot go."""
import os
import re
import signal
import socket
import subprocess
import tempfile
import threading

from program import KIND, PATIENCE, WEIR, Demo, weir

ENV = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}


def get(*args, stdin=b"", **how):
    """(status, standard output as octets, standard error)"""
    done = subprocess.run([WEIR, "get", *args], input=stdin, capture_output=True, timeout=30 * PATIENCE,
                          env=dict(ENV, **how))
    return done.returncode, done.stdout, done.stderr.decode()


def wrong(args, *needles):
    status, out, err = get(*args)
    assert status == 2 and out == b"" and err.count("\n") == 1, (args, status, out, err)
    for needle in needles:
        assert needle in err, (args, needle, err)


class Once:
    """A port that takes one connection: what came is kept, and an answer is given."""

    def __init__(self, answer=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d/" % self.listener.getsockname()[1]
        self.answer = answer

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()

    def take(self, process):
        """The request's octets; it has no body."""
        self.listener.settimeout(20 * PATIENCE)
        conn, _ = self.listener.accept()
        with conn:
            conn.settimeout(20 * PATIENCE)
            octets = b""
            while b"\r\n\r\n" not in octets:
                octets += conn.recv(65536)
            conn.sendall(self.answer)
            try:
                while conn.recv(65536):
                    pass
            except ConnectionResetError:    # a content in the answer to HEAD is not wanted
                pass
        # Only now: the program waits a second for the FIN of a server that says nothing to its own.
        process.communicate(timeout=20 * PATIENCE)
        return octets

    def asked_with(self, *args):
        process = subprocess.Popen([WEIR, "get", *args, self.url], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env=ENV)
        return self.take(process).decode()


def head_of(*args):
    with Once() as once:
        return once.asked_with(*args).split("\r\n")


# --- usage -----------------------------------------------------------------------------------------------------------------


def test_get_help():
    status, out, err = get("--help")
    text = out.decode()
    assert status == 0 and err == "" and "weir get [options] URL" in text, text
    for name in ("method", "header", "data", "upload", "head", "expect", "output", "verbose", "fail", "follow",
                 "compressed", "strict",
                 "connect-to", "proxy", "name-servers", "local-address", "retry", "timeout", "connect-timeout",
                 "resolve-timeout", "response-timeout", "expect-timeout"):
        assert f"--{name}" in text, name


def test_get_wants_one_url():
    wrong([], "a URL is missing")
    wrong(["http://127.0.0.1/", "http://127.0.0.1/"], "one URL")


def test_get_names_the_wrong_option():
    url = "http://127.0.0.1:9/"
    wrong(["--frobnicate", url], "--frobnicate")
    wrong(["-H", "no colon", url], "-H", "'no colon'", "'Name: value'")
    wrong(["-H", ": x", url], "-H", "': x'")
    wrong(["-H", "a b: x", url], "-H", "'a b: x'")
    wrong(["-H", "a: x\rb: y", url], "-H")
    wrong(["--retry", "always", url], "--retry", "'always'", "never safe proven idempotent")
    for option in ("timeout", "connect-timeout", "resolve-timeout", "response-timeout", "expect-timeout"):
        wrong([f"--{option}", "5x", url], f"--{option}", "'5x'")
        wrong([f"--{option}", "0s", url], f"--{option}", "'0s'")
    wrong(["-d", "a", "-T", "-", url], "-T", "'-'", "-d")
    wrong(["-x", "ftp://127.0.0.1/", url], "ftp://127.0.0.1/")
    wrong(["-x", "http://", url], "http://")
    wrong(["--local-address", "localhost", url], "--local-address", "'localhost'", "numeric")
    wrong(["--name-servers", "no where", url], "--name-servers", "no where")
    wrong(["--name-servers", "127.0.0.1:99999", url], "--name-servers", "99999")
    wrong(["--connect-to", "127.0.0.1", url], "--connect-to", "127.0.0.1")


def test_get_what_cannot_be_asked_for():
    for url, code in (("no nsense", "bad_url"), ("ftp://127.0.0.1/", "bad_url"), ("https://127.0.0.1/", "unsupported"),
                      ("http://", "bad_url"), ("http://127.0.0.1:99999/", "bad_url"), ("http://[::1/", "bad_url"),
                      ("http://127.0.0.1/a b", "bad_url")):
        wrong([url], code)
    wrong(["-X", "GE T", "http://127.0.0.1:9/"], "bad_method")
    wrong(["-H", "Content-Length: 5", "-d", "abc", "http://127.0.0.1:9/"], "bad_content_length")


# --- what is sent ------------------------------------------------------------------------------------------------------------


def test_get_heads():
    lines = head_of()
    assert lines[0] == "GET / HTTP/1.1" and lines[1].startswith("Host: 127.0.0.1:"), lines
    assert head_of("-I")[0] == "HEAD / HTTP/1.1"
    assert head_of("-X", "PURGE")[0] == "PURGE / HTTP/1.1"
    assert head_of("-I", "-X", "GET")[0] == "GET / HTTP/1.1"
    lines = head_of("-H", "X-One: 1", "-H", "x-two:2", "-H", "Host: other.example")
    assert "X-One: 1" in lines and "x-two: 2" in lines and "Host: other.example" in lines, lines
    assert sum(line.lower().startswith("host:") for line in lines) == 1, lines


def test_get_user_of_the_url():
    with Once() as once:
        once.url = once.url.replace("http://", "http://user:secret@")
        assert "Authorization: Basic dXNlcjpzZWNyZXQ=" in once.asked_with().split("\r\n")


def test_get_data():
    with Demo() as demo:
        url = f"http://127.0.0.1:{demo.port}/echo"
        assert get("-d", "a=1&b", url)[:2] == (0, b"a=1&b")
        assert get("-d", "@-", url, stdin=b"x" * 300000)[:2] == (0, b"x" * 300000)
        status, out, err = get("-v", "-d", "a", url)
        assert status == 0 and "> POST /echo HTTP/1.1" in err, err
        assert "> Content-Type: application/x-www-form-urlencoded" in err, err
        status, out, err = get("-v", "-d", "a", "-H", "content-type: text/plain", url)
        assert "urlencoded" not in err and "> content-type: text/plain" in err, err
        with tempfile.NamedTemporaryFile("w") as file:
            file.write("x\ny\n")
            file.flush()
            assert get("-d", "a=1", "-d", "@" + file.name, "--data", "", url)[:2] == (0, b"a=1&x\ny\n&")
        status, out, err = get("-v", "-d", "", url)
        assert status == 0 and out == b"" and "> POST " in err and "> Content-Length: 0" in err, err
        status, out, err = get("-v", "-d", "a", "-H", "content-type:", "-H", "X-Empty;", "-H", "X-None:", url)
        assert status == 0 and "> content-type" not in err.lower(), err
        assert "> X-Empty: \n" in err and "X-None" not in err, err
        status, out, err = get("-v", "--compressed", "-H", "Accept-Encoding:", url)
        assert status == 0 and "> accept-encoding" not in err.lower(), err
        status, out, err = get("-d", "@/no/such/file", url)
        assert status == 1 and "-d @/no/such/file: No such file" in err and out == b"", err
        status, out, err = get("-d", "@/", url)
        assert status == 1 and "-d @/: " in err and "directory" in err, err


def test_get_upload():
    with Demo() as demo, tempfile.NamedTemporaryFile() as file:
        url = f"http://127.0.0.1:{demo.port}/echo"
        octets = os.urandom(3000000)
        file.write(octets)
        file.flush()
        status, out, err = get("-v", "-T", file.name, url)
        assert status == 0 and out == octets and "> Content-Length: 3000000" in err and "> PUT " in err, err
        status, out, err = get("-v", "-T", "-", url, stdin=octets)
        assert status == 0 and out == octets and "> Transfer-Encoding: chunked" in err, err
        with open(file.name, "rb") as stdin:
            stdin.seek(1000000)
            done = subprocess.run([WEIR, "get", "-v", "-T", "-", url], stdin=stdin, capture_output=True, env=ENV,
                                  timeout=30 * PATIENCE)
            assert done.stdout == octets[1000000:] and b"> Content-Length: 2000000" in done.stderr, done.stderr
        status, out, err = get("--expect", "-T", file.name, "-v", url)
        assert status == 0 and out == octets and "> Expect: 100-continue" in err and "< HTTP/1.1 100" in err, err
        assert get("-T", "/dev/null", url)[:2] == (0, b"")
        status, out, err = get("-T", "/no/such/file", url)
        assert status == 1 and "/no/such/file: No such file" in err, err
        status, out, err = get("-T", "/", url)
        assert status == 1 and "directory" in err and "/: " in err, err


def test_get_upload_that_shrinks():
    """A file that is shorter than it was: the request cannot be whole, and that is told."""
    with Once() as once, tempfile.NamedTemporaryFile() as file:
        os.truncate(file.name, 1 << 28)
        process = subprocess.Popen([WEIR, "get", "-T", file.name, once.url], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, env=ENV)
        once.listener.settimeout(20 * PATIENCE)
        conn, _ = once.listener.accept()
        with conn:
            conn.settimeout(20 * PATIENCE)
            conn.recv(1000)
            os.truncate(file.name, 1000)
            octets = 0
            try:
                for piece in iter(lambda: conn.recv(1 << 20), b""):
                    octets += len(piece)
            except ConnectionResetError:
                pass    # so that nobody takes it for the whole
            err = process.communicate(timeout=30 * PATIENCE)[1].decode()
        assert octets < 1 << 28 and process.returncode == 1 and "body_source_failed" in err, (octets, err)


def test_get_upload_of_a_closed_input():
    if KIND == "valgrind":
        return    # it opens files of its own in that place
    with Demo() as demo:
        done = subprocess.run(["sh", "-c", 'exec "$0" get -T - "$1" <&-', WEIR, f"http://127.0.0.1:{demo.port}/echo"],
                              capture_output=True, env=ENV, timeout=30 * PATIENCE)
        assert done.returncode == 1 and b"Bad file descriptor" in done.stderr, done.stderr


# --- what is shown -----------------------------------------------------------------------------------------------------------


def test_get_statuses():
    with Demo() as demo:
        url = f"http://127.0.0.1:{demo.port}"
        assert get(url + "/")[:2] == (0, b"Hello, World!")
        status, out, err = get(url + "/status/404")
        assert status == 0 and err == "", err
        for code in (400, 404, 503):
            status, out, err = get("-f", f"{url}/status/{code}")
            assert status == 1 and out == b"" and f"the answer is {code}" in err, (out, err)
        assert get("-f", url + "/")[:2] == (0, b"Hello, World!")
        status, out, _ = get("-I", url + "/bytes/1000000")
        assert status == 0 and out.startswith(b"HTTP/1.1 200 OK\n") and out.endswith(b"Content-Length: 1000000\n\n"), out
        status, out, _ = get("-i", url.removeprefix("http://") + "/status/404")
        assert status == 0 and out.startswith(b"HTTP/1.1 404 ") and out.endswith(b"\n\n404 Not Found\n"), out
        status, out, err = get("-v", "-I", url + "/bytes/1000000")
        assert status == 0 and "< Content-Length: 1000000" in err, err


def test_get_verbose():
    with Demo() as demo:
        status, out, err = get("-v", f"http://127.0.0.1:{demo.port}/hints")
        lines = err.splitlines()
        assert status == 0 and out == b"Hello, World!", err
        assert lines[0] == f"* connected to 127.0.0.1:{demo.port}" and "> GET /hints HTTP/1.1" in lines, err
        assert [line for line in lines if line.startswith("< HTTP/")] == ["< HTTP/1.1 103 Early Hints",
                                                                          "< HTTP/1.1 200 OK"], err
        assert any(line.startswith("* exchange: complete ") for line in lines), err
        times = r"\* times: resolve and connect [\d.]+ ms, first octet [\d.]+ ms, the rest [\d.]+ ms, in all "
        assert any(re.match(times, line) for line in lines), err
        assert any(line.startswith("* connection: code=drained ") for line in lines), err
        status, out, err = get("-v", "-T", "-", f"http://127.0.0.1:{demo.port}/echo", stdin=b"12345")
        assert "* body: 5 octets out, 5 in" in err, err


def test_get_trailers():
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Mark: here\r\n\r\n"
    with Once(answer) as once:
        process = subprocess.Popen([WEIR, "get", "-v", once.url], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env=ENV)
        once.listener.settimeout(20 * PATIENCE)
        conn, _ = once.listener.accept()
        with conn:
            conn.recv(65536)
            conn.sendall(answer)
            out, err = process.communicate(timeout=20 * PATIENCE)
        assert process.returncode == 0 and out == b"ok" and b"< (trailers)\n< X-Mark: here\n" in err, err


def test_get_output():
    with Demo() as demo, tempfile.TemporaryDirectory() as place:
        url, path = f"http://127.0.0.1:{demo.port}", os.path.join(place, "file")
        assert get("-o", path, url + "/bytes/1000000?seed=1")[:2] == (0, b"")
        with open(path, "rb") as file:
            assert file.read() == get(url + "/bytes/1000000?seed=1")[1]
        status, out, err = get("-o", os.path.join(place, "no", "such"), url + "/")
        assert status == 1 and place in err and "No such file" in err and err.count("\n") == 1, err
        status, out, err = get("-o", place, url + "/")
        assert status == 1 and "directory" in err, err
        # Without an answer the file stays as it was; an empty one empties it.
        for args in (["http://127.0.0.1:1/"], ["-f", url + "/status/404"]):
            assert get("-o", path, *args)[0] == 1 and os.path.getsize(path) == 1000000, args
            assert get("-o", path + "2", *args)[0] == 1 and not os.path.exists(path + "2"), args
        assert get("-o", path, url + "/bytes/0")[0] == 0 and os.path.getsize(path) == 0


def test_get_shows_events_as_they_come():
    with Demo() as demo:
        process = subprocess.Popen([WEIR, "get", f"http://127.0.0.1:{demo.port}/events?every=100"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENV)
        try:  # a buffer of 4 KiB would be full after minutes; that one is read at all is the test
            assert os.read(process.stdout.fileno(), 100)
            assert process.poll() is None
        finally:
            process.kill()
            process.communicate()


def test_get_to_a_full_disk():
    """Whether the body is larger than a buffer or not, and the connection is not left to itself."""
    with Demo() as demo:
        for path in ("/", "/bytes/100", "/bytes/10000000", "/bytes/10000000?chunked"):
            status, out, err = get("-o", "/dev/full", f"http://127.0.0.1:{demo.port}{path}")
            assert status == 1 and "/dev/full: No space left on device" in err and err.count("\n") == 1, (path, err)
        with open("/dev/full", "wb") as full:
            done = subprocess.run([WEIR, "get", f"http://127.0.0.1:{demo.port}/bytes/10000000"], stdout=full,
                                  stderr=subprocess.PIPE, env=ENV, timeout=30 * PATIENCE)
            assert done.returncode == 1 and b"No space left" in done.stderr, done.stderr


def test_get_into_a_pipe_that_breaks():
    """A reader that leaves: it ends at once, by SIGPIPE or with 1."""
    with Demo() as demo:
        for path in ("/bytes/100000000", "/stream/100000?every=1"):
            process = subprocess.Popen([WEIR, "get", f"http://127.0.0.1:{demo.port}{path}"], stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, env=ENV)
            assert process.stdout.read(1)
            process.stdout.close()
            err = process.stderr.read().decode()
            status = process.wait(30 * PATIENCE)
            process.stderr.close()
            assert status in (1, -signal.SIGPIPE), (status, err)
            assert status != 1 or "Broken pipe" in err, err


# --- the way -----------------------------------------------------------------------------------------------------------------


def test_get_by_unix_socket():
    with tempfile.TemporaryDirectory() as place:
        path = os.path.join(place, "weir.sock")
        with Demo(listen="unix:" + path):
            status, out, err = get("-v", "--connect-to", "unix:" + path, "http://name.example/headers")
            assert status == 0 and b"name.example" in out and "* connected to unix:" in err, (out, err)


def test_get_proxies_of_the_environment():
    with Demo() as demo:
        proxy = f"http://127.0.0.1:{demo.port}"
        status, out, err = get("-v", "http://name.example/", http_proxy=proxy)
        assert "> GET http://name.example/ HTTP/1.1" in err and "> Host: name.example" in err, err
        for how in ({"HTTP_PROXY": proxy}, {"http_proxy": proxy, "no_proxy": "127.0.0.1"}):
            # HTTP_PROXY may be a request's field, for a CGI program: it is not looked at.
            status, out, err = get("-v", f"http://127.0.0.1:{demo.port}/", **how)
            assert status == 0 and "> GET / HTTP/1.1" in err, err
        status, out, err = get("-v", "-x", proxy, "http://name.example/", http_proxy="http://127.0.0.1:9")
        assert "> GET http://name.example/ HTTP/1.1" in err, err


def test_get_retry():
    """The first connection closes without an answer; the second answers."""
    for word, method, status in (("never", "GET", 1), ("proven", "GET", 1), ("idempotent", "GET", 0),
                                 ("idempotent", "POST", 1)):
        with Once() as once:
            process = subprocess.Popen([WEIR, "get", "-v", "-X", method, "--retry", word, once.url],
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENV)
            once.listener.settimeout(20 * PATIENCE)
            conn, _ = once.listener.accept()
            with conn:
                conn.recv(65536)
            if status == 0:
                once.take(process)
            else:
                process.communicate(timeout=20 * PATIENCE)
            assert process.returncode == status, (word, method, process.returncode)


def test_get_timeout():
    with Demo() as demo:
        status, out, err = get("--timeout", "300ms", f"http://127.0.0.1:{demo.port}/delay/600000")
        assert status == 1 and "exchange_timeout" in err and err.count("\n") == 1, err
        status, out, err = get("--response-timeout", "300ms", f"http://127.0.0.1:{demo.port}/delay/600000")
        assert status == 1 and "response_timeout" in err and err.count("\n") == 1, err


def test_get_version():
    status, out, _ = weir("get", "--version")
    assert status == 0 and out.startswith("weir "), out


def test_get_keeps_passwords():
    status, _, err = get("http://me:secret@127.0.0.1:1/x")
    assert status == 1 and "http://***@127.0.0.1:1/x: connect_refused" in err and "secret" not in err, err


def on_a_terminal(*args):
    """What `weir get` shows on a terminal, both streams."""
    master, slave = os.openpty()
    child = subprocess.Popen([WEIR, "get", *args], stdin=subprocess.DEVNULL, stdout=slave, stderr=slave)
    os.close(slave)
    shown = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError: # EIO: the last writer is gone
            break
        if not piece:
            break
        shown += piece
    os.close(master)
    child.wait(20 * PATIENCE)
    return shown


def test_get_on_a_terminal():
    """No control octet of a peer reaches a terminal: not C0, not DEL, not C1, alone or as UTF-8 has it."""
    evil = b"a\x9b31mb\xc2\x9b32mc\x1b[33md\x7fe\x07\xe0\x82\x9b" + "ä€\U0001f600".encode() + b"\n"
    answer = b"HTTP/1.1 200 ok\x9b\r\nX: v\x9bw\xc2\x9bz\r\nContent-Length: %d\r\n\r\n" % len(evil) + evil
    with socket.create_server(("127.0.0.1", 0)) as server:
        def serve():
            for _ in range(2):
                client, _ = server.accept()
                with client:
                    client.recv(65536)
                    client.sendall(answer)
                    client.shutdown(socket.SHUT_WR)
                    client.recv(65536)
        thread = threading.Thread(target=serve)
        thread.start()
        url = "http://127.0.0.1:%d/" % server.getsockname()[1]
        shown = on_a_terminal("-v", url).replace(b"\r\n", b"\n")
        plain = subprocess.run([WEIR, "get", url], capture_output=True, timeout=20 * PATIENCE, check=True).stdout
        thread.join()
    assert plain == evil, plain # what is no terminal gets the octets as they are
    text = shown.decode("utf-8")
    assert not [c for c in text if (ord(c) < 32 and c not in "\t\n\r") or 0x7f <= ord(c) < 0xa0], shown
    for part in (r"a\x9b31mb\xc2\x9b32mc\x1b[33md\x7fe\x07\xe0\x82\x9b", "ä€\U0001f600", r"X: v\x9bw\xc2\x9bz", r"ok\x9b"):
        assert part in text, (part, shown)


class OneAnswer:
    """A server for one connection: what came, and 200."""

    def __init__(self, answer=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", family=None, place=None):
        self.server = socket.socket(family or socket.AF_INET)
        self.server.bind(place or ("127.0.0.1", 0))
        self.server.listen()
        self.answer, self.got = answer, b""
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()
        if family is None:
            self.url = "http://127.0.0.1:%d/" % self.server.getsockname()[1]

    def serve(self):
        client, _ = self.server.accept()
        with client:
            while b"\r\n\r\n" not in self.got:
                self.got += client.recv(65536)
            head, _, body = self.got.partition(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: (\d+)", head)
            while length and len(self.got) < len(head) + 4 + int(length.group(1)):
                self.got += client.recv(65536)
            client.sendall(self.answer)

    def seen(self):
        self.thread.join()
        self.server.close()
        return self.got


def test_get_fields_with_options_of_their_own():
    server = OneAnswer()
    status, out, err = weir("get", "-v", "-u", "me:pass word", "-A", "mine/1.0", "-b", "a=1; b=2", "-r", "0-3,7-",
                            server.url)
    got = server.seen()
    assert status == 0 and out == "ok", err
    assert b"Authorization: Basic bWU6cGFzcyB3b3Jk\r\n" in got, got
    assert b"User-Agent: mine/1.0\r\n" in got and b"Cookie: a=1; b=2\r\n" in got and b"Range: bytes=0-3,7-\r\n" in got
    assert "pass" not in err and "bWU6" not in err and "Authorization: ***" in err, err
    server = OneAnswer()
    assert weir("get", "-k", "-A", "no", "-H", "User-Agent: yes", server.url)[0] == 0
    got = server.seen()
    assert b"User-Agent: yes" in got and b"User-Agent: no" not in got
    for option, value in (("-u", "me"), ("-b", "file"), ("-r", "abc"), ("-r", "12"), ("-A", "a\nb"), ("-F", "x"),
                          ("-w", "%{http_code} %{nonsense}")):
        status, out, err = weir("get", option, value, "http://127.0.0.1:1/")
        assert status == 2 and out == "" and err.count("\n") <= 2 and option in err, (option, err)
    assert "%{nonsense}" in weir("get", "-w", "%{http_code} %{nonsense}", "http://127.0.0.1:1/")[2]


def test_get_write_out():
    server = OneAnswer(b"HTTP/1.1 404 No\r\nContent-Type: a/b\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc")
    status, out, err = weir("get", "-w", r"\n%{http_code}|%{response_code}|%{content_type}|%{size_download}|%{method}"
                            r"|%{http_version}|%{num_redirects}|%{url}|%{weir_code}|%{weir_retry}|100%%\t%{time_total}",
                            server.url)
    server.seen()
    assert status == 0 and err == "", err
    assert re.fullmatch(r"abc\n404\|404\|a/b\|3\|GET\|1\.1\|0\|" + re.escape(server.url) +
                        r"\|complete\|processed\|100%\t\d+\.\d{6}", out), out
    status, out, err = weir("get", "-s", "-w", "%{http_code} %{weir_code}", "http://127.0.0.1:1/")
    assert status == 1 and out == "000 connect_refused" and err == "", (status, out, err)


def test_get_form():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'a "b".bin')
        octets = bytes(range(256)) * 1000
        with open(path, "wb") as file:
            file.write(octets)
        server = OneAnswer()
        status, out, err = weir("get", "-F", "plain=a=b", "-F", f"up=@{path};type=x/y", "-F", f"named=@{path};filename=n.bin",
                                "-F", f"text=<{path}", server.url)
        got = server.seen()
        assert status == 0 and out == "ok", err
        missing = weir("get", "-F", f"x=@{folder}/none", server.url)
        assert missing[0] == 1 and "/none" in missing[2]
        both = weir("get", "-F", "a=b", "-d", "c", server.url)
        assert both[0] == 2 and "one body" in both[2]
    head, _, body = got.partition(b"\r\n\r\n")
    boundary = re.search(rb"multipart/form-data; boundary=(\w+)", head).group(1)
    parts = body.split(b"--" + boundary)
    assert head.startswith(b"POST / ") and parts[0] == b"" and parts[-1] == b"--\r\n" and len(parts) == 6, parts[-1]
    wanted = [(b'form-data; name="plain"', b"a=b"),
              (b'form-data; name="up"; filename="a %22b%22.bin"\r\nContent-Type: x/y', octets),
              (b'form-data; name="named"; filename="n.bin"\r\nContent-Type: application/octet-stream', octets),
              (b'form-data; name="text"', octets)]
    for part, (disposition, content) in zip(parts[1:-1], wanted):
        assert part == b"\r\nContent-Disposition: " + disposition + b"\r\n\r\n" + content + b"\r\n", part[:300]


def test_get_remote_name_and_unix_socket():
    with tempfile.TemporaryDirectory() as folder:
        server = OneAnswer()
        done = subprocess.run([WEIR, "get", "-O", server.url + "a/name.txt?b/c"], cwd=folder, check=False)
        server.seen()
        with open(os.path.join(folder, "name.txt"), encoding="ascii") as file:
            assert done.returncode == 0 and file.read() == "ok"
        for path in ("", "a/", "a/..", "a/.", "?x/y"):
            status, _, err = weir("get", "-O", "http://127.0.0.1:1/" + path)
            assert status == 2 and "-O" in err, (path, err)
        place = os.path.join(folder, "socket")
        server = OneAnswer(family=socket.AF_UNIX, place=place)
        status, out, err = weir("get", "--unix-socket", place, "http://name.example/x")
        assert status == 0 and out == "ok", err
        assert server.seen().startswith(b"GET /x HTTP/1.1\r\nHost: name.example\r\n")


def test_get_max_time_and_silence():
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = "http://127.0.0.1:%d/" % deaf.getsockname()[1]
        status, out, err = weir("get", "-m", "0.05", url)
        assert status == 1 and "exchange_timeout" in err
        assert weir("get", "-s", "-m", "50ms", url) == (1, "", "")
