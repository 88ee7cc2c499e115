#!/usr/bin/env python3
"""The truth table of how connections end: each row is done by a hundred clients through real sockets, over IPv4, and by
fewer over IPv6 and a unix socket; then the record of each is compared with what its client did, the ledger with the sum
of the records, and the octets with those that the clients saw.

run-tests: limit=300 builds=default,asan,tsan,valgrind alone=yes"""
import hashlib
import json
import threading

import harness
from harness import Conn, Server, check, each, expect, post, request

COUNT = {"v4": 100, "v6": 20, "unix": 20}
LISTEN = {"v4": "", "v6": "[::1]:0", "unix": "unix:DIR/s"}
HELLO = b"Hello, World!"


class Seen:
    """What one client knows of its connection, to be found again in the record; None: cannot be known."""

    def __init__(self, exchanges=None, sent=None, received=None):
        self.exchanges, self.sent, self.received = exchanges, sent, received


class Client(Conn):
    """A connection that counts its exchanges, and knows what a good answer is."""

    exchanges = 0

    def send(self, octets, exchanges=1):
        self.exchanges += exchanges
        super().send(octets)

    def good(self, body=HELLO):
        r = self.read_response()
        check(r.status == 200, "%r", r)
        check(r.body == body, "%d octets of body, not %d", len(r.body), len(body))
        return r

    def seen(self):
        return Seen(self.exchanges, self.sent, self.received)


def run_row(work, transport, allowed, count, options=(), threads=16, profile="production", met=None):
    with Server(*options, listen=LISTEN[transport], profile=profile) as s:
        seen = [t for t in each(count, lambda i: work(s), threads) if t]
        s.wait_endings(count)
        ledger = s.balance()
        result = s.stop()
        expect(result.records, count, *allowed)
        for field, known in (("exchanges", "exchanges"), ("octets_in", "sent"), ("octets_out", "received")):
            mine = [getattr(t, known) for t in seen]
            if len(mine) == count and None not in mine:
                theirs = sum(r[field] for r in result.records)
                check(sum(mine) == theirs, "%s: the clients say %d, the records %d", field, sum(mine), theirs)
        check(met is None or met in ledger["by_code"], "%s was never met", met)
        for r in result.records:
            code = r["code"]
            check(ledger["by_code"].get(code, 0) > 0, "%s is not in the ledger", code)
        return result


def row(*allowed, unix=(), tcp=True, factor=1, **how):
    """Makes of a client a test a transport. `unix`: what to expect there, None for a row that it cannot have (a reset
    at will); by default the same. `factor`: divides the count of a row that is dear, but on IPv4. `met`: a code that
    comes once at least."""

    def make(work):
        name = work.__name__
        for transport in LISTEN:
            expected = allowed if transport != "unix" or unix == () else unix
            if not expected or (transport != "unix" and not tcp):
                continue
            count = COUNT[transport] if transport == "v4" else COUNT[transport] // factor

            def test(transport=transport, expected=expected, count=count):
                run_row(work, transport, expected, count, **how)

            globals()["test_%s_%s" % (name, transport)] = test
        return work

    return make


# --- nothing asked ----------------------------------------------------------------------------------------------------


@row("unused reset peer peer_reset_unused none_owed routine", unix=None)
def connect_reset(s):
    s.connect().rst()
    return Seen(0, 0, 0)


@row("unused fin peer peer_fin_unused none_owed routine")
def connect_fin(s):
    s.connect().close()
    return Seen(0, 0, 0)


# --- between exchanges ------------------------------------------------------------------------------------------------


@row("idle reset peer peer_reset_idle delivered|unconfirmed routine", unix=None)
def idle_reset(s):
    c = Client(s.address)
    c.send(request("GET", "/"))
    c.good()
    c.rst()
    return c.seen()


@row("idle fin peer peer_fin_idle delivered routine")
def idle_fin(s):
    c = Client(s.address)
    c.send(request("GET", "/"))
    c.good()
    c.close()
    return c.seen()


@row("idle reset peer peer_reset_idle delivered|unconfirmed routine", unix=None)
def five_then_reset(s):
    c = Client(s.address)
    for _ in range(5):
        c.send(request("GET", "/"))
        c.good()
    c.rst()
    return c.seen()


