#!/usr/bin/env python3
"""HTTP/1 as the demo serves it: for each row of the protocol's table octets in, status out, and whether the connection
stays open; each small case is also sent octet by octet, to the same effect.

run-tests: limit=300 builds=default,asan,tsan,valgrind"""
import hashlib
import json
import threading
import time

import harness
from harness import Closed, Server, check, post, request

OPEN, SHUT = True, False
H = "Host: test\r\n"


def raw(line, *fields, body=b"", host=True):
    """A request of lines as given; text is sent as Latin-1."""
    lines = [line] + (["Host: test"] if host else []) + list(fields)
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


def expect_case(s, name, octets, statuses, stays, slowly):
    statuses = statuses if isinstance(statuses, tuple) else (statuses,)
    with s.connect() as c:
        whole = True
        try:
            whole = c.send_slowly(octets) if slowly else c.send(octets) or True
        except (BrokenPipeError, ConnectionResetError):
            whole = False
        try:
            r = c.read_response(octets.lstrip(b"\r\n").split(b" ", 1)[0].decode("latin-1"))
        except Closed as end:
            raise harness.Failure("%s: no answer: %s" % (name, end))
        check(r.status in statuses, "%s: %d, not %s: %r %r", name, r.status, statuses, r, r.body[:200])
        check(r.get("Date"), "%s: no Date: %r", name, r)
        if r.status >= 400 and stays is SHUT:
            check(r.framing == "length", "%s: no Content-Length: %r", name, r)
        if stays is SHUT:
            check(r.says_close() or r.framing == "close", "%s: no Connection: close: %r", name, r)
            if whole:
                c.expect_eof()
        elif stays is OPEN:
            check(not r.says_close(), "%s: Connection: close: %r", name, r)
            again = c.get("/")
            check(again.status == 200 and again.body == b"Hello, World!", "%s: then %r", name, again)
        return r


def run_cases(cases, *options):
    with Server(*options) as s:
        failures = []
        for name, octets, statuses, stays in cases:
            for slowly in (False, True):
                if slowly and len(octets) > 600:
                    continue
                try:
                    expect_case(s, name + (", octet by octet" if slowly else ""), octets, statuses, stays, slowly)
                except (harness.Failure, Closed, OSError) as failure:
                    failures.append("%s: %s" % (name, failure) if not str(failure).startswith(name) else str(failure))
        check(not failures, "%d of %d cases:\n%s", len(failures), len(cases), "\n".join(failures))
        s.stop()


def get(*fields, **how):
    return raw("GET / HTTP/1.1", *fields, **how)


def test_host():
    run_cases([
        ("plain", get(), 200, OPEN),
        ("missing", get(host=False), 400, SHUT),
        ("twice", get("Host: test"), 400, SHUT),
        ("twice, other case", get("hOST: test"), 400, SHUT),
        ("empty", get("Host:", host=False), 200, OPEN),
        ("with port", get("Host: a.example:8080", host=False), 200, OPEN),
        ("IPv6", get("Host: [::1]:80", host=False), 200, OPEN),
        ("IPv6, not closed", get("Host: [::1", host=False), 400, SHUT),
        ("blank inside", get("Host: a b", host=False), 400, SHUT),
        ("a path", get("Host: a/b", host=False), 400, SHUT),
        ("two in one", get("Host: a, b", host=False), 400, SHUT),
        ("userinfo", get("Host: u@a", host=False), 400, SHUT),
        ("port of letters", get("Host: a:b", host=False), 400, SHUT),
        ("HTTP/1.0 has none", raw("GET / HTTP/1.0", host=False), 200, SHUT),
        ("HTTP/1.0 twice", raw("GET / HTTP/1.0", "Host: a", "Host: b", host=False), 400, SHUT),
    ])


