"""Connections by the thousand, of every kind of end, and what the server may say of each. A kind asks from an address
of its own, by which its records are known."""
import collections
import itertools
import json
import os
import select
import sys
import threading

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

import harness
from harness import Closed, check, post, request

# Short deadlines, so that those who wait for them need not wait long; longer than any turn of the others.
OPTIONS = ("--first-octet-timeout", "3s", "--head-timeout", "3s", "--idle-timeout", "4s", "--body-timeout", "3s",
           "--write-timeout", "3s", "--handler-timeout", "2s", "--linger-silence", "1s", "--exchange-count-max", "8",
           "--request-line-size-max", "1k", "--body-size-max", "16M")
LARGE = "/bytes/67108864"
PARKED_MAX = 300

KINDS = {}    # name -> (what it does, its codes, the address that it asks from)
CODES = set()    # the first of each kind, which is the usual one


def kind(*codes):
    def note(act):
        CODES.add(codes[0])
        KINDS[act.__name__] = (act, set(codes), "127.0.1.%d" % (len(KINDS) + 1))
        return act
    return note


@kind("peer_fin_unused")
def leaves_without_a_word(c):
    c.close()


@kind("peer_reset_unused")
def resets_without_a_word(c):
    c.rst()


@kind("peer_fin_idle")
def leaves_in_idleness(c):
    check(c.get("/").status == 200, "no answer")
    c.close()


@kind("peer_reset_idle")
def resets_in_idleness(c):
    check(c.get("/").status == 200, "no answer")
    c.rst()


@kind("peer_fin_idle")
def uploads_and_leaves(c):
    c.send(post("/digest", b"x" * 20000))
    check(b'"octets":20000' in c.read_response().body, "another digest")
    c.close()


@kind("peer_fin_in_head")
def leaves_in_the_head(c):
    c.send(b"GET / HTTP/1.1\r\nHo")
    c.close()


@kind("peer_reset_in_head", "peer_reset_unused")
def resets_in_the_head(c):
    c.send(b"GET / HTTP/1.1\r\nHo")
    c.rst()


@kind("peer_fin_in_body")
def leaves_in_the_body(c):
    c.send(post("/digest", b"x" * 100)[:-50])
    c.close()


@kind("peer_reset_in_body", "peer_reset_unused")
def resets_in_the_body(c):
    c.send(post("/digest", b"x" * 100)[:-50])
    c.rst()


@kind("peer_fin_in_handler")
def leaves_before_the_answer(c):
    c.send(request("GET", "/delay/1000"))
    c.close()


@kind("peer_reset_in_handler", "peer_reset_unused")
def resets_before_the_answer(c):
    c.send(request("GET", "/delay/1000"))
    c.rst()


@kind("peer_reset_in_response", "peer_fin_in_response")
def leaves_in_the_answer(c):
    c.send(request("GET", LARGE))
    c.await_unread()
    c.close()


@kind("peer_reset_in_response")
def resets_in_the_answer(c):
    c.send(request("GET", LARGE))
    c.await_unread()
    c.rst()


@kind("peer_half_close")
def half_closes(c):
    c.send_and_fin(request("GET", "/delay/5"))
    check(c.read_response().status == 200, "no answer after a half-close")
    c.expect_eof()
    c.close()


@kind("close_requested")
def asks_to_close(c):
    c.send(request("GET", "/", "Connection: close\r\n"))
    check(c.read_response().status == 200, "no answer")
    c.expect_eof()
    c.close()


@kind("close_requested", "close_delimited")
def speaks_the_old_version(c):
    c.send(request("GET", "/bytes/1000?chunked", version="HTTP/1.0"))
    check(len(c.read_response().body) == 1000, "another length")
    c.close()


@kind("close_after_response")
def is_refused(c):
    c.send(post("/refuse", b"x" * 100000)[:-1000])
    check(c.read_response().status == 413, "no early answer")
    c.close()


@kind("body_too_large")
def sends_too_much(c):
    c.send(request("POST", "/digest", "Content-Length: 99999999\r\n") + b"x" * 1000)
    check(c.read_response().status == 413, "no refusal")
    c.close()