@row("idle fin peer peer_fin_idle delivered routine")
def five_then_fin(s):
    c = Client(s.address)
    for _ in range(5):
        c.send(request("GET", "/"))
        c.good()
    c.close()
    return c.seen()


@row("idle fin peer peer_fin_idle delivered routine")
def pipelined_then_fin(s):
    c = Client(s.address)
    batch = [("/", HELLO), ("/bytes/1000", None), ("/delay/5", HELLO), ("/bytes/70000", None), ("/", HELLO)]
    c.send(b"".join(request("GET", path) for path, _ in batch), len(batch))
    for path, body in batch:
        r = c.read_response()
        check(r.status == 200 and (body is None or r.body == body), "%s: %r", path, r)
        check(body is not None or len(r.body) == int(path.rsplit("/", 1)[1]), "%s: %d octets", path, len(r.body))
    c.close()
    return c.seen()


@row("idle reset peer peer_reset_idle delivered|unconfirmed routine", unix=None)
def pipelined_then_reset(s):
    c = Client(s.address)
    c.send(request("GET", "/") * 50, 50)
    for _ in range(50):
        c.good()
    c.rst()
    return c.seen()


@row("idle fin peer peer_fin_idle delivered routine")
def body_read_whole_then_fin(s):
    c = Client(s.address)
    body = b"x" * 100000
    c.send(post("/digest", body))
    r = c.read_response()
    check(r.status == 200, "%r", r)
    answer = json.loads(r.body)
    check(answer == {"octets": len(body), "sha256": hashlib.sha256(body).hexdigest()}, "%r", answer)
    c.close()
    return c.seen()


# --- the client asked to close ----------------------------------------------------------------------------------------


@row("closing close peer close_requested delivered|unconfirmed routine", unix=None)
def close_requested_reset(s):
    c = Client(s.address)
    c.send(request("GET", "/", "Connection: close\r\n"))
    check(c.good().says_close(), "no Connection: close in the answer")
    c.rst()
    return c.seen()


@row("closing close peer close_requested delivered routine")
def close_requested_fin(s):
    c = Client(s.address)
    c.send(request("GET", "/", "Connection: close\r\n"))
    check(c.good().says_close(), "no Connection: close in the answer")
    c.close()
    return c.seen()


@row("closing close peer close_requested delivered routine")
def close_requested_waits_for_eof(s):
    c = Client(s.address)
    c.send(request("GET", "/bytes/300000", "Connection: close\r\n"))
    check(len(c.read_response().body) == 300000, "not the whole body")
    c.expect_eof()
    c.close()
    return c.seen()


@row("closing close peer close_requested delivered routine")
def http10_fin(s):
    c = Client(s.address)
    c.send(request("GET", "/", version="HTTP/1.0"))
    c.good()
    c.expect_eof()
    c.close()
    return c.seen()


@row("closing close peer close_requested delivered|unconfirmed routine", unix=None)
def http10_reset(s):
    c = Client(s.address)
    c.send(request("GET", "/", version="HTTP/1.0"))
    c.good()
    c.rst()
    return c.seen()


# --- a request in part ------------------------------------------------------------------------------------------------


@row("head fin peer peer_fin_in_head none_owed notable")
def half_head_fin(s):
    c = Client(s.address)
    c.send(b"GET / HTTP/1.1\r\nHost: te", 0)
    c.close()
    return Seen(0, c.sent, 0)




@row("head reset peer peer_reset_in_head none_owed notable", "unused reset peer peer_reset_unused none_owed routine",
     unix=None)
def half_head_reset(s):
    c = Client(s.address)
    c.send(b"GET / HTTP/1.1\r\nHost: te", 0)
    c.rst()


@row("head fin peer peer_fin_in_head delivered notable")
def answer_then_half_head_fin(s):
    c = Client(s.address)
    c.send(request("GET", "/"))
    c.good()
    c.send(b"GET / HT", 0)
    c.close()
    return Seen(None, c.sent, c.received)