def test_target():
    run_cases([
        ("absolute", raw("GET http://example.test/ HTTP/1.1"), 200, OPEN),
        ("absolute, no path", raw("GET http://example.test HTTP/1.1"), 200, OPEN),
        ("absolute, port and path", raw("GET http://example.test:81/bytes/3 HTTP/1.1"), 200, OPEN),
        ("absolute, no Host", raw("GET http://example.test/ HTTP/1.1", host=False), 400, SHUT),
        ("absolute, bad Host", raw("GET http://example.test/ HTTP/1.1", "Host: a b", host=False), 400, SHUT),
        ("absolute, userinfo", raw("GET http://u:p@example.test/ HTTP/1.1"), 400, SHUT),
        ("authority", raw("GET example.test:80 HTTP/1.1"), 400, SHUT),
        ("* with GET", raw("GET * HTTP/1.1"), 400, SHUT),
        ("no slash", raw("GET bytes/3 HTTP/1.1"), 400, SHUT),
        ("fragment", raw("GET /#a HTTP/1.1"), 400, SHUT),
        ("raw octet 0x80", raw("GET /\x80 HTTP/1.1"), 400, SHUT),
        ("raw octet 0xff in the query", raw("GET /?\xff HTTP/1.1"), 400, SHUT),
        ("control", raw("GET /\x01 HTTP/1.1"), 400, SHUT),
        ("DEL", raw("GET /\x7f HTTP/1.1"), 400, SHUT),
        ("HTAB", raw("GET /\t HTTP/1.1"), 400, SHUT),
        ("empty", raw("GET  HTTP/1.1"), 400, SHUT),
        ("query", raw("GET /?a=b&c=%20 HTTP/1.1"), 200, OPEN),
    ])


def test_start_line():
    run_cases([
        ("HTTP/1.2 is 1.1", raw("GET / HTTP/1.2"), 200, OPEN),
        ("HTTP/1.9 is 1.1", raw("GET / HTTP/1.9"), 200, OPEN),
        ("HTTP/2.0", raw("GET / HTTP/2.0"), 505, SHUT),
        ("HTTP/3.0", raw("GET / HTTP/3.0"), 505, SHUT),
        ("HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, SHUT),
        ("lower case", raw("GET / http/1.1"), 400, SHUT),
        ("no dot", raw("GET / HTTP/11"), 400, SHUT),
        ("HTTP/1.10", raw("GET / HTTP/1.10"), 400, SHUT),
        ("not HTTP", raw("GET / HTTQ/1.1"), 400, SHUT),
        ("no version", raw("GET /"), 400, SHUT),
        ("two blanks", raw("GET  / HTTP/1.1"), 400, SHUT),
        ("blank at the end", raw("GET / HTTP/1.1 "), 400, SHUT),
        ("blank first", raw(" GET / HTTP/1.1"), 400, SHUT),
        ("HTAB", raw("GET\t/\tHTTP/1.1"), 400, SHUT),
        ("method not a token", raw("GE(T / HTTP/1.1"), 400, SHUT),
        ("no method", raw("/ HTTP/1.1"), 400, SHUT),
        ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, SHUT),
        ("one CRLF before", b"\r\n" + get(), 200, OPEN),
        ("two CRLF before", b"\r\n\r\n" + get(), 400, SHUT),
        ("method in lower case", raw("get / HTTP/1.1"), (200, 404, 405, 501), OPEN),
        ("unknown method", raw("FROB / HTTP/1.1"), (200, 404, 405, 501), OPEN),
        ("OPTIONS *", raw("OPTIONS * HTTP/1.1"), (200, 204, 404, 405, 501), OPEN),
        ("CONNECT", raw("CONNECT example.test:443 HTTP/1.1"), (400, 403, 404, 405, 501), None),
    ])


