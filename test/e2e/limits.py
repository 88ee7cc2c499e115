#!/usr/bin/env python3
"""What happens at the bounds of the server: no descriptors left, too many connections, exchanges or years on one of
them, an address that is taken, options that are wrong.

run-tests: limit=300 builds=default,asan,tsan alone=yes"""
import os
import signal
import socket
import subprocess
import tempfile
import time

import harness
from harness import Server, check, expect, many, request

HOLD = "/delay/600000"


def silent_cpu(server, seconds=1.0):
    """The share of a processor that the server takes over that time, in which nothing but waiting is to be done."""
    cpu, began = server.cpu_seconds(), time.monotonic()
    time.sleep(seconds)
    return (server.cpu_seconds() - cpu) / (time.monotonic() - began)


def starve(*options):
    """Forty descriptors, two hundred clients that all hold on: the server waits without a spin, and goes on when they
    leave."""
    with Server(*options, nofile=40) as s:
        with many(s, 200) as conns:
            for c in conns:
                c.send(request("GET", HOLD))
            harness.wait_for("the descriptors to be used up", lambda: len(os.listdir("/proc/%d/fd" % s.pid)) >= 30)
            share = silent_cpu(s)
            check(share < 0.2, "the server spins: %d %% of a processor", share * 100)
            check(s.process.poll() is None, "the server is gone")
            for c in conns:
                c.rst()    # a FIN would be a half-close, and the answer would be waited for
        with s.connect() as c:
            check(c.get("/").status == 200, "not served after the shortage")
        harness.wait_for("all ended", lambda: s.ledger()["alive"] == 1)
        ledger = s.balance()
        check(ledger["accept_pauses"] > 0, "it never paused: %r", ledger)
        check(ledger["accepted"] - s.controls == 201, "%d accepted", ledger["accepted"] - s.controls)
        result = s.stop()
        check(len(result.records) == 201, "%d records", len(result.records))
        return result


def test_few_descriptors():
    starve()


def test_no_descriptors():
    """The limit of connections is above what the descriptors allow, so that accept itself fails."""
    result = starve("--connections-max", "1000")
    lines = [line for line in result.stderr.splitlines() if "no_descriptors" in line]
    check(0 < len(lines) < 50, "%d lines about descriptors", len(lines))


def test_few_descriptors_and_idle_clients():
    """Two hundred keep their connections after an answer; each is served all the same, as idle ones make room."""
    with Server(nofile=40) as s:
        with many(s, 200) as conns:
            for c in conns:
                c.send(request("GET", "/"))
            for c in conns:
                check(c.read_response().status == 200, "not served")
        harness.wait_for("all ended", lambda: s.ledger()["alive"] == 1)
        records = s.stop().records
        expect(records, 200, "idle close kernel idle_reclaimed delivered routine",
               "idle fin peer peer_fin_idle delivered routine")
        check(sum(r["code"] == "idle_reclaimed" for r in records) > 100, "%s", harness.tally(records))


def test_connections_max_takes_idle_ones():
    with Server("--connections-max", "20") as s, many(s, 20) as conns:
        for c in conns:
            check(c.get("/").status == 200, "not served")
        with s.connect() as late:
            check(late.get("/").status == 200, "the one over the limit was not served")
            gone = harness.wait_readable(conns)
            check(len(gone) >= 1, "no idle connection made room")
            gone[0].expect_eof()
        records = s.stop().records
        check(len(records) == 21, "%d records", len(records))
        reclaimed = [r for r in records if r["code"] == "idle_reclaimed"]
        check(1 <= len(reclaimed) <= 2, "%s", harness.tally(records))
        expect(reclaimed, len(reclaimed), "idle close kernel idle_reclaimed delivered routine")


def test_connections_max_leaves_busy_ones():
    with Server("--connections-max", "20") as s, many(s, 20) as conns:
        for c in conns:
            c.send(request("GET", "/stream/100000?every=100"))
            c.read_head()
        with s.connect() as late:
            late.send(request("GET", "/"))
            share = silent_cpu(s)
            check(share < 0.3, "the server spins: %d %% of a processor", share * 100)
            check(not harness.wait_readable([late], 0.001), "served, or cut, over the limit")
            conns[0].rst()
            check(late.read_response().status == 200, "not served when a place was free")


def test_deferred_accept():
    """What asks is served as ever; what says nothing is taken late, and ends as it should."""
    with Server("--defer-accept", "--first-octet-timeout", "300ms") as s:
        for _ in range(20):
            with s.connect() as c:
                check(c.get("/").status == 200, "not served")
        with s.connect() as silent:
            silent.expect_eof()
        s.wait_endings(21)
        records = s.stop().records
        expect([r for r in records if r["exchanges"]], 20, "idle fin peer peer_fin_idle delivered routine")
        expect([r for r in records if not r["exchanges"]], 1, "unused timeout clock first_octet_timeout none_owed routine")


def test_exchange_limit():
    with Server("--exchange-count-max", "3") as s:
        for _ in range(20):
            with s.connect() as c:
                for i in range(3):
                    r = c.get("/")
                    check(r.status == 200 and r.says_close() == (i == 2), "exchange %d: %r", i, r)
                c.expect_eof()
        with s.connect() as c:    # pipelined beyond the limit: three are answered, the others not looked at
            c.send(request("GET", "/") * 5)
            for i in range(3):
                check(c.read_response().says_close() == (i == 2), "pipelined exchange %d", i)
            c.expect_eof()
        s.wait_endings(21)
        expect(s.stop().records, 21, "closing close self exchange_limit delivered routine")