@row("body fin peer peer_fin_in_body none_owed notable")
def half_body_fin(s):
    c = Client(s.address)
    c.send(post("/digest", b"x" * 1000)[:-500])
    c.close()
    return Seen(None, c.sent, 0)


@row("body fin peer peer_fin_in_body none_owed notable")
def half_chunked_body_fin(s):
    c = Client(s.address)
    c.send(request("POST", "/digest", "Transfer-Encoding: chunked\r\n") + b"5\r\nhello\r\n10\r\nhal")
    c.close()
    return Seen(None, c.sent, 0)


# A quick answer may be out before the server looks for more and finds the FIN: then that came between two exchanges.
QUICK = "closing|idle fin peer peer_half_close|peer_fin_idle delivered routine"
# When the server closes a unix socket before the client has read, nobody knows.
QUICK_UNIX = (QUICK.replace("delivered", "delivered|unconfirmed"),)


@row(QUICK, unix=QUICK_UNIX)
def half_close(s):
    c = Client(s.address)
    c.exchanges = 1
    c.send_and_fin(request("GET", "/"))
    c.good()
    c.expect_eof()
    c.close()
    return c.seen()


@row("closing fin peer peer_half_close delivered routine",
     unix=("closing fin peer peer_half_close delivered|unconfirmed routine",))
def half_close_slow_handler(s):
    c = Client(s.address)
    c.exchanges = 1
    c.send_and_fin(request("GET", "/delay/30"))
    c.good()
    c.expect_eof()
    c.close()
    return c.seen()


@row("closing fin peer peer_half_close delivered routine",
     unix=("closing fin peer peer_half_close delivered|unconfirmed routine",))
def half_close_after_serving(s):
    c = Client(s.address)
    for _ in range(2):
        c.send(request("GET", "/"))
        c.good()
    c.exchanges += 1
    c.send_and_fin(request("GET", "/delay/30"))
    c.good()
    c.expect_eof()
    c.close()
    return c.seen()


@row(QUICK, unix=QUICK_UNIX)
def half_close_late_in_handler(s):
    c = Client(s.address)
    c.send(request("GET", "/"))
    c.good()
    c.send(request("GET", "/delay/60"))
    c.send_and_fin(b"")
    c.good()
    c.expect_eof()
    c.close()
    return c.seen()


@row(QUICK, unix=QUICK_UNIX, threads=4)
def half_close_large_answer(s):
    c = Client(s.address)
    c.exchanges = 1
    c.send_and_fin(request("GET", "/bytes/3000000"))
    check(len(c.read_response().body) == 3000000, "not the whole body")
    c.expect_eof()
    c.close()
    return c.seen()


@row(QUICK, unix=QUICK_UNIX)
def half_close_pipelined(s):
    c = Client(s.address)
    c.exchanges = 3
    c.send_and_fin(request("GET", "/") + request("GET", "/delay/10") + request("GET", "/"))
    for _ in range(3):
        c.good()
    c.expect_eof()
    c.close()
    return c.seen()


@row(QUICK, unix=QUICK_UNIX)
def half_close_after_body(s):
    c = Client(s.address)
    c.exchanges = 1
    c.send_and_fin(post("/echo", b"y" * 5000))
    c.good(b"y" * 5000)
    c.expect_eof()
    c.close()
    return c.seen()


# --- an answer owed, and the client gone ------------------------------------------------------------------------------


# A server that was kept from its work finds the FIN when the delay is over, and the answer is out.
LEFT = "handler|response fin peer peer_fin_in_handler|peer_fin_in_response lost notable"


@row(LEFT, met="peer_fin_in_handler")
def leaves_handler_fin(s):
    c = Client(s.address)
    c.send(request("GET", "/delay/100"))
    c.close()
    return Seen(1, c.sent, None)


@row(LEFT, met="peer_fin_in_handler")
def leaves_two_handlers_fin(s):
    c = Client(s.address)
    c.send(request("GET", "/delay/100") * 2, 2)
    c.close()


@row("response fin peer peer_fin_in_response lost notable", "idle reset peer peer_reset_idle delivered routine",
     unix=("response|handler fin peer peer_fin_in_response|peer_fin_in_handler lost notable",
           "idle|response fin|reset peer * delivered|partial|lost|unknown *"))