def test_field_syntax():
    run_cases([
        ("bare LF everywhere", b"GET / HTTP/1.1\nHost: test\n\n", 400, SHUT),
        ("bare LF in fields", b"GET / HTTP/1.1\r\nHost: test\nA: b\r\n\r\n", 400, SHUT),
        ("bare LF at the end", b"GET / HTTP/1.1\r\nHost: test\r\n\n", 400, SHUT),
        ("bare CR in a value", get("A: b\rc"), 400, SHUT),
        ("bare CR at the end", b"GET / HTTP/1.1\r\nHost: test\r\rX", 400, SHUT),
        ("NUL in a value", get("A: b\0c"), 400, SHUT),
        ("NUL in a name", get("A\0: b"), 400, SHUT),
        ("control in a value", get("A: b\x01c"), 400, SHUT),
        ("DEL in a value", get("A: b\x7fc"), 400, SHUT),
        ("blank before the colon", get("A : b"), 400, SHUT),
        ("HTAB before the colon", get("A\t: b"), 400, SHUT),
        ("folded with a blank", get("A: b", " c"), 400, SHUT),
        ("folded with HTAB", get("A: b", "\tc"), 400, SHUT),
        ("first field folded", raw("GET / HTTP/1.1", " A: b", host=False), 400, SHUT),
        ("empty name", get(": b"), 400, SHUT),
        ("no colon", get("Ab"), 400, SHUT),
        ("name not a token", get("A(b): c"), 400, SHUT),
        ("name over 0x7f", get("\xc4: c"), 400, SHUT),
        ("value over 0x7f", get("A: \xc4\xff"), 200, OPEN),
        ("HTAB in a value", get("A: b\tc"), 200, OPEN),
        ("blanks around", get("A:  \t b \t "), 200, OPEN),
        ("empty value", get("A:"), 200, OPEN),
        ("every token octet", get("!#$%&'*+-.^_`|~09azAZ: b"), 200, OPEN),
    ])