@kind("exchange_limit")
def asks_too_often(c):
    c.send(request("GET", "/") * 8)
    check([c.read_response().status for _ in range(8)] == [200] * 8, "not all answers")
    c.expect_eof()
    c.close()


def bad(octets, status, *codes):
    def act(c):
        c.send(octets)
        if status:
            check(c.read_response().status == status, "another status than %d", status)
        try:
            c.expect_eof()
        except Closed:
            check(not status, "reset instead of closed")
        c.close()
    act.__name__ = "sends_" + codes[0]
    kind(*codes)(act)


bad(b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400, "bad_request_line", "bad_target")
bad(b"GET / HTTP/1.1\r\n\r\n", 400, "missing_host")
bad(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1x\r\n\r\n", 400, "bad_content_length")
bad(b"POST /digest HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400, "bad_chunk")
bad(b"GET /" + b"a" * 2000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, "target_too_long")
bad(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "http2_preface", "version_unsupported")


# Those that wait for a deadline are begun, left alone, and looked after much later.
def parked(before, status, *codes):
    def act(c):
        c.send(before)
        return status
    act.__name__ = "awaits_" + codes[0]
    kind(*codes)(act)


parked(b"", None, "first_octet_timeout")
parked(b"GET / HTTP/1.1\r\nHo", 408, "head_timeout")
parked(request("GET", "/"), 200, "idle_timeout")
parked(post("/digest", b"x" * 100)[:-50], 408, "body_timeout")
parked(request("GET", "/delay/60000"), 503, "handler_timeout")
parked(request("GET", LARGE), 0, "write_timeout")


def look_after(c, status):
    """The end of one that waited for its deadline. With a status of 0 it reads nothing until it is reset."""
    if status == 0:
        poll = select.poll()
        poll.register(c.sock, 0)
        check(poll.poll(harness.DEADLINE * 1000), "a stalled reader was not reset")
        c.close()
        return
    if status:
        check(c.read_response().status == status, "another status than %d", status)
    c.expect_eof()
    c.close()


class Churn:
    """Rounds of connections against a server; every record is held against the kind that it comes from."""

    def __init__(self, server):
        self.server, self.offset = server, 0
        self.begun, self.total, self.codes = (collections.Counter() for _ in range(3))
        slow = [name for name in KINDS if name.startswith("awaits_")]
        quick = [name for name in KINDS if name not in slow]
        self.turns = itertools.cycle(quick * 3 + slow)
        self.lock = threading.Lock()
        self.waiting = collections.deque()

    def round(self, count, threads=16):
        """That many connections, to their ends; the server is quiet when it returns."""
        harness.each(count, self.one, threads)
        while self.collect():
            pass
        self.server.wait_endings(sum(self.begun.values()))
        self.judge()

    def one(self, _):
        with self.lock:
            name = next(self.turns)
            self.begun[name] += 1
        act, _, address = KINDS[name]
        c = self.server.connect(source=address, rcvbuf=4096 if name == "awaits_write_timeout" else None)
        status = act(c)
        if name.startswith("awaits_"):
            self.waiting.append((c, status))
            if len(self.waiting) > PARKED_MAX:
                self.collect()

    def collect(self):
        try:
            waiting = self.waiting.popleft()
        except IndexError:
            return False
        look_after(*waiting)
        return True

    def judge(self):
        """The records since the last time; of each kind as many as were begun."""
        names = {address: name for name, (_, _, address) in KINDS.items()}
        ended = collections.Counter()
        with open(self.server.endings_file, encoding="utf-8") as file:
            file.seek(self.offset)
            lines = file.readlines()
            self.offset = file.tell()
        for line in lines:
            record = json.loads(line)
            name = names.get(record["peer"].rsplit(":", 1)[0])
            if name is None:    # one of the harness's own
                continue
            ended[name] += 1
            check(record["code"] in KINDS[name][1], "%s left %r", name, record)
            check(record["class"] != "bug", "a bug: %r", record)
            self.codes[record["code"]] += 1
        self.total += ended
        check(self.total == self.begun, "begun and ended differ: %r",
              self.begun - self.total or self.total - self.begun)


def rss_kib(pid):
    with open("/proc/%d/status" % pid, encoding="utf-8") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))


def descriptors(pid):
    return len(os.listdir("/proc/%d/fd" % pid))