def closes_at_once(s):
    c = Client(s.address)
    c.send(request("GET", "/"))
    c.close()
    return Seen(1, c.sent, None)


@row("response reset peer peer_reset_in_response partial|lost notable",
     unix=("response fin|reset peer peer_fin_in_response|peer_reset_in_response partial|lost|unknown notable",))
def pipelined_fifty_left(s):
    c = s.connect(rcvbuf=65536)
    c.send(request("GET", "/bytes/100000") * 50)
    check(c.sock.recv(100), "not one octet")
    c.await_unread()
    c.close()


@row("response reset peer peer_reset_in_response partial notable", threads=8,
     unix=("response fin|reset peer peer_fin_in_response|peer_reset_in_response partial|unknown notable",))
def large_answer_unread_close(s):
    c = s.connect(rcvbuf=65536)
    c.send(request("GET", "/bytes/20000000"))
    c.read_exactly(500000)
    c.await_unread()
    c.close()


@row("response reset peer peer_reset_in_response partial notable", threads=8, unix=None)
def large_answer_reset(s):
    c = s.connect(rcvbuf=65536)
    c.send(request("GET", "/bytes/20000000"))
    c.read_exactly(500000)
    c.rst()


@row("response fin peer peer_fin_in_response partial notable",
     "response reset peer peer_reset_in_response partial notable", threads=8,
     unix=("response fin|reset peer peer_fin_in_response|peer_reset_in_response partial|unknown notable",))
def large_answer_fin(s):
    c = s.connect(rcvbuf=65536)
    c.send(request("GET", "/bytes/20000000"))
    c.read_exactly(500000)
    c.fin()
    c.read_exactly(500000)
    c.close()


@row("response reset peer peer_reset_in_response partial notable", unix=None)
def stream_reset(s):
    c = s.connect()
    c.send(request("GET", "/stream/10000?every=20"))
    check(c.read_head().framing == "chunked", "a stream that is not chunked")
    c.read_until(b"\r\n")
    c.rst()


@row("response fin|reset peer peer_fin_in_response|peer_reset_in_response partial notable")
def stream_fin(s):
    c = s.connect()
    c.send(request("GET", "/stream/10000?every=20"))
    c.read_head()
    c.read_until(b"\r\n")
    c.close()


@row("response reset peer peer_reset_in_response partial notable", unix=None)
def events_reset(s):
    c = s.connect()
    c.send(request("GET", "/events?every=20"))
    check(c.read_head().get("Content-Type", "").startswith("text/event-stream"), "the type of /events")
    c.read_until(b"\n")
    c.rst()


# --- these need to know that the octets have arrived before the reset -------------------------------------------------


def arrived_row(octets, expected, octets_each):
    """A hundred clients send, the server is seen to have taken it all, then all reset."""
    count = COUNT["v4"]
    with Server() as s, harness.many(s, count) as conns:
        for c in conns:
            c.send(octets)

        def taken():
            ledger = s.ledger()
            return ledger["octets_in"] >= octets_each * count and ledger["alive"] == count + 1

        harness.wait_for("all octets taken", taken)
        for c in conns:
            c.rst()
        s.wait_endings(count)
        s.balance()
        expect(s.stop().records, count, expected)


def test_head_reset_after_arrival():
    half = b"GET / HTTP/1.1\r\nHost: te"
    arrived_row(half, "head reset peer peer_reset_in_head none_owed notable", len(half))


def test_body_reset_after_arrival():
    half = post("/digest", b"x" * 1000)[:-500]
    arrived_row(half, "body reset peer peer_reset_in_body none_owed notable", len(half))


def test_chunked_body_reset_after_arrival():
    half = request("POST", "/digest", "Transfer-Encoding: chunked\r\n") + b"5\r\nhello\r\n10\r\nhal"
    arrived_row(half, "body reset peer peer_reset_in_body none_owed notable", len(half))


def test_handler_reset_after_arrival():
    whole = request("GET", "/delay/%d" % int(10000 * harness.PATIENCE))
    arrived_row(whole, "handler reset peer peer_reset_in_handler lost notable", len(whole))