def test_content_length():
    def digest(*fields, body=b"hello"):
        return raw("POST /digest HTTP/1.1", *fields, body=body)

    bad = ["+5", "-5", "5 5", "", "0x5", "5a", "a", "5;", "5.0", "9223372036854775808", "18446744073709551621", "5, 6",
           "5,,6", "5\x0b"]
    cases = [("bad: %r" % v, digest("Content-Length: " + v), 400, SHUT) for v in bad]
    run_cases(cases + [
        ("plain", digest("Content-Length: 5"), 200, OPEN),
        ("leading zeros", digest("Content-Length: 0005"), 200, OPEN),
        ("equal in one", digest("Content-Length: 5, 5"), 200, OPEN),
        ("equal on two lines", digest("Content-Length: 5", "content-length: 5"), 200, OPEN),
        ("differing on two lines", digest("Content-Length: 5", "Content-Length: 6"), 400, SHUT),
        ("with Transfer-Encoding", digest("Content-Length: 5", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"), 400,
         SHUT),
        ("with Transfer-Encoding first", digest("Transfer-Encoding: chunked", "Content-Length: 5", body=b"0\r\n\r\n"),
         400, SHUT),
        ("GET with content", raw("GET / HTTP/1.1", "Content-Length: 5", body=b"hello"), 200, OPEN),
        ("none at all", raw("POST /digest HTTP/1.1"), 200, OPEN),
    ])


def test_transfer_encoding():
    def digest(*fields, line="POST /digest HTTP/1.1", body=b"5\r\nhello\r\n0\r\n\r\n"):
        return raw(line, *fields, body=body)

    run_cases([
        ("chunked", digest("Transfer-Encoding: chunked"), 200, OPEN),
        ("in capitals", digest("TRANSFER-ENCODING: CHUNKED"), 200, OPEN),
        ("gzip alone", digest("Transfer-Encoding: gzip"), 400, SHUT),
        ("chunked, gzip", digest("Transfer-Encoding: chunked, gzip"), 400, SHUT),
        ("chunked twice", digest("Transfer-Encoding: chunked, chunked"), 400, SHUT),
        ("chunked on two lines", digest("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), 400, SHUT),
        ("xchunked", digest("Transfer-Encoding: xchunked"), 400, SHUT),
        ("chunked with a quote", digest("Transfer-Encoding: \"chunked\""), 400, SHUT),
        ("identity", digest("Transfer-Encoding: identity"), 400, SHUT),
        ("gzip, chunked", digest("Transfer-Encoding: gzip, chunked"), 501, SHUT),
        ("gzip, chunked on two lines", digest("Transfer-Encoding: gzip", "Transfer-Encoding: chunked"), 501, SHUT),
        ("in HTTP/1.0", digest("Transfer-Encoding: chunked", line="POST /digest HTTP/1.0"), 400, SHUT),
    ])


def chunked(body, *fields):
    return raw("POST /digest HTTP/1.1", "Transfer-Encoding: chunked", *fields, body=body)


def test_chunks():
    good = b"5\r\nhello\r\n0\r\n\r\n"
    run_cases([
        ("good", chunked(good), 200, OPEN),
        ("empty body", chunked(b"0\r\n\r\n"), 200, OPEN),
        ("capitals and zeros", chunked(b"000A\r\n0123456789\r\n00\r\n\r\n"), 200, OPEN),
        ("16 digits", chunked(b"0000000000000005\r\nhello\r\n0\r\n\r\n"), 200, OPEN),
        ("17 digits", chunked(b"00000000000000005\r\nhello\r\n0\r\n\r\n"), 400, SHUT),
        ("size is empty", chunked(b"\r\nhello\r\n0\r\n\r\n"), 400, SHUT),
        ("plus", chunked(b"+5\r\nhello\r\n0\r\n\r\n"), 400, SHUT),
        ("minus", chunked(b"-5\r\nhello\r\n0\r\n\r\n"), 400, SHUT),
        ("0x", chunked(b"0x5\r\nhello\r\n0\r\n\r\n"), 400, SHUT),
        ("blank inside", chunked(b"0 5\r\nhello\r\n0\r\n\r\n"), 400, SHUT),
        ("blank before", chunked(b" 5\r\nhello\r\n0\r\n\r\n"), 400, SHUT),
        ("no digit", chunked(b"g\r\nhello\r\n0\r\n\r\n"), 400, SHUT),
        ("bare LF after the size", chunked(b"5\nhello\r\n0\r\n\r\n"), 400, SHUT),
        ("bare CR after the size", chunked(b"5\rhello\r\n0\r\n\r\n"), 400, SHUT),
        ("bare LF after the data", chunked(b"5\r\nhello\n0\r\n\r\n"), 400, SHUT),
        ("more data than said", chunked(b"5\r\nhelloX\r\n0\r\n\r\n"), 400, SHUT),
        ("bare LF at the end", chunked(b"5\r\nhello\r\n0\n\n"), 400, SHUT),
        ("extension", chunked(b"5;a=b;c=\"d e\"\r\nhello\r\n0;x\r\n\r\n"), 200, OPEN),
        ("extension with LF", chunked(b"5;a\nb\r\nhello\r\n0\r\n\r\n"), 400, SHUT),
        ("extension with a control", chunked(b"5;a=\x01\r\nhello\r\n0\r\n\r\n"), 400, SHUT),
        ("extension of 4 KiB", chunked(b"5;" + b"a" * 4000 + b"\r\nhello\r\n0\r\n\r\n"), 200, OPEN),
        ("extension over 4 KiB", chunked(b"5;" + b"a" * 4200 + b"\r\nhello\r\n0\r\n\r\n"), 400, SHUT),
        ("extensions over 4 KiB together", chunked((b"1;" + b"a" * 100 + b"\r\nx\r\n") * 50 + b"0\r\n\r\n"), 400, SHUT),
    ])


def test_trailers():
    def trailed(*lines):
        return chunked(b"5\r\nhello\r\n0\r\n" + b"".join(x.encode() + b"\r\n" for x in lines) + b"\r\n")

    framing = ["Content-Length: 5", "Transfer-Encoding: chunked"]
    left_out = ["Host: a", "Authorization: x", "Trailer: a", "TE: trailers", "Content-Encoding: gzip"]
    run_cases([("forbidden: " + f, trailed(f), 400, SHUT) for f in framing] + [
        ("left out: " + f, trailed(f), 200, OPEN) for f in left_out] + [
        ("good", trailed("X-Sum: 1", "X-More: 2"), 200, OPEN),
        ("a hundred", trailed(*["X-%d: 1" % i for i in range(100)]), 200, OPEN),
        ("over a hundred", trailed(*["X-%d: 1" % i for i in range(101)]), 431, SHUT),
        ("over 64 KiB", trailed(*["X-%d: %s" % (i, "y" * 7000) for i in range(10)]), 431, SHUT),
        ("malformed", trailed("X Sum: 1"), 400, SHUT),
        ("folded", trailed("X-Sum: 1", " 2"), 400, SHUT),
        ("control", trailed("X-Sum: \x01"), 400, SHUT),
    ])


def test_limits_of_the_head():
    exact = "GET /?" + "a" * (8192 - len("GET /? HTTP/1.1")) + " HTTP/1.1"
    run_cases([
        ("request line of 8 KiB", raw(exact), 200, OPEN),
        ("request line over 8 KiB", raw(exact.replace("?", "?a")), 414, SHUT),
        ("request line without an end", b"GET /" + b"a" * 20000, 414, SHUT),
        ("a hundred fields", get(*["X-%d: 1" % i for i in range(99)]), 200, OPEN),
        ("over a hundred fields", get(*["X-%d: 1" % i for i in range(100)]), 431, SHUT),
        ("head near 64 KiB", get(*["X-%d: %s" % (i, "y" * 7900) for i in range(8)]), 200, OPEN),
        ("head over 64 KiB", get(*["X-%d: %s" % (i, "y" * 7900) for i in range(9)]), 431, SHUT),
        ("field without an end", b"GET / HTTP/1.1\r\nHost: test\r\nX: " + b"y" * 70000, 431, SHUT),
    ])


def test_limits_as_options():
    run_cases([
        ("body at the limit", post("/digest", b"x" * 1000), 200, OPEN),
        ("body over the limit", post("/digest", b"x" * 1001), 413, SHUT),
        ("chunked body over the limit", chunked(b"3e9\r\n" + b"x" * 1001 + b"\r\n0\r\n\r\n"), 413, SHUT),
        ("chunked body at the limit", chunked(b"3e8\r\n" + b"x" * 1000 + b"\r\n0\r\n\r\n"), 200, OPEN),
        ("many chunks over the limit", chunked((b"64\r\n" + b"x" * 100 + b"\r\n") * 11), 413, SHUT),
        ("request line", raw("GET /?" + "a" * 100 + " HTTP/1.1"), 414, SHUT),
        ("fields", get(*["X-%d: 1" % i for i in range(10)]), 431, SHUT),
    ], "--body-size-max", "1000", "--request-line-size-max", "100", "--field-count-max", "10")


def test_http10_and_keep_alive():
    run_cases([
        ("HTTP/1.0", raw("GET / HTTP/1.0"), 200, SHUT),
        ("HTTP/1.0 keep-alive", raw("GET / HTTP/1.0", "Connection: keep-alive"), 200, OPEN),
        ("HTTP/1.0 Keep-Alive, close", raw("GET / HTTP/1.0", "Connection: Keep-Alive, close"), 200, SHUT),
        ("HTTP/1.0 stream is ended by closing", raw("GET /bytes/10?chunked HTTP/1.0"), 200, SHUT),
        ("HTTP/1.0 keep-alive, stream", raw("GET /bytes/10?chunked HTTP/1.0", "Connection: keep-alive"), 200, SHUT),
        ("close", get("Connection: close"), 200, SHUT),
        ("CLOSE among others", get("Connection: foo, CLOSE"), 200, SHUT),
        ("close on a second line", get("Connection: foo", "Connection: close"), 200, SHUT),
        ("keep-alive", get("Connection: keep-alive"), 200, OPEN),
        ("enclosed", get("Connection: enclose"), 200, OPEN),
    ])
    with Server() as s, s.connect() as c:
        r = c.get("/") if not c.send(raw("GET / HTTP/1.0", "Connection: keep-alive")) else None
        check(r.get("Connection", "").lower() == "keep-alive", "HTTP/1.0 is not told that it is kept: %r", r)


def test_expect():
    run_cases([
        ("unknown expectation", raw("POST /digest HTTP/1.1", "Expect: magic", "Content-Length: 0"), 417, None),
        ("two expectations", raw("POST /digest HTTP/1.1", "Expect: 100-continue, magic", "Content-Length: 0"), 417,
         None),
    ])
    body = b"x" * 5000
    with Server() as s:
        for path in ("/echo", "/digest"):
            for framing in ("Content-Length: 5000\r\n", "Transfer-Encoding: chunked\r\n"):
                for word in ("100-continue", "100-Continue"):
                    with s.connect() as c:
                        c.send(request("POST", path, framing + "Expect: %s\r\n" % word))
                        r = c._head()
                        check(r.status == 100 and not r.get("Content-Length"), "%s: %r before the body", path, r)
                        c.send(body if "Length" in framing else b"1388\r\n" + body + b"\r\n0\r\n\r\n")
                        r = c.read_response()
                        check(r.status == 200 and not r.interim, "%s: %r %r", path, r, r.interim)
                        if path == "/echo":
                            check(r.body == body, "another body")
                        check(c.get("/").status == 200, "not kept")
        with s.connect() as c:
            c.send(request("POST", "/refuse", "Content-Length: 5000\r\nExpect: 100-continue\r\n"))
            r = c.read_response()
            check(r.status == 413 and not r.interim, "a final status after 100, or another: %r %r", r, r.interim)
        with s.connect() as c:    # the client did not wait
            c.send(post("/digest", body, "Expect: 100-continue\r\n"))
            check(c.read_response().status == 200, "the client did not wait")
            check(c.get("/").status == 200, "not kept")
        with s.connect() as c:    # HTTP/1.0 knows no 100
            c.send(request("POST", "/digest", "Content-Length: 5\r\nExpect: 100-continue\r\n", version="HTTP/1.0")
                   + b"hello")
            r = c.read_response()
            check(r.status == 200 and not r.interim, "100 to HTTP/1.0: %r %r", r, r.interim)
        s.stop()


def test_bodies_in_and_out():
    body = bytes(range(256)) * 1000
    sum_of = hashlib.sha256(body).hexdigest()
    pieces = [body[i:i + 777] for i in range(0, len(body), 777)]
    as_chunks = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\nX-Sum: abc\r\nX-Other: d\r\n\r\n"
    with Server() as s, s.connect() as c:
        c.send(post("/digest", body))
        check(json.loads(c.read_response().body) == {"octets": len(body), "sha256": sum_of}, "/digest by length")
        c.send(request("POST", "/digest", "Transfer-Encoding: chunked\r\n") + as_chunks)
        check(json.loads(c.read_response().body) == {"octets": len(body), "sha256": sum_of}, "/digest by chunks")

        def sent_by_a_thread(octets):
            """The echo is streamed: who does not read meanwhile stops the server reading."""
            threading.Thread(target=c.send, args=(octets,), daemon=True).start()
            return c.read_response()

        r = sent_by_a_thread(post("/echo", body, "Content-Type: a/b\r\n"))
        check(r.status == 200 and r.body == body, "/echo by length: %r", r)
        check(r.get("Content-Type") == "a/b", "/echo keeps no type: %r", r)
        r = sent_by_a_thread(request("POST", "/echo", "Transfer-Encoding: chunked\r\nTE: trailers\r\n") + as_chunks)
        check(r.body == body, "/echo by chunks: %r", r)
        names = {n.lower(): v for n, v in r.trailers}
        check(names == {"x-sum": "abc", "x-other": "d"}, "/echo trailers: %r", r.trailers)
        c.send(request("POST", "/echo", "Content-Length: 0\r\n"))
        check(c.read_response().body == b"", "/echo of nothing")
        for n in (0, 1, 13, 16384, 1000003):
            r = c.get("/bytes/%d" % n)
            check(r.framing == "length" and len(r.body) == n, "/bytes/%d: %r", n, r)
            r = c.get("/bytes/%d?chunked" % n)
            check(r.framing == "chunked" and len(r.body) == n, "/bytes/%d?chunked: %r", n, r)
        one, two = c.get("/bytes/1000?seed=1").body, c.get("/bytes/1000?seed=2").body
        check(one != two and one == c.get("/bytes/1000?seed=1").body, "the seed of /bytes")
        r = c.get("/stream/5?every=5")
        check(r.framing == "chunked" and r.status == 200, "/stream: %r", r)
        r = c.get("/")
        check(r.body == b"Hello, World!" and r.framing == "length", "/: %r", r)
        check(r.get("Content-Type", "").startswith("text/plain"), "the type of /: %r", r)
        c.close()
        s.stop()


def test_answers_without_content():
    with Server() as s, s.connect() as c:
        r = c.get("/status/204")
        check(r.status == 204 and not r.get("Content-Length") and not r.get("Transfer-Encoding"), "204: %r", r)
        r = c.get("/status/304")
        check(r.status == 304 and not r.get("Transfer-Encoding"), "304: %r", r)
        for path, length in (("/bytes/10", "10"), ("/", "13"), ("/bytes/1000000", "1000000")):
            c.send(request("HEAD", path))
            r = c.read_response("HEAD")
            check(r.status == 200 and r.get("Content-Length") == length, "HEAD %s: %r", path, r)
        c.send(request("HEAD", "/bytes/10?chunked"))
        r = c.read_response("HEAD")
        check(r.status == 200 and not r.body, "HEAD of a stream: %r", r)
        for status in (200, 201, 301, 400, 404, 418, 500, 503, 599):
            check(c.get("/status/%d" % status).status == status, "/status/%d", status)
        check(c.get("/").body == b"Hello, World!", "something was left between the answers")
        check(c.get("/no/such/path").status == 404, "404")
        c.close()
        s.stop()


def test_interim():
    with Server() as s:
        with s.connect() as c:
            r = c.get("/hints")
            check(r.status == 200 and [i.status for i in r.interim] == [103], "/hints: %r %r", r, r.interim)
            check(c.get("/").status == 200, "not kept")
        with s.connect() as c:
            c.send(request("GET", "/hints", version="HTTP/1.0"))
            r = c.read_response()
            check(r.status == 200 and not r.interim, "an interim response to HTTP/1.0: %r", r.interim)
        s.stop()


def test_upgrade_is_ignored():
    ask = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    with Server() as s, s.connect() as c:
        r = c.get("/", ask)
        check(r.status == 200 and r.body == b"Hello, World!", "%r", r)
        check(c.get("/").status == 200, "not kept")
        c.send(request("POST", "/digest", ask + "Content-Length: 5\r\n") + b"hello")
        check(c.read_response().status == 200, "with a body")
        c.close()
        s.stop()


def test_pipelining():
    with Server() as s:
        with s.connect() as c:
            sizes = [7, 0, 100000, 1, 300000, 13]
            wanted = [request("GET", "/bytes/%d" % n) for n in sizes]
            wanted[3:3] = [request("GET", "/delay/30"), post("/digest", b"z" * 3000), request("HEAD", "/bytes/5")]
            c.send(b"".join(wanted))
            for i, n in enumerate(sizes):
                if i == 3:
                    check(c.read_response().body == b"Hello, World!", "out of order: /delay")
                    check(json.loads(c.read_response().body)["octets"] == 3000, "out of order: /digest")
                    check(c.read_response("HEAD").get("Content-Length") == "5", "out of order: HEAD")
                check(len(c.read_response().body) == n, "out of order at %d", i)
        with s.connect() as c:
            c.send(request("GET", "/") * 1000)
            for _ in range(1000):
                check(c.read_response().body == b"Hello, World!", "one of a thousand")
        with s.connect() as c:
            c.send(request("GET", "/bytes/3") + request("GET", "/", "Connection: close\r\n")
                   + request("GET", "/bytes/9") * 3)
            check(len(c.read_response().body) == 3, "the first")
            r = c.read_response()
            check(len(r.body) == 13 and r.says_close(), "the one that closes: %r", r)
            c.expect_eof()
        with s.connect() as c:
            c.send(request("GET", "/bytes/3") + b"GET / HTTP/1.1\r\nHost : a\r\n\r\n" + request("GET", "/"))
            check(len(c.read_response().body) == 3, "the good one before a bad one")
            r = c.read_response()
            check(r.status == 400 and r.says_close(), "%r", r)
            c.expect_eof()
        with s.connect() as c:
            c.send(request("GET", "/delay/50") + b"BAD\r\n\r\n")
            check(c.read_response().status == 200, "a slow good one before a bad one")
            check(c.read_response().status == 400, "the bad one")
            c.expect_eof()
        s.stop()


def test_headers_are_kept_as_they_came():
    with Server() as s, s.connect() as c:
        r = c.get("/headers", "X-One: 1\r\nx-ONE: 2\r\nX-Empty:\r\nX-Blank:  a  b \r\n")
        check(r.status == 200, "%r", r)
        json.loads(r.body)
        text = r.body.decode()
        at = [text.find(w) for w in ("X-One", "x-ONE", "X-Empty", "X-Blank")]
        check(-1 not in at and at == sorted(at), "order or case is lost: %s", text)
        check("a  b" in text, "a value was changed: %s", text)
        c.close()
        s.stop()


def test_early_answers_keep_small_connections():
    """A short body that nobody wants is read and dropped; the connection goes on."""
    with Server() as s:
        with s.connect() as c:
            c.send(post("/", b"x" * 1000))
            check(c.read_response().status in (200, 405), "POST / with a body")
            check(c.get("/").status == 200, "not kept after a small unwanted body")
        s.stop()


def test_delay_and_stream_take_their_time():
    with Server() as s, s.connect() as c:
        began = time.monotonic()
        check(c.get("/delay/200").body == b"Hello, World!", "/delay")
        check(time.monotonic() - began >= 0.195, "/delay/200 came too early")
        began = time.monotonic()
        check(c.get("/stream/4?every=50").status == 200, "/stream")
        check(time.monotonic() - began >= 0.14, "/stream/4?every=50 came too early")
        c.close()
        s.stop()


def test_watching():
    with Server() as s, s.connect() as c:
        for path in ("/.weir/health", "/.weir/ready", "/.weir/endings", "/.weir/metrics", "/.weir/"):
            check(c.get(path).status == 200, "%s", path)
        check(c.get("/.weir/metrics").body.endswith(b"# EOF\n"), "OpenMetrics ends with # EOF")
        ledger = json.loads(c.get("/.weir/endings").body)
        check(ledger["accepted"] == ledger["alive"] == 1, "%r", ledger)
        s.balance()
        c.close()
        s.stop()


if __name__ == "__main__":
    harness.run(globals())