def test_age_limit():
    with Server("--age-max", "300ms") as s:
        with s.connect() as c:
            check(not c.get("/").says_close(), "old at once")
            r = c.get("/delay/600")
            check(r.status == 200, "%r", r)
            if not r.says_close():    # the age came within this exchange: then the next one is the last
                r = c.get("/")
            check(r.status == 200 and r.says_close(), "old, and not closed: %r", r)
            c.expect_eof()
        s.wait_endings(1)
        expect(s.stop().records, 1, "closing close self age_limit delivered routine")


def test_age_limit_while_idle():
    with Server("--age-max", "300ms") as s:
        with s.connect() as c:
            check(c.get("/").status == 200, "not served")
            c.expect_eof()
        s.wait_endings(1)
        expect(s.stop().records, 1, "idle close self age_limit delivered routine")


# --- addresses and options -------------------------------------------------------------------------------------------


def refused(*options, status, words):
    """The command ends by itself with that status and one message that has the words in it."""
    process = subprocess.run(harness.PREFIX + [harness.WEIR] + list(options), stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=harness.DEADLINE)
    check(not harness.SANITIZER.search(process.stderr), "a sanitizer speaks: %s", process.stderr[:4000])
    statuses = status if isinstance(status, tuple) else (status,)
    check(process.returncode in statuses, "%r: exit status %d, not %s: %s", options, process.returncode, statuses,
          process.stderr)
    for word in words:
        check(word in process.stderr, "%r: %r is not in the message: %s", options, word, process.stderr)
    check("listening on" not in process.stderr, "half started: %s", process.stderr)
    return process


def test_port_taken():
    with Server() as s:
        for workers in ("1", "2"):
            refused("demo", "--listen", s.address, "--workers", workers, status=1, words=[s.address])
        with s.connect() as c:
            check(c.get("/").status == 200, "the first server was disturbed")
        s.stop()
    with Server("--workers", "2") as s:
        refused("demo", "--listen", s.address, "--workers", "2", status=1, words=[s.address])
        s.stop()


def test_port_taken_by_another_program():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = "127.0.0.1:%d" % other.getsockname()[1]
        refused("demo", "--listen", address, status=1, words=[address])
        refused("demo", "--listen", "127.0.0.1:0," + address, status=1, words=[address])


def test_unix_socket_is_replaced_after_a_crash():
    with tempfile.TemporaryDirectory(prefix="weir-e2e-") as directory:
        listen = "unix:%s/s" % directory
        first = Server(listen=listen)
        check(first.address == listen, "listening on %s", first.addresses)
        refused("demo", "--listen", listen, status=1, words=[listen[5:]])    # it lives: not to be touched
        with first.connect() as c:
            check(c.get("/").status == 200, "the first was disturbed")
        first.signal(signal.SIGKILL)
        first.wait()
        with Server(listen=listen) as second:
            with second.connect() as c:
                check(c.get("/").status == 200, "not served by the second")
            second.stop()


def test_unix_path_of_another_kind_is_left_alone():
    with tempfile.NamedTemporaryFile(prefix="weir-e2e-") as file:
        file.write(b"precious")
        file.flush()
        refused("demo", "--listen", "unix:" + file.name, status=(1, 2), words=[file.name])
        with open(file.name, "rb") as again:
            check(again.read() == b"precious", "the file was changed")


def test_bad_usage():
    refused("demo", "--no-such-option", status=2, words=["no-such-option"])
    refused("demo", "--listen", "nonsense", status=2, words=["nonsense"])
    refused("demo", "--listen", "127.0.0.1:99999", status=2, words=["99999"])
    refused("demo", "--listen", "127.0.0.1:0", "--workers", "many", status=2, words=["workers", "many"])
    refused("demo", "--listen", "127.0.0.1:0", "--profile", "pink", status=2, words=["pink"])
    refused("demo", "--listen", "127.0.0.1:0", "--drain", "soon", status=2, words=["drain", "soon"])
    refused("demo", "--listen", "127.0.0.1:0", "--head-timeout", "-1s", status=2, words=["head-timeout", "-1s"])
    refused("demo", "--listen", "127.0.0.1:0", "--endings", "/no/such/directory/file", status=(1, 2),
            words=["/no/such/directory/file"])
    refused("demo", "--listen", "127.0.0.1:0", "--log", "/no/such/directory/file", status=(1, 2),
            words=["/no/such/directory/file"])
    refused("no-such-command", status=2, words=["no-such-command"])


def test_address_of_another_host():
    refused("demo", "--listen", "192.0.2.1:0", status=(1, 2), words=["192.0.2.1"])


def test_help_and_version():
    for options in (["--help"], ["--version"], ["demo", "--help"]):
        process = subprocess.run([harness.WEIR] + options, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                 timeout=harness.DEADLINE)
        check(process.returncode == 0, "%r: exit status %d: %s", options, process.returncode, process.stderr)
        check(process.stdout.strip(), "%r: nothing on standard output", options)
    check("--listen" in process.stdout and "--endings" in process.stdout, "demo --help: %s", process.stdout)


if __name__ == "__main__":
    harness.run(globals())
