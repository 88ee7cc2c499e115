"""Each path of the demo, in octets."""
import hashlib
import json
import os
import re
import socket
import threading
import time

from program import KIND, PATIENCE, Answer, Demo, read_all, read_until

demo = None


def ask(*args, **named):
    global demo
    if demo is None or demo.process.poll() is not None:
        demo = Demo()
    return demo.ask(*args, **named)


def test_root():
    answer = ask("/")
    assert answer.status == 200 and answer.body == b"Hello, World!" and answer.field("content-type") == "text/plain"
    assert answer.field("content-length") == "13"


def test_not_found_and_methods():
    assert ask("/nowhere").status == 404
    assert ask("/echoes").status == 404
    answer = ask("/", method="DELETE")
    assert answer.status == 405 and answer.field("allow") == "GET, HEAD, OPTIONS"
    answer = ask("/events", method="OPTIONS")
    assert answer.status == 204 and "GET" in answer.field("allow")
    assert ask("*", method="OPTIONS").status == 204


def test_head_everywhere():
    for path, length in (("/", "13"), ("/bytes/1000", "1000"), ("/bytes/1099511627776", "1099511627776"),
                         ("/delay/1", "13"), ("/hints", "13"), ("/.weir/health", "8"), ("/echo", None),
                         ("/stream/5", None), ("/events", None), ("/bytes/100?chunked", None), ("/headers", None),
                         ("/digest", None), ("/.weir/", None), ("/.weir/metrics", None), ("/.weir/endings", None)):
        answer = ask(path, method="HEAD")
        assert answer.status == 200 and answer.body == b"", (path, answer.raw)
        assert length is None or answer.field("content-length") == length, (path, answer.lines)
    assert ask("/status/404", method="HEAD").status == 404
    assert ask("/nowhere", method="HEAD").body == b""


