#!/usr/bin/env python3
"""SIGTERM at every stage of a hundred connections: what is idle is closed, what runs is finished, what does not finish
is cut when its time is over, and each record says that it was the operator.

run-tests: limit=300 builds=default,asan,tsan,valgrind alone=yes"""
import os
import signal
import tempfile
import time

import harness
from harness import Closed, Server, check, expect, request

HELLO = b"Hello, World!"


def test_drain_idle():
    with Server() as s, harness.many(s, 100) as conns:
        for c in conns:
            check(c.get("/").status == 200, "no answer")
        s.signal()
        for c in conns:
            c.expect_eof()
            c.close()
        expect(s.stop().records, 100, "idle close operator drained delivered routine")


def test_drain_unused():
    with Server() as s, harness.many(s, 100) as conns:
        s.wait_accepted(100)
        s.signal()
        for c in conns:
            c.expect_eof()
            c.close()
        expect(s.stop().records, 100, "unused close operator drained none_owed routine")


def test_drain_finishes_what_runs():
    with Server() as s, harness.many(s, 100) as conns:
        for c in conns:
            c.send(request("GET", "/delay/%d" % int(1000 * harness.PATIENCE)))
        harness.wait_for("all asked", lambda: s.ledger()["exchanges"]["begun"] >= 100 + s.controls)
        s.signal()
        for c in conns:
            r = c.read_response()
            check(r.status == 200 and r.body == HELLO, "%r", r)
            check(r.says_close(), "an answer in the drain without Connection: close: %r", r)
            c.expect_eof()
            c.close()
        expect(s.stop().records, 100, "closing close operator drained delivered routine")


def test_drain_leaves_its_path_to_the_next():
    """A server that starts while another drains gets the path, and keeps it when that one is gone."""
    with tempfile.TemporaryDirectory() as folder:
        address = "unix:" + os.path.join(folder, "weir")
        with Server(listen=address) as old, old.connect() as c:
            c.send(request("GET", "/delay/%d" % int(1000 * harness.PATIENCE)))
            harness.wait_for("it to be asked", lambda: old.ledger()["exchanges"]["begun"] >= 1 + old.controls)
            old.signal()
            harness.wait_for("the path to be free", lambda: not os.path.exists(address[5:]))
            with Server(listen=address) as new:
                check(c.read_response().body == HELLO, "the old one's answer")
                c.expect_eof()
                c.close()
                old.stop()
                with new.connect() as other:
                    check(other.get("/").body == HELLO, "the new one's answer")


def test_drain_finishes_a_large_answer():
    with Server() as s, harness.many(s, 20, rcvbuf=65536) as conns:
        for c in conns:
            c.send(request("GET", "/bytes/20000000"))
            c.read_head()
        s.signal()
        for c in conns:
            check(len(c.read_exactly(20000000)) == 20000000, "not the whole body")
            c.expect_eof()
            c.close()
        expect(s.stop().records, 20, "closing close operator drained delivered routine")


def test_drain_cuts_the_endless():
    with Server("--drain", "500ms") as s, harness.many(s, 100) as conns:
        for c in conns:
            c.send(request("GET", "/delay/600000"))
        harness.wait_for("all asked", lambda: s.ledger()["exchanges"]["begun"] >= 100 + s.controls)
        began = time.monotonic()
        s.signal()
        for c in conns:
            try:
                c.read_response()
                raise harness.Failure("an answer, where a cut was due")
            except Closed as end:
                check(end.what == "reset", "cut, and not by a reset: %s", end)
        check(time.monotonic() - began > 0.4, "cut before its time")
        expect(s.stop().records, 100, "handler abort operator drain_timeout lost fault")


def test_drain_cuts_a_stream():
    with Server("--drain", "500ms") as s, harness.many(s, 100) as conns:
        for c in conns:
            c.send(request("GET", "/stream/1000000?every=50"))
            c.read_head()
            c.read_until(b"\r\n")
        s.signal()
        for c in conns:
            try:
                c.read_to_eof()
                raise harness.Failure("an orderly end of a stream that has none")
            except Closed as end:
                check(end.what == "reset", "cut, and not by a reset: %s", end)
        expect(s.stop().records, 100, "response abort operator drain_timeout partial fault")


