#!/usr/bin/env python3
"""What peers can make the server hold: each asks, and never reads what it is answered, or never ends what it asks.
Resident memory has the bound that the options say, those that hold most are ended, a steady client is served all the
time, and afterwards the memory is the system's again.

run-tests: limit=300 builds=default,asan alone=yes"""
import os
import re
import select
import time

import harness
from harness import PREFIX, Server, Steady, check, many, request

KIB, MIB = 1 << 10, 1 << 20
LINE = 7907
LARGE = b"".join(b"X-%d: %s\r\n" % (i, b"x" * 7900) for i in range(8))


def resident(server):
    with open("/proc/%d/status" % server.pid) as f:
        return int(re.search(r"^VmRSS:\s+(\d+)", f.read(), re.M).group(1)) * KIB


# Sanitizers and valgrind keep what was freed, and shadows of all.
IS_MEASURED = not PREFIX and os.environ.get("WEIR_BUILD_KIND", "default") == "default"


def push(conns, octets, until, seconds=4 * harness.DEADLINE):
    """Sends the octets over and over on each, as far as the server takes them, until `until` says so."""
    for c in conns:
        c.sock.setblocking(False)
    left = {c.sock.fileno(): memoryview(b"") for c in conns}
    socks = {c.sock.fileno(): c.sock for c in conns}
    end = time.monotonic() + seconds
    while not until():
        check(time.monotonic() < end, "not within %d s", seconds)
        for fd in select.select([], list(socks), [], 0.05)[1]:
            try:
                left[fd] = left[fd] or memoryview(octets)
                left[fd] = left[fd][socks[fd].send(left[fd]):]
            except BlockingIOError:
                pass
            except (BrokenPipeError, ConnectionResetError):
                del socks[fd]


def stalled(server, conns):
    """True once the server has taken nothing for a while: it has paused everywhere."""
    seen = {"octets": -1, "times": 0}

    def look():
        octets = server.ledger()["octets_in"]
        still = octets - seen["octets"] < 10 * KIB
        seen["times"] = seen["times"] + 1 if still else 0
        seen["octets"] = octets
        return seen["times"] >= 5
    return look


def unread(what, each_max, count=100):
    """`count` peers ask without end and read nothing: what is held stays below each_max for each of them, and goes."""
    with Server("--write-timeout", "600s") as s:
        check(s.control("/").status == 200, "not served")
        before = resident(s)
        with many(s, count, rcvbuf=4096) as conns:
            push(conns, what * (1 + 100000 // len(what)), stalled(s, conns))
            held = resident(s) - before
            check(not IS_MEASURED or held < count * each_max + 4 * MIB, "%d octets are held by each", held // count)
            check(s.control("/").status == 200, "others are not served")
        s.wait_endings(count)
        harness.wait_for("the memory back", lambda: not IS_MEASURED or
                         (s.control("/").status == 200 and resident(s) < 2 * before))
        s.stop()


def test_small_requests_pipelined():
    unread(request("GET", "/"), 100 * KIB)


def test_other_methods_pipelined():
    unread(request("GET", "/status/204") + request("HEAD", "/") + request("DELETE", "/"), 100 * KIB)


def test_large_heads_pipelined():
    unread(request("GET", "/bytes/2000", LARGE.decode()), 330 * KIB)


def test_trailers_pipelined():
    unread(request("POST", "/digest", "Transfer-Encoding: chunked\r\n") + b"1\r\na\r\n0\r\n" +
           LARGE[:LINE * 4] + b"\r\n", 330 * KIB, 30)


def test_streams_unread():
    unread(request("GET", "/bytes/100000000"), 460 * KIB)


def test_memory_back_after_many():
    """More than free lists keep: what comes back is the C library's, and then the system's."""
    unread(request("GET", "/bytes/2000", LARGE.decode()), 330 * KIB, 200)


def over_the_bound(what, *allowed):
    """All together would hold ten times what they may."""
    with Server("--memory-max", "4M", "--head-timeout", "600s", "--write-timeout", "600s") as s:
        check(s.control("/").status == 200, "not served")
        before, most = resident(s), [0]
        steady = Steady(s)

        def ended():
            most[0] = max(most[0], resident(s))
            return s.ledger()["by_code"].get("memory_limit", 0) >= 100

        with many(s, 400) as conns:
            push(conns, what, ended)
        connections = steady.finish(harness.DEADLINE)    # it is served; how soon is the load's
        s.wait_endings(400 + connections)
        s.balance()
        check(not IS_MEASURED or most[0] - before < 12 * MIB, "%d octets are resident", most[0] - before)
        records = s.stop().records
        limited = [r for r in records if r["code"] == "memory_limit"]
        check(len(limited) >= 100, "%s", harness.tally(records))
        harness.expect(limited, len(limited), *allowed)
        good = [r for r in records if r["peer"].startswith(Steady.ADDRESS + ":")]
        harness.expect(good, connections, "idle fin|timeout peer|clock peer_fin_idle|idle_timeout delivered routine")


def test_more_heads_than_memory():
    over_the_bound(b"GET / HTTP/1.1\r\nHost: a\r\n" + LARGE[:60000],
                   "head|handler|response abort self memory_limit * notable")


def test_more_answers_than_memory():
    over_the_bound(request("GET", "/") * 2000, "head|handler|response abort self memory_limit * notable")


if __name__ == "__main__":
    harness.run(globals())