# --- what is not HTTP -------------------------------------------------------------------------------------------------

MALFORMED = {
    "bad_method": b"GE(T / HTTP/1.1\r\nHost: a\r\n\r\n",
    "bad_target": b"GET /#fragment HTTP/1.1\r\nHost: a\r\n\r\n",
    "missing_host": b"GET / HTTP/1.1\r\n\r\n",
    "bad_host": b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "bad_field_name": b"GET / HTTP/1.1\r\nHost: a\r\nA : b\r\n\r\n",
    "bad_line_end": b"GET / HTTP/1.1\nHost: a\n\n",
    "folded_field": b"GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n c\r\n\r\n",
    "bad_content_length": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello",
    "conflicting_length":
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "bad_transfer_encoding": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
}


def malformed(c, kind):
    c.send(MALFORMED[kind])
    r = c.read_response()
    check(r.status == 400, "%s: %r", kind, r)
    check(r.says_close(), "%s: no Connection: close: %r", kind, r)
    check(r.framing == "length" and r.get("Date"), "%s: no Content-Length or no Date: %r", kind, r)
    c.expect_eof()
    c.close()


def malformed_row(transport, count, before, delivery):
    kinds = sorted(MALFORMED)
    work = [k for k in kinds for _ in range(count)]
    with Server(listen=LISTEN[transport]) as s:

        def one(i):
            c = s.connect()
            for _ in range(before):
                check(c.get("/").status == 200, "no good answer before")
            malformed(c, work[i])

        each(len(work), one)
        s.wait_endings(len(work))
        s.balance()
        records = s.stop().records
    for kind in kinds:
        expect([r for r in records if r["code"] == kind], count, "head error peer %s %s notable" % (kind, delivery))
    check(len(records) == len(work), "%d records of %d:\n%s", len(records), len(work), harness.tally(records))


def test_malformed_head_v4():
    malformed_row("v4", 100, 0, "none_owed")


def test_malformed_head_v6():
    malformed_row("v6", 10, 0, "none_owed")


def test_malformed_head_unix():
    malformed_row("unix", 10, 0, "none_owed")


def test_malformed_head_after_a_good_exchange():
    malformed_row("v4", 20, 2, "delivered")


@row("body error peer bad_chunk none_owed notable")
def malformed_chunk(s):
    c = s.connect()
    c.send(request("POST", "/digest", "Transfer-Encoding: chunked\r\n") + b"5\r\nhello\r\n0x5\r\n")
    r = c.read_response()
    check(r.status == 400 and r.says_close(), "%r", r)
    c.expect_eof()
    c.close()


# --- a final answer while the body is on its way ----------------------------------------------------------------------

EARLY = "closing close self close_after_response delivered routine"
# A client that sends without reading waits until the server's patience is over.
SHORT_LINGER = ("--linger-silence", "300ms")


def refused(r):
    check(r.status == 413, "%r", r)
    check(r.framing in ("length", "chunked"), "the 413 has no end of its own: %r", r)


@row(EARLY, threads=8, options=SHORT_LINGER, unix=(EARLY.replace("delivered", "delivered|unconfirmed"),))
def early_413_sent_blindly(s):
    c = s.connect()
    c.send(request("POST", "/refuse", "Content-Length: 8388608\r\n"))
    try:
        c.send(b"z" * 8388608)
    except (BrokenPipeError, ConnectionResetError):
        pass
    refused(c.read_response())
    c.close()


@row(EARLY, threads=8, options=SHORT_LINGER, unix=(EARLY.replace("delivered", "delivered|unconfirmed"),))
def early_413_read_meanwhile(s):
    c = s.connect()
    c.send(request("POST", "/refuse", "Content-Length: 8388608\r\n"))
    stopped = threading.Event()

    def pour():
        try:
            for _ in range(128):
                if stopped.is_set():
                    return
                c.send(b"z" * 65536)
        except OSError:
            pass

    sender = threading.Thread(target=pour)
    sender.start()
    try:
        refused(c.read_response())
    finally:
        stopped.set()
        sender.join()
        c.close()


if __name__ == "__main__":
    harness.run(globals())