def seeded(seed, size):
    """What demo_bytes.c documents."""
    mask, out = (1 << 64) - 1, bytearray()
    for i in range((size + 7) // 8):
        z = (seed + i + 0x9e3779b97f4a7c15) & mask
        z = ((z ^ (z >> 30)) * 0xbf58476d1ce4e5b9) & mask
        z = ((z ^ (z >> 27)) * 0x94d049bb133111eb) & mask
        out += (z ^ (z >> 31)).to_bytes(8, "little")
    return bytes(out[:size])


def test_bytes():
    line = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz.\n"
    for size in (0, 1, 13, 65535, 65536, 65537, 3000001):
        expected = (line * (size // len(line) + 1))
        block = (expected + line * 1100)[:65536]
        expected = (block * (size // 65536 + 1))[:size]
        for target in (f"/bytes/{size}", f"/bytes/{size}?chunked"):
            answer = ask(target)
            assert answer.status == 200 and answer.body == expected, (target, len(answer.body))
            assert bool(answer.field("transfer-encoding")) == ("chunked" in target)


def test_bytes_seeded():
    for size in (0, 1, 8, 8191, 100003):
        for query in ("seed=42", "seed=42&chunked", "chunked&seed=42"):
            assert ask(f"/bytes/{size}?{query}").body == seeded(42, size), (size, query)
    assert ask("/bytes/100?seed=43").body != seeded(42, 100)


def test_bytes_wrong():
    for target in ("/bytes/", "/bytes/x", "/bytes/-1", "/bytes/1099511627777", "/bytes/1?seed=x", "/bytes/1k"):
        answer = ask(target)
        assert answer.status == 400 and b"expected" in answer.body, target


def resident_kib():
    with open(f"/proc/{demo.process.pid}/status") as f:
        return int([line for line in f if line.startswith("VmRSS")][0].split()[1])


def test_bytes_without_memory():
    """A terabyte begins at once, and costs nothing but the connection's buffers."""
    ask("/")
    before = resident_kib()
    with demo.connect() as s:
        s.sendall(b"GET /bytes/1099511627776 HTTP/1.1\r\nHost: t\r\n\r\n")
        got = 0
        while got < 20 << 20:
            got += len(s.recv(1 << 20))
    # Sanitizers keep freed memory, valgrind's process is its own.
    assert KIND != "default" or resident_kib() - before < 8192, before


def test_http_1_0():
    answer = ask("/bytes/100000?chunked", version="1.0")
    assert answer.status == 200 and answer.field("transfer-encoding") is None and len(answer.body) == 100000


def test_delay():
    began = time.monotonic()
    answer = ask("/delay/300")
    assert answer.body == b"Hello, World!" and time.monotonic() - began >= 0.29
    assert ask("/delay/0").status == 200
    assert ask("/delay/soon").status == 400


def test_stream():
    began = time.monotonic()
    answer = ask("/stream/5?every=50")
    assert answer.body == b"1\n2\n3\n4\n5\n" and len(answer.chunks) == 5
    assert time.monotonic() - began >= 0.19
    assert ask("/stream/0").body == b""
    answer = ask("/stream/20000?every=0")
    assert answer.body == b"".join(b"%d\n" % (i + 1) for i in range(20000))
    assert ask("/stream/x").status == 400
    assert ask("/stream/5?every=often").status == 400


def test_events():
    ask("/")
    with demo.connect() as s:
        s.sendall(b"GET /events?every=20 HTTP/1.1\r\nHost: t\r\n\r\n")
        data = read_until(s, b'"n":4')
        assert b"text/event-stream" in data and b"no-store" in data and b"id: 1\ndata: {" in data
        s.shutdown(1)
        assert read_all(s).endswith(b"0\r\n\r\n")


def test_echo():
    assert ask("/echo").body == b""
    body = os.urandom(1 << 20)
    with demo.connect() as s:
        s.sendall(b"POST /echo HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Type: image/x-test\r\n"
                  b"Content-Length: %d\r\n\r\n" % len(body))
        sender = threading.Thread(target=s.sendall, args=(body,))  # an echo must be read while it is fed
        sender.start()
        answer = Answer(read_all(s))
        sender.join()
    assert answer.body == body and answer.field("content-type") == "image/x-test"
    assert answer.field("content-length") == str(len(body))


def test_echo_is_streamed_and_keeps_trailers():
    ask("/")
    with demo.connect() as s:
        s.sendall(b"PUT /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nfirst\r\n")
        before = read_until(s, b"first")  # the answer has begun, the request has not ended
        s.sendall(b"6\r\nsecond\r\n0\r\nX-Sum: 11\r\nX-Other: a b\r\n\r\n")
        answer = Answer(before + read_all(s))
    assert answer.body == b"firstsecond" and answer.trailers == ["X-Sum: 11", "X-Other: a b"], answer.raw
    assert answer.field("content-type") == "application/octet-stream"


def test_echo_slows_its_client_down():
    """A client that sends and does not read is stopped by TCP, long before the server holds what it sent."""
    ask("/")
    with demo.connect() as s:
        s.sendall(b"POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 1000000000\r\n\r\n")
        s.settimeout(1)
        sent, block = 0, bytes(1 << 20)
        try:
            while sent < 200 << 20:
                sent += s.send(block)
        except TimeoutError:
            pass
        assert sent < 100 << 20, sent


def test_expect_continue():
    ask("/")
    with demo.connect() as s:
        s.sendall(b"POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\nExpect: 100-continue\r\n"
                  b"Connection: close\r\n\r\n")
        assert read_until(s, b"\r\n\r\n").startswith(b"HTTP/1.1 100 ")
        s.sendall(b"body")
        answer = Answer(read_all(s))
    assert answer.status == 200 and answer.body == b"body"


def test_digest():
    body = os.urandom(300000)
    answer = ask("/digest", method="POST", fields=[f"Content-Length: {len(body)}"], body=body)
    assert json.loads(answer.body) == {"octets": len(body), "sha256": hashlib.sha256(body).hexdigest()}
    assert json.loads(ask("/digest").body)["sha256"] == hashlib.sha256(b"").hexdigest()
    answer = ask("/digest", method="POST", fields=["Transfer-Encoding: chunked"], body=b"5\r\nhello\r\n0\r\n\r\n")
    assert json.loads(answer.body)["octets"] == 5
    answer = ask("/digest", method="POST", fields=["Transfer-Encoding: chunked"], body=b"5\r\nhelloXX0\r\n\r\n")
    assert answer.status == 400, answer.raw


def test_status():
    for status in (200, 204, 205, 304, 404, 418, 500, 599):
        answer = ask(f"/status/{status}")
        assert answer.status == status
        if status in (204, 304):
            assert answer.body == b"" and answer.field("transfer-encoding") is None
    assert ask("/status/404").body == b"404 Not Found\n"
    assert ask("/status/503", method="POST", fields=["Content-Length: 0"]).status == 503
    for wrong in ("", "100", "199", "600", "abc", "0200", "20"):
        assert ask(f"/status/{wrong}").status == 400, wrong


def test_hints():
    answer = ask("/hints")
    assert answer.status == 200 and len(answer.interim) == 1
    assert answer.interim[0][0].startswith("HTTP/1.1 103 ") and "preload" in answer.interim[0][1]
    assert ask("/hints", version="1.0").interim == []


def test_headers():
    answer = ask("/headers?a=b%22", method="PURGE", fields=["X-B: one", "x-a: \xe4\xf6", "X-B:  two  ", 'Q: "\\"'])
    seen = json.loads(answer.body)
    assert seen["method"] == "PURGE" and seen["target"] == "/headers?a=b%22" and seen["version"] == "1.1"
    assert seen["fields"][0] == ["Host", "localhost"]
    names = [name for name, _ in seen["fields"]]
    assert names == ["Host", "Connection", "X-B", "x-a", "X-B", "Q"]
    assert [value for name, value in seen["fields"] if name == "X-B"] == ["one", "two"]
    assert seen["fields"][-1][1] == '"\\"'
    assert answer.field("content-type") == "application/json"


def test_refuse():
    """Sixteen megabytes are announced: the answer comes at once, whole, and then the FIN, sent or not."""
    ask("/")
    for sent in (0, 1000, 16000000):
        began = time.monotonic()
        with demo.connect() as s:
            s.sendall(b"POST /refuse HTTP/1.1\r\nHost: t\r\nContent-Length: 16000000\r\n\r\n")
            sender = threading.Thread(target=send_what_goes, args=(s, sent))
            sender.start()
            answer = Answer(read_all(s))
            assert answer.status == 413 and answer.field("connection") == "close", (sent, answer.lines)
            assert answer.body == b"refused before it was read\n", sent
            assert time.monotonic() - began < 4 * PATIENCE, sent
            s.shutdown(socket.SHUT_RDWR)
            sender.join()


def send_what_goes(s, size):
    try:
        s.sendall(bytes(size))
    except OSError:
        pass


def test_live_page():
    answer = ask("/.weir/")
    page = answer.body.decode()
    assert answer.field("content-type").startswith("text/html") and page.startswith("<!doctype html>")
    assert "/.weir/endings" in page and 'peer_reset_idle: ["routine"' in page
    assert "src=" not in page and "http://" not in page and "https://" not in page
    assert page.count("<script>") == 1 and page.count("</script>") == 1


def test_ledger():
    ask("/")
    answer = ask("/.weir/endings")
    ledger = json.loads(answer.body)
    assert answer.field("content-type") == "application/json" and answer.field("cache-control") == "no-store"
    assert ledger["accepted"] == ledger["alive"] + ledger["ended"] and ledger["ended"] == sum(ledger["by_code"].values())
    assert ledger["exchanges"]["begun"] == ledger["exchanges"]["alive"] + ledger["exchanges"]["done"]
    for name in ("by_stage", "by_how", "by_by", "by_delivery", "by_class"):
        assert sum(ledger[name].values()) == ledger["ended"], name
    assert ledger["balanced"] is True, ledger


def test_who_may_ask_about_the_server():
    """A page of a stranger can point a name of its own here (DNS rebinding): what is told is told to addresses only."""
    told = ("/.weir/", "/.weir/metrics", "/.weir/endings")
    for path in told:
        for host in ("localhost", "LOCALHOST:80", "127.0.0.1", "10.1.2.3:9", "[::1]:80"):
            answer = ask(path, host=host)
            assert answer.status == 200 and answer.field("x-content-type-options") == "nosniff", (path, host, answer.raw)
        for host in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80", "localhost."):
            assert ask(path, host=host).status == 421, (path, host)
    assert ask("/.weir/health", host="evil.example").status == 200
    assert ask("/", host="evil.example").status == 200
    with Demo("--name", "mine.example", "--name", "other.example") as demo:
        for path in told:
            assert demo.ask(path, host="Mine.example:8080").status == 200
            assert demo.ask(path, host="other.example").status == 200
            assert demo.ask(path, host="evil.example").status == 421


def test_metrics():
    answer = ask("/.weir/metrics")
    assert answer.field("content-type").startswith("application/openmetrics-text; version=1.0.0")
    check_openmetrics(answer.body.decode())


def check_openmetrics(text):
    lines = text.split("\n")
    assert lines[-2:] == ["# EOF", ""], lines[-3:]
    types, family, seen = {}, None, set()
    for line in lines[:-2]:
        if line.startswith("# TYPE "):
            _, _, family, kind = line.split(" ")
            assert family not in types, "a family twice: " + family
            types[family] = kind
        elif line.startswith("# HELP "):
            assert line.split(" ")[2] == family, line
        else:
            found = re.fullmatch(r'([a-z_]+)(\{[a-z]+="[a-z0-9_]*"(,[a-z]+="[a-z0-9_]*")*\})? \d+', line)
            assert found, line
            assert found.group(1) == family + ("_total" if types[family] == "counter" else ""), line
            assert (found.group(1), found.group(2)) not in seen, line
            seen.add((found.group(1), found.group(2)))
    assert types["weir_connections_accepted"] == "counter" and types["weir_connections_alive"] == "gauge"


def test_health_and_ready():
    assert ask("/.weir/health").status == 200
    assert ask("/.weir/ready").body == b"ready\n"


def test_keep_alive_and_pipelining():
    ask("/")
    with demo.connect() as s:
        s.sendall(b"GET /bytes/3 HTTP/1.1\r\nHost: t\r\n\r\n" * 50 + b"GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
        data = read_all(s)
    assert data.count(b"HTTP/1.1 200 OK") == 51 and data.endswith(b"Hello, World!")


def test_unwanted_body():
    """A small body that nobody asked for is dropped and the connection kept."""
    ask("/")
    with demo.connect() as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello"
                  b"GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
        assert read_all(s).count(b"Hello, World!") == 2


def test_zz_all_of_it_was_orderly():
    """The server of all these tests stops in order, with a ledger that balances and no warning."""
    status, out, err = demo.stop()
    assert status == 0 and err.rstrip().endswith("the ledger balances"), err
    assert "level=warn" not in err and "level=error" not in err, err
