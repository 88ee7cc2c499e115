#!/usr/bin/env python3
"""Slow and silent peers by the hundred: each is cut off by its deadline, with the code and the answer that go with it,
while a steady client is served all the time.

run-tests: limit=300 builds=default,asan,tsan,valgrind alone=yes"""
import socket
import time

import harness
from harness import Closed, Server, Steady, check, each, expect, request

COUNT = 100


def siege(misbehave, count, *allowed, options=(), threads=COUNT):
    """`count` clients at once, each misbehave(conn), and a steady one beside them."""
    with Server(*options) as s:
        steady = Steady(s)

        def one(_):
            with s.connect() as c:
                misbehave(c)

        each(count, one, threads)
        connections = steady.finish()
        s.wait_endings(count + connections)
        s.balance()
        records = s.stop().records
        good = [r for r in records if r["peer"].startswith(Steady.ADDRESS + ":")]
        expect(good, connections, "idle fin|timeout peer|clock peer_fin_idle|idle_timeout delivered routine")
        expect([r for r in records if r not in good], count, *allowed)


def trickle(c, octet, every=0.05):
    """An octet now and then until the server says something."""
    c.sock.settimeout(every)
    end = time.monotonic() + harness.DEADLINE
    while time.monotonic() < end:
        try:
            octets = c.sock.recv(65536)
            c.held += octets
            c.eof = not octets
            break
        except socket.timeout:
            try:
                c.send(octet)
            except (BrokenPipeError, ConnectionResetError):
                break
    c.sock.settimeout(harness.DEADLINE)


def timed_out(c, wholly=True):
    r = c.read_response()
    check(r.status == 408 and r.says_close() and r.framing == "length", "%r", r)
    if wholly:
        c.expect_eof()


def test_slow_heads():
    def client(c):
        c.send(b"GET / HTTP/1.1\r\nHost: test\r\nX: ")
        trickle(c, b"x")
        timed_out(c, False)

    siege(client, COUNT, "head timeout clock head_timeout none_owed notable", options=("--head-timeout", "300ms"))


def test_silent_in_the_head():
    def client(c):
        c.send(b"GET / HTTP/1.1\r\nHo")
        timed_out(c)

    siege(client, COUNT, "head timeout clock head_timeout none_owed notable", options=("--head-timeout", "300ms"))


def test_silent_in_a_second_head():
    def client(c):
        check(c.get("/").status == 200, "no answer")
        c.send(b"GET / HTTP/1.1\r\nHo")
        timed_out(c)

    siege(client, COUNT, "head timeout clock head_timeout delivered notable", options=("--head-timeout", "300ms"))


def test_silent_in_the_body():
    def client(c):
        c.send(request("POST", "/digest", "Content-Length: 1000\r\n") + b"x" * 10)
        timed_out(c)

    siege(client, COUNT, "body timeout clock body_timeout none_owed notable", options=("--body-timeout", "300ms"))


def test_silent_in_a_chunked_body():
    def client(c):
        c.send(request("POST", "/digest", "Transfer-Encoding: chunked\r\n") + b"5\r\nhello\r\n")
        timed_out(c)

    siege(client, COUNT, "body timeout clock body_timeout none_owed notable", options=("--body-timeout", "300ms"))


def test_slow_bodies():
    def client(c):
        c.send(request("POST", "/digest", "Content-Length: 100000\r\n") + b"x" * 10)
        trickle(c, b"x")
        timed_out(c, False)

    siege(client, COUNT, "body timeout clock body_too_slow none_owed notable",
          options=("--body-rate-grace", "300ms", "--body-rate-min", "1000"))


def test_slow_readers():
    def client(c):
        c.send(request("GET", "/bytes/50000000"))
        c.read_exactly(50000)
        harness.wait_for("the cut", lambda: c.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1) == b"\x07")
        try:
            c.read_exactly(50000000)
            raise harness.Failure("the whole answer came")
        except harness.Closed as end:
            check(end.what == "reset", "cut, and not by a reset: %s", end)

    siege(client, COUNT, "response timeout clock write_timeout partial notable",
          options=("--write-timeout", "500ms"))


def test_readers_slower_than_the_idle_timeout():
    """The whole answer is in the kernel when the connection is closed for idleness, and the client reads it only then: it
    gets all of it, and a close in order that left the rest to the kernel is no fault of anyone."""
    with Server("--idle-timeout", "200ms", "--linger-silence", "100ms") as s:
        conns = [s.connect(rcvbuf=4096) for _ in range(20)]
        for c in conns:
            c.send(request("GET", "/bytes/60000"))
        s.wait_endings(20)
        for c in conns:
            check(len(c.read_response().body) == 60000, "the answer was cut")
            c.expect_eof()
            c.close()
        expect(s.stop().records, 20, "idle timeout clock idle_timeout unconfirmed|delivered routine")


def test_slow_readers_of_pipelined_answers():
    def client(c):
        c.send(request("GET", "/bytes/5000000") * 10)
        harness.wait_for("the cut", lambda: c.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1) == b"\x07")

    siege(client, COUNT, "response timeout clock write_timeout partial|lost notable",
          options=("--write-timeout", "500ms"))


def test_slow_but_reading_is_no_fault():
    """Who reads a little all the time is not cut: progress is what counts. Who was kept from reading by a busy machine
    was slow indeed, and tries again."""
    kept = []

    def reads_a_little(s):
        with s.connect(rcvbuf=65536) as c:
            c.send(request("GET", "/bytes/3000000"))
            left, slept = int(c.read_head().get("Content-Length")), 0.0
            while left > 0:
                began = time.monotonic()
                time.sleep(0.05)
                slept = max(slept, time.monotonic() - began)
                piece = min(left, 150000)
                try:
                    c.read_exactly(piece)
                except Closed:
                    if slept < 0.15:
                        raise
                    kept.append(slept)
                    return False
                left -= piece
        return True

    with Server("--write-timeout", "400ms") as s:
        def client(_):
            harness.wait_for("a client that is let read", lambda: reads_a_little(s))

        each(20, client, 20)
        s.wait_endings(20 + len(kept))
        records = s.stop().records
        expect([r for r in records if r["code"] != "write_timeout"], 20, "idle fin peer peer_fin_idle delivered routine")
        check(len(records) == 20 + len(kept), "%d were kept from reading:\n%s", len(kept), harness.tally(records))


def test_idle():
    def client(c):
        check(c.get("/").status == 200, "no answer")
        c.expect_eof()

    siege(client, COUNT, "idle timeout clock idle_timeout delivered routine", options=("--idle-timeout", "300ms"))


def test_never_a_word():
    siege(lambda c: c.expect_eof(), COUNT, "unused timeout clock first_octet_timeout none_owed routine",
          options=("--first-octet-timeout", "300ms"))


def test_all_at_once():
    """Every kind together, and the steady client still served."""
    def head(c):
        c.send(b"GET / HTTP/1.1\r\nHost: test\r\nX: ")
        timed_out(c)

    def body(c):
        c.send(request("POST", "/digest", "Content-Length: 1000\r\n") + b"x")
        timed_out(c)

    def silent(c):
        c.expect_eof()

    kinds = [head, body, silent]
    turn = iter(range(3 * COUNT))
    siege(lambda c: kinds[next(turn) % 3](c), 3 * COUNT, "head timeout clock head_timeout none_owed notable",
          "body timeout clock body_timeout none_owed notable",
          "unused timeout clock first_octet_timeout none_owed routine", threads=150,
          options=("--head-timeout", "300ms", "--body-timeout", "300ms", "--first-octet-timeout", "300ms"))


if __name__ == "__main__":
    harness.run(globals())