def test_drain_ends_events():
    """The demo ends them when it is told of the drain, so that a client gets the last chunk."""
    with Server() as s, harness.many(s, 100) as conns:
        for c in conns:
            c.send(request("GET", "/events?every=50"))
            c.read_head()
            c.read_until(b"\r\n")
        s.signal()
        for c in conns:
            check(c.read_to_eof().endswith(b"0\r\n\r\n"), "no last chunk")
            c.close()
        expect(s.stop().records, 100, "closing close operator drained delivered routine")


def test_a_fault_fails_the_run_in_the_test_profile():
    with Server("--drain", "200ms", profile="test") as s, s.connect() as c:
        c.send(request("GET", "/delay/600000"))
        harness.wait_for("the question", lambda: s.ledger()["exchanges"]["alive"] >= 2)
        expect(s.stop(status=1).records, 1, "handler abort operator drain_timeout lost fault")


def lines_of(path):
    try:
        with open(path) as f:
            return f.read().splitlines()
    except (FileNotFoundError, IsADirectoryError):
        return []


def test_hangup_opens_files_again():
    """As logrotate does it: move the files away, send SIGHUP, and soon lines are in new ones. None is lost."""
    with tempfile.TemporaryDirectory() as place:
        log, endings = paths = [os.path.join(place, name) for name in ("log", "endings")]
        connections = 0

        def line_in(*files):
            nonlocal connections
            with s.connect() as c:
                check(c.get("/").status == 200, "no answer")
            connections += 1
            return all(lines_of(f) for f in files)

        with Server("--log", log, "--endings", endings, profile="development", endings=False) as s:
            for rotation in range(3):
                harness.wait_for("a line in each", lambda: line_in(*paths))
                for path in paths:
                    os.rename(path, "%s.%d" % (path, rotation))
                s.signal(signal.SIGHUP)
                harness.wait_for("new files", lambda: all(os.path.exists(p) for p in paths))
            for path in paths:      # nothing can be opened there: what there was is written on
                os.rename(path, path + ".last")
                os.mkdir(path)
            s.signal(signal.SIGHUP)
            harness.wait_for("two complaints", lambda: s.stderr().count("cannot be opened again") == 2)
            harness.wait_for("a line in each", lambda: line_in(log + ".last", endings + ".last"))
            s.signal()
            check(s.wait() == 0, "it ended with %s", s.status)
        for path in paths:
            told = sum(len(lines_of("%s.%s" % (path, end))) for end in (0, 1, 2, "last"))
            check(told == connections, "%d lines of %d connections in %s", told, connections, os.path.basename(path))


def test_hangup_alone_does_nothing():
    with Server(endings=False) as s:
        for _ in range(3):
            s.signal(signal.SIGHUP)
            with s.connect() as c:
                check(c.get("/").status == 200, "no answer")
        s.signal()
        check(s.wait() == 0, "it ended with %s", s.status)


def test_second_signal_stops_at_once():
    with Server("--drain", "600s") as s, harness.many(s, 20) as conns:
        for c in conns:
            c.send(request("GET", "/delay/600000"))
        harness.wait_for("all asked", lambda: s.ledger()["exchanges"]["begun"] >= 20 + s.controls)
        idle = s.connect()
        check(idle.get("/").status == 200, "no answer")
        s.signal(signal.SIGTERM)
        idle.expect_eof()    # the drain has begun
        s.signal(signal.SIGINT)
        s.wait()
        idle.close()
        records = s.result(s.status).records
        check(s.status in (0, 1), "exit status %d", s.status)
        expect([r for r in records if r["code"] != "drained"], 20, "handler abort operator stopped lost notable")


if __name__ == "__main__":
    harness.run(globals())
