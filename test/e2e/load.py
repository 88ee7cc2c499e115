#!/usr/bin/env python3
"""Goal: weir load asks what it was told to ask, ends each connection as it was told to, and counts both exactly;
method: it is run against weir demo, and what it reports is compared with the server's ledger and records.

run-tests: limit=600 builds=default,asan,tsan alone=yes

WEIR_LOAD_CONNECTIONS: how many connections each end is tried with (200; the goal is 10000).
"""
import collections
import fcntl
import json
import os
import resource
import signal
import socket
import struct
import subprocess
import tempfile
import termios
import threading
import time

import harness
from harness import DEADLINE, PATIENCE, Server, check, wait_for

DRAIN_TEXT = "every answer owed is taken, then FIN, then the server's FIN is waited for"
CONNECTIONS = int(os.environ.get("WEIR_LOAD_CONNECTIONS", "200"))


class Run:
    """A run to its end: status, what it wrote, and the document of --json."""

    def __init__(self, *args, url=None, json_too=True, status=0, timeout=None, cwd=None):
        command = harness.PREFIX + [harness.WEIR, "load", *(["--json"] if json_too else []), *map(str, args)]
        done = subprocess.run(command + ([url] if url else []), capture_output=True, text=True,
                              timeout=timeout or 4 * DEADLINE, cwd=cwd)
        self.out, self.err = done.stdout, done.stderr
        check(done.returncode == status, "%s: status %d, expected %d: %s%s", args, done.returncode, status,
              self.err[-1500:], self.out[-1500:])
        self.doc = json.loads(self.out) if json_too and self.out else None

    def __getitem__(self, name):
        return self.doc[name]


def url(s, path="/"):
    return "http://%s%s" % (s.addresses[0], path)


def consistent(doc):
    """What holds of every document."""
    c, x = doc["connections"], doc["exchanges"]
    check(c["opened"] == sum(c["by_outcome"].values()) == sum(c["by_code"].values()) == sum(c["by_class"].values()),
          "connections do not add up: %r", c)
    check(c["dialled"] == c["opened"] + sum(c["failed"].values()), "dials do not add up: %r", c)
    check(x["begun"] == sum(x["by_code"].values()), "exchanges do not add up: %r", x)
    check(x["by_code"].get("complete", 0) == sum(x["by_status"].values()), "statuses do not add up: %r", x)
    check(doc["latency_ns"]["count"] == doc["measured"], "latencies: %r of %r", doc["latency_ns"]["count"],
          doc["measured"])
    check(doc["errors"]["total"] == doc["errors"]["unexpected_status"] + sum(doc["errors"]["by_code"].values()),
          "errors do not add up: %r", doc["errors"])
    check("bug" not in c["by_class"], "a bug: %r", c)


def both_ends(s, end, codes, path="/", count=CONNECTIONS, exchanges=1, options=(), connections=20):
    """`count` connections of that end; each code that the server gave them must be one of `codes`."""
    r = Run("-c", connections, "-n", count * exchanges, "--per-conn", exchanges, "--end", end, "--server-endings",
            url(s, "/.weir/endings"), *options, url=url(s, path))
    consistent(r.doc)
    name = end.split("=")[0]
    check(r["connections"]["by_outcome"] == {name: count}, "%s: %r", end, r["connections"]["by_outcome"])
    check(r["exchanges"]["begun"] == count * exchanges, "%s: %r", end, r["exchanges"])
    check(r["errors"]["total"] == 0, "%s: %r", end, r["errors"])
    server = r["server"]
    check(server["matches"] and server["accepted"] == count, "%s: %r", end, server)
    check(set(server["by_code"]) <= set(codes) and sum(server["by_code"].values()) == count, "%s: %r", end, server)
    return r


# --- ends ------------------------------------------------------------------------------------------------------------

def test_drain_is_the_default_and_routine():
    with Server() as s:
        both_ends(s, "drain", ["peer_fin_idle"], exchanges=3)
        r = Run("-c", 30, "-d", "300ms", url=url(s))
        consistent(r.doc)
        check(r["connections"]["by_outcome"] == {"drain": 30} and r["errors"]["total"] == 0, "%r", r.doc["connections"])
        records = s.stop().records
        check({x["class"] for x in records} == {"routine"}, "%s", harness.tally(records))
        check({x["delivery"] for x in records} <= {"delivered"}, "%s", harness.tally(records))


def test_fin():
    with Server() as s:
        both_ends(s, "fin", ["peer_fin_idle"])
        both_ends(s, "fin", ["peer_fin_idle"], path="/bytes/100000", exchanges=2)


def test_half():
    with Server() as s:
        both_ends(s, "half", ["peer_half_close", "peer_fin_idle"])
        both_ends(s, "half", ["peer_half_close"], path="/delay/%d" % (50 * PATIENCE), exchanges=1,
                  count=min(CONNECTIONS, 200))
        # A second request may be read before the loop tells of the FIN behind it, and its answer be out by then.
        both_ends(s, "half", ["peer_half_close", "peer_fin_idle"], path="/bytes/500000", exchanges=2,
                  count=min(CONNECTIONS, 200))


def test_rst():
    with Server() as s:
        both_ends(s, "rst", ["peer_reset_idle"])
        both_ends(s, "rst", ["peer_reset_idle"], exchanges=5)


def test_rst_after():
    with Server() as s:
        # Nothing was read before, so the window is small; once a whole one was read, it may have grown to hold another.
        both_ends(s, "rst-after=1000", ["peer_reset_in_response"], path="/bytes/20000000")
        both_ends(s, "rst-after=1000", ["peer_reset_in_response", "peer_reset_idle"], path="/bytes/20000000",
                  exchanges=2, count=min(CONNECTIONS, 40))
        both_ends(s, "rst-after=10", ["peer_reset_idle", "peer_reset_in_response"])
        both_ends(s, "rst-after=0", ["peer_reset_in_handler"], path="/delay/%d" % (300 * PATIENCE),
                  count=min(CONNECTIONS, 200))


def test_stall():
    with Server("--write-timeout", "500ms", "--idle-timeout", "500ms") as s:
        both_ends(s, "stall", ["write_timeout"], path="/bytes/20000000", connections=100)
        both_ends(s, "stall", ["idle_timeout"], connections=100)


def test_leave():
    with Server() as s:
        both_ends(s, "leave", ["peer_fin_in_handler", "peer_fin_in_response"], path="/bytes/20000000")
        both_ends(s, "leave", ["peer_fin_in_handler"], path="/delay/%d" % (300 * PATIENCE),
                  count=min(CONNECTIONS, 200))


def test_ends_at_the_end_of_a_timed_run():
    with Server() as s:
        for end in ("drain", "fin", "half", "rst", "rst-after=5", "leave"):
            r = Run("-c", 10, "-d", "100ms", "--end", end, "--pipeline", 3, "--server-endings",
                    url(s, "/.weir/endings"), url=url(s))
            consistent(r.doc)
            check(r["connections"]["by_outcome"] == {end.split("=")[0]: 10}, "%s: %r", end, r["connections"])
            check(r["server"]["matches"], "%s: %r", end, r["server"])


def test_ends_over_a_unix_socket():
    with Server(listen="unix:DIR/s") as s:
        for end in ("drain", "fin", "half"):
            r = Run("-c", 5, "-n", 50, "--per-conn", 1, "--end", end, url="unix:%s/s" % s.dir)
            consistent(r.doc)
            check(r["connections"]["by_outcome"] == {end: 50}, "%s: %r", end, r["connections"])
        r = Run("-n", 10, "--unix", s.dir + "/s", url="http://somewhere.example/status/204")
        check(r["exchanges"]["by_status"] == {"2xx": 10}, "%r", r["exchanges"])


# --- how it asks -----------------------------------------------------------------------------------------------------

def test_numbers_are_exact():
    with Server() as s:
        for c, n, per, t in ((7, 100, 3, 2), (1, 1, 1, 1), (50, 20, 5, 4), (10, 1000, 1000, 3), (3, 10, 4, 3)):
            r = Run("-c", c, "-n", n, "--per-conn", per, "-t", t, url=url(s))
            consistent(r.doc)
            check(r["exchanges"]["begun"] == r["measured"] == n, "%r: %r", (c, n, per), r["exchanges"])
            check(r["connections"]["opened"] >= -(-n // per), "%r: %r", (c, n, per), r["connections"])
        wait_for("all ended", lambda: s.ledger()["alive"] == 1)
        check(max(x["exchanges"] for x in s.read_records()) <= 1000, "more than asked for")


def test_per_conn_time():
    with Server() as s:
        r = Run("-c", 4, "-d", "1s", "--per-conn", "50ms", url=url(s))
        consistent(r.doc)
        check(r["connections"]["opened"] > 4 and r["errors"]["total"] == 0, "%r", r["connections"])


def test_pipelining():
    with Server() as s:
        r = Run("-c", 5, "-n", 5000, "--pipeline", 16, url=url(s))
        consistent(r.doc)
        check(r["exchanges"]["by_code"] == {"complete": 5000} and r["connections"]["opened"] == 5, "%r", r.doc)
        # Sixteen waits of 50 ms one after the other would be 800 ms at least: the server answers in order all the same,
        # so what shows is that a connection takes many at once: all answers of a batch come from one connection.
        r = Run("-c", 1, "-n", 32, "--pipeline", 16, url=url(s, "/bytes/100000"))
        check(r["connections"]["opened"] == 1 and r["exchanges"]["by_code"] == {"complete": 32}, "%r", r.doc)


def test_open_loop_counts_from_the_planned_instant():
    """A server that takes 50 ms for each, one connection, 100 a second: the queue grows, and so do the latencies."""
    with Server() as s:
        r = Run("-c", 1, "-n", 20, "--rate", 100, url=url(s, "/delay/50"))
        consistent(r.doc)
        check(r["exchanges"]["by_code"] == {"complete": 20}, "%r", r["exchanges"])
        # The last was planned at 190 ms and answered after 20 x 50 ms at the earliest.
        check(r["latency_ns"]["max"] >= (20 * 50 - 190) * 1e6 * 0.99, "%r", r["latency_ns"])
        check(r["latency_ns"]["min"] >= 50e6 * 0.99, "%r", r["latency_ns"])
        check(r["measured_ns"] >= 1000e6 * 0.99, "%r", r["measured_ns"])


def test_open_loop_keeps_its_pace():
    with Server() as s:
        r = Run("-c", 20, "-n", 200, "--rate", 400, "-t", 2, url=url(s))
        consistent(r.doc)
        # 200 requests at 400 a second: the last one is planned after 497.5 ms, so the run cannot be shorter.
        check(r["measured"] == 200 and r["measured_ns"] >= 490e6, "%r", r["measured_ns"])
        r = Run("-c", 1, "-d", "500ms", "--rate", 1000, url=url(s, "/delay/200"))
        check(r["exchanges"]["planned_unsent"] > 0, "%r", r["exchanges"])
        check(r["exchanges"]["planned_unsent"] + r["exchanges"]["begun"] == 500, "%r", r["exchanges"])


def test_open_loop_sends_what_was_planned():
    """As many as rate times duration says: not one more at the very end, and what was not sent is told. The server counts
    too."""
    with Server() as s:
        for rate, duration, c, t, planned in ((5, "1s", 2, 1, 5), (50, "500ms", 2, 2, 25), (3, "1s", 1, 1, 3),
                                              (7, "300ms", 5, 3, 3), (1000, "250ms", 20, 4, 250), (1, "100ms", 1, 1, 1)):
            before = s.ledger()["exchanges"]["begun"]
            r = Run("--rate", rate, "-d", duration, "-c", c, "-t", t, url=url(s))
            consistent(r.doc)
            x = r["exchanges"]
            check(x["begun"] + x["planned_unsent"] == planned, "%d/s for %s: %r", rate, duration, x)
            check(r["measured"] == x["begun"], "%r of %r are measured", r["measured"], x)
            # The look at the ledger is an exchange too.
            check(s.ledger()["exchanges"]["begun"] - before == x["begun"] + 1, "the server has another count: %r", x)
        r = Run("--rate", 20, "-d", "200ms", "--warmup", "300ms", "-c", 2, url=url(s))
        x = r["exchanges"]
        check(x["begun"] + x["planned_unsent"] == 10, "with a warm-up: %r", x)
        check(r["measured"] + x["planned_unsent"] <= 4 and r["measured"] <= x["begun"], "%r of %r", r["measured"], x)


def test_latency_agrees_with_the_server():
    """The server waits 100 ms: no answer may be said to have come sooner, nor its first octet."""
    with Server() as s:
        r = Run("-c", 5, "-n", 20, url=url(s, "/delay/100"))
        check(r["latency_ns"]["min"] >= 99.9e6 and r["first_octet_ns"]["min"] >= 99.9e6, "%r", r["latency_ns"])
        r = Run("-c", 1, "-n", 3, url=url(s, "/stream/4?every=100"))
        check(r["latency_ns"]["min"] - r["first_octet_ns"]["min"] >= 250e6, "%r %r", r["latency_ns"],
              r["first_octet_ns"])


def test_warmup():
    with Server() as s:
        r = Run("-c", 2, "-d", "300ms", "--warmup", "300ms", url=url(s))
        consistent(r.doc)
        check(r["exchanges"]["begun"] > r["measured"] > 0, "%r of %r", r["measured"], r["exchanges"])
        check(r["measured_ns"] >= 299e6, "%r", r["measured_ns"])


def test_method_fields_and_body():
    with Server() as s, tempfile.NamedTemporaryFile("wb") as body:
        body.write(b"x" * 100000)
        body.flush()
        r = Run("-n", 20, "--body", body.name, "-H", "X-One: 1", "-H", "X-Two: 2", "--expect-status", 200,
                url=url(s, "/digest"))
        consistent(r.doc)
        check(r["errors"]["total"] == 0 and r["connections"]["octets_out"] > 20 * 100000, "%r", r.doc)
        r = Run("-n", 5, "-X", "HEAD", url=url(s, "/bytes/1000000"))
        check(r["exchanges"]["by_status"] == {"2xx": 5} and r["connections"]["octets_in"] < 5000, "%r", r.doc)


def test_mix():
    with Server() as s, tempfile.TemporaryDirectory() as where:
        mix = os.path.join(where, "mix.ini")
        with open(mix, "w") as f:
            f.write("; two stories\n[reads]\nweight = 3\npath = /bytes/1000\nper-conn = 2\n\n"
                    "[leaves]\nweight = 1\nmethod = POST\npath = /echo\nfield = X-Story: leaves\n"
                    "body = %s\nper-conn = 1\nend = rst\n" % mix)
        runs = [Run("-c", 10, "-n", 600, "--mix", mix, "--seed", seed, "--server-endings", url(s, "/.weir/endings"),
                    url=url(s)) for seed in (7, 7, 8)]
        for r in runs:
            consistent(r.doc)
            check(r["server"]["matches"] and r["errors"]["total"] == 0, "%r", r.doc)
            reads, leaves = r["scenarios"]
            check((reads["name"], leaves["name"]) == ("reads", "leaves"), "%r", r["scenarios"])
            check(r["connections"]["by_outcome"] == {"drain": reads["connections"], "rst": leaves["connections"]},
                  "%r", r["connections"])
            check(reads["connections"] > leaves["connections"] > 20, "the weights: %r", r["scenarios"])
            check(r["server"]["by_code"] == {"peer_fin_idle": reads["connections"],
                                             "peer_reset_idle": leaves["connections"]}, "%r", r["server"])


def test_targets():
    """Each request is drawn by weight: the server says what it got, and the same seed draws the same."""
    with Server() as s, tempfile.TemporaryDirectory() as where:
        with open(os.path.join(where, "targets"), "w") as f:
            f.write("# three\n/status/200 weight=6\nGET %s weight=3\nPOST /digest body=content field='X-A: b c'\n"
                    "/status/500 weight=0\n" % url(s, "/status/404"))
        with open(os.path.join(where, "content"), "w") as f:
            f.write("x" * 5000)
        runs = [Run("-c", 10, "-n", 1000, "--per-conn", 50, "--targets", "targets", "--seed", seed, *extra, url=url(s),
                    cwd=where) for seed, extra in ((1, ()), (1, ("-t", 2)), (2, ()))]
        for r in runs:
            consistent(r.doc)
            codes = r["exchanges"]["by_status_code"]
            check(set(codes) == {"200", "404"} and sum(codes.values()) == 1000, "%r", codes)
            check(200 <= codes["404"] <= 400, "the weights: %r", codes)  # 300 +- 15 by chance
            check(r["scenarios"][0]["targets"] == 4 and r["options"]["targets"] == "targets", "%r", r["scenarios"])
            # 100 of them by chance, of 5000 octets each, and the heads of 1000.
            check(30 * 5000 <= r["connections"]["octets_out"] <= 200 * 5000 + 1000 * 100, "%r", r["connections"])
        # Whether threads share the connections: each has requests of its own number, whoever sends them.
        codes = [r["exchanges"]["by_status_code"] for r in runs]
        check(codes[0] == codes[1] != codes[2], "by the seed: %r", codes)


def test_a_mix_with_targets():
    with Server() as s, tempfile.TemporaryDirectory() as where:
        for name, text in (("a", "/status/201\n/status/202\n"), ("b", "/status/203\n"),
                           ("mix", "[one]\nfield = X-One: 1\ntargets = a\n[two]\nmethod = HEAD\ntargets = b\n[three]\n")):
            with open(os.path.join(where, name), "w") as f:
                f.write(text)
        r = Run("-c", 10, "-n", 600, "--per-conn", 2, "--mix", "mix", url=url(s, "/status/204"), cwd=where)
        consistent(r.doc)
        check(set(r["exchanges"]["by_status_code"]) == {"201", "202", "203", "204"}, "%r", r["exchanges"])
        check([x.get("targets") for x in r["scenarios"]] == [2, 1, None], "%r", r["scenarios"])


# --- what it says ----------------------------------------------------------------------------------------------------

def test_the_report_for_people():
    with Server() as s:
        r = Run("-n", 100, "--server-endings", url(s, "/.weir/endings"), url=url(s), json_too=False)
        for word in ("rate", "latency", "p99.9", "first octet", "connect", "complete", "drained", "errors",
                     "Both ends agree."):
            check(word in r.out, "no '%s' in:\n%s", word, r.out)
        check(max(map(len, r.out.splitlines())) < 140, "a wide report:\n%s", r.out)
        r = Run("-n", 3, "-c", 1, url=url(s, "/status/404"), json_too=False)
        check("1 connection, 1 thread\n" in r.out and "--expect-status" in r.out, "%s", r.out)


def on_terminal(columns, *args):
    """What a run writes to a terminal of so many columns: (status, text)."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    command = harness.PREFIX + [harness.WEIR, "load", *args]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs) as run:
        os.close(theirs)
        parts = []
        while True:
            try:
                parts.append(os.read(ours, 65536))
            except OSError:  # the other side is closed
                break
        os.close(ours)
        return run.wait(DEADLINE), b"".join(parts).decode()


def test_the_report_on_a_terminal():
    with Server() as s:
        # What is broken between words at 80 columns is not at 200; the live line is the same, and fits both.
        for columns, whole in ((80, False), (200, True)):
            status, text = on_terminal(columns, "-c", "5", "-d", "1200ms", "--server-endings", url(s, "/.weir/endings"),
                                       url(s))
            check(status == 0 and " answers " in text and "\r\x1b[K" in text, "%r", text)
            lines = text.replace("\r\n", "\n").replace("\x1b[K", "").replace("\r", "\n").split("\n")
            check(max(map(len, lines)) <= columns, "%d: %r", columns, max(lines, key=len))
            check((DRAIN_TEXT in text) == whole, "%d:\n%s", columns, text)


def test_a_run_without_numbers():
    """No NaN, no empty table: what is missing is said, and the document is one."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = "http://127.0.0.1:%d/" % taken.getsockname()[1]
        r = Run("-c", 2, url=nobody, json_too=False, status=1)
        check("nothing was measured: no connection came to be" in r.out and "not opened" in r.out, "%s", r.out)
        r = Run("-c", 2, url=nobody, status=1)
        check(r["rate"] == 0 and r["latency_ns"]["count"] == 0 and r["latency_ns"]["max"] == 0, "%r", r.doc)
    with Server() as s:
        r = Run("-n", 20, "--warmup", "1h", url=url(s), json_too=False)
        check("nothing was measured: the run was over before its warm-up was" in r.out, "%s", r.out)


def test_times_as_people_type_them():
    with Server() as s:
        for given, ns in (("1", 1e9), ("0.2", 2e8), ("1.5s", 15e8), ("200ms", 2e8)):
            r = Run("-d", given, "-n", 5, "--timeout", "5", url=url(s))
            check(r["options"]["duration_ns"] == ns and r["options"]["timeout_ns"] == 5e9, "%s: %r", given, r["options"])
        r = Run("-n", 4, "-c", 1, "--per-conn", 2, url=url(s))  # there it is exchanges
        check(r["connections"]["opened"] == 2, "%r", r["connections"])


def test_urls_as_people_type_them():
    with Server() as s:
        for given in (s.addresses[0], s.addresses[0] + "/", "HTTP://%s/?a#b" % s.addresses[0]):
            r = Run("-n", 2, "-c", 1, url=given)
            check(r["address"] == s.addresses[0] and r["errors"]["total"] == 0, "%r", r.doc)


def test_the_document():
    with Server() as s:
        r = Run("-n", 50, url=url(s))
        check(r["weir_load"] == 1 and r["url"] == url(s) and r["address"] == s.addresses[0], "%r", r.doc)
        check(r["options"]["requests"] == 50 and r["options"]["end"] == "drain", "%r", r["options"])
        check(r["connections"]["by_delivery"] == {"delivered": 10}, "%r", r["connections"])
        p = r["latency_ns"]["percentiles"]
        check(list(p) == ["50", "75", "90", "99", "99.9", "99.99", "99.999"], "%r", p)
        check(list(p.values()) == sorted(p.values()) and p["99.999"] <= r["latency_ns"]["max"] * 1.01, "%r", p)


def test_histograms_are_merged():
    with Server() as s, tempfile.TemporaryDirectory() as where:
        for name in "ab":
            Run("-n", 150, "--histogram", name, url=url(s), cwd=where)
        r = Run("--merge", "--histogram", "sum", "a", "b", json_too=False, cwd=where)
        check("300 latencies of 2 intervals" in r.out, "%s", r.out)
        r = Run("--merge", "sum", json_too=False, cwd=where)
        check("300 latencies of 1 intervals" in r.out, "%s", r.out)
        r = Run("--merge", "a", "b", cwd=where)
        check(r["intervals"] == 2 and r["latency_ns"]["count"] == 300, "%r", r.doc)
        r = Run("--merge", "absent", json_too=False, cwd=where, status=1)
        check("absent" in r.err, "%s", r.err)


def test_a_histogram_is_whole_or_not_there():
    with Server() as s, tempfile.TemporaryDirectory() as where:
        for file, why in (("/dev/full", "No space left"), (where, "Is a directory"), (where + "/a/b", "No such file")):
            r = Run("-n", 5, "--histogram", file, url=url(s), json_too=False, status=1)
            check("--histogram is '%s'" % file in r.err and why in r.err, "%s", r.err)
            check(("rate" in r.out) == (file == "/dev/full"), "it was looked at when the run was over: %s", r.out)
        old = os.path.join(where, "old")
        with open(old, "w") as f:
            f.write("precious")
        os.chmod(old, 0o600)
        os.symlink("old", os.path.join(where, "link"))
        limited = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then write() says EFBIG
        done = subprocess.run(harness.PREFIX + [harness.WEIR, "load", "-n", "5", "--histogram", old, url(s)],
                              capture_output=True, text=True, timeout=DEADLINE, preexec_fn=limited, restore_signals=False)
        check(done.returncode == 1 and "File too large" in done.stderr, "%r", done)
        with open(old) as f:
            check(f.read() == "precious", "it was half-written")
        Run("-n", 5, "--histogram", os.path.join(where, "link"), url=url(s))
        with open(old) as f:
            check("#[" in f.read(), "nothing was written through the link")
        check(os.stat(old).st_mode & 0o777 == 0o600 and sorted(os.listdir(where)) == ["link", "old"], "%r",
              os.listdir(where))
        # A report that cannot be written does not take the histogram with it.
        with open("/dev/full", "w") as full:
            command = [harness.WEIR, "load", "-n", "5", "--histogram", where + "/new", url(s)]
            done = subprocess.run(harness.PREFIX + command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=DEADLINE)
        check(done.returncode == 1 and "No space left" in done.stderr and os.path.exists(where + "/new"), "%r", done)


def test_runs_are_compared():
    with Server() as s, tempfile.TemporaryDirectory() as where:
        for name, path in (("a", "/delay/5"), ("b", "/delay/60")):
            with open(os.path.join(where, name), "w") as f:
                f.write(Run("-c", 10, "-n", 300, url=url(s, path)).out)
        r = Run("--compare", "a", "b", json_too=False, cwd=where)
        check("latency p50" in r.out and "more" in r.out, "%s", r.out)
        r = Run("--compare", "a", "b", cwd=where)
        check(r["latency_p50"]["low"] > 1 and r["latency_p50"]["verdict"] == 1 and r["rate"]["ratio"] < 1, "%r", r.doc)
        r = Run("--compare", "a", "a", cwd=where)
        check(r["latency_p50"]["verdict"] == 0 and r["latency_p50"]["low"] <= 1 <= r["latency_p50"]["high"], "%r", r.doc)
        with open(os.path.join(where, "c"), "w") as f:
            f.write("{}")
        check("not a document" in Run("--compare", "a", "c", json_too=False, cwd=where, status=1).err, "c was taken")


def test_statuses():
    with Server() as s:
        x = Run("-n", 10, url=url(s, "/status/404"))["exchanges"]
        check(x["by_status"] == {"4xx": 10} and x["by_status_code"] == {"404": 10}, "404: %r", x)
        x = Run("-n", 10, url=url(s, "/status/503"))["exchanges"]
        check(x["by_status_code"] == {"503": 10}, "503: %r", x)
        r = Run("-n", 10, url=url(s, "/status/418"), json_too=False)
        check("  status 418                         10 " in r.out, "%s", r.out)
        r = Run("-n", 10, "--expect-status", 200, url=url(s, "/status/503"), status=1)
        check(r["errors"] == {"total": 10, "unexpected_status": 10, "by_code": {}}, "%r", r["errors"])


def test_conditions_of_failure():
    """Each that holds is named; they set the exit status; what does not hold is no failure."""
    with Server() as s:
        right = ("--fail-if", "p99>1h", "--fail-if", "errors>0", "--fail-if", "status!=2xx", "--fail-if", "unsent>0")
        r = Run("-n", 20, *right, url=url(s))
        check([x["if"] for x in r["fail_if"]] == list(right[1::2]), "%r", r["fail_if"])
        check(not any(x["failed"] for x in r["fail_if"]) and r["fail_if"][0]["value"] > 0, "%r", r["fail_if"])
        check("failed" not in r.err, "%r", r.err)
        r = Run("-n", 20, *right, "--fail-if", "404>=50%", url=url(s, "/status/404"), status=1)
        check([x["failed"] for x in r["fail_if"]] == [False, False, True, False, True], "%r", r["fail_if"])
        check(r.err == "weir load: failed: status!=2xx: 20 answers\nweir load: failed: 404>=50%: 100 %\n", "%r", r.err)
        r = Run("-n", 5, "--fail-if", "p50>40ms", "--fail-if", "max<40ms", url=url(s, "/delay/50"), json_too=False,
                status=1)
        check("p50>40ms" in r.out and "FAILED" in r.out and "failed: p50>40ms" in r.err and "max" not in r.err, "%s", r.out)
        # Errors are failures, unless a condition says how many.
        args = ("-n", 10, "--expect-status", 200)
        Run(*args, "--fail-if", "p99>1h", url=url(s, "/status/503"), status=1)
        Run(*args, "--fail-if", "errors>10", url=url(s, "/status/503"))
        r = Run(*args, "--fail-if", "errors>99.9%", url=url(s, "/status/503"), status=1)
        check(r.err == "weir load: failed: errors>99.9%: 100 %\n", "%r", r.err)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        r = Run("-n", 5, "--fail-if", "p99>1h", "--fail-if", "errors>100%", "--fail-if", "unsent>0",
                url="http://127.0.0.1:%d/" % taken.getsockname()[1], status=1)
        check([x["failed"] for x in r["fail_if"]] == [True, False, True], "%r", r["fail_if"])
        check(r["fail_if"][0]["value"] is None and r["exchanges"]["unsent"] == 5, "%r", r["fail_if"])


# --- what goes wrong -------------------------------------------------------------------------------------------------

class Peer(threading.Thread):
    """A server that does `serve(sock)` with each connection, until closed."""

    def __init__(self, serve):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port = self.listener.getsockname()[1]
        self.serve = serve
        self.start()

    def run(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.one, args=(sock,), daemon=True).start()

    def one(self, sock):
        with sock:
            self.serve(sock)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()


def test_nobody_listens():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        r = Run("-c", 5, "-d", "60s", url="http://127.0.0.1:%d/" % taken.getsockname()[1], status=1)
        consistent(r.doc)
        check(set(r["errors"]["by_code"]) == {"connect_refused"} and r["connections"]["opened"] == 0, "%r", r.doc)


def test_a_silent_server():
    with Peer(lambda sock: sock.recv(1) and time.sleep(DEADLINE)) as p:
        r = Run("-c", 3, "-n", 3, "--timeout", "300ms", url="http://127.0.0.1:%d/" % p.port, status=1)
        consistent(r.doc)
        check(r["errors"]["by_code"] == {"exchange_timeout": 3}, "%r", r["errors"])


def test_a_server_that_is_none():
    with Peer(lambda sock: sock.recv(1000) and sock.sendall(b"220 mail.example ESMTP\r\n")) as p:
        r = Run("-c", 2, "-n", 4, url="http://127.0.0.1:%d/" % p.port, status=1)
        consistent(r.doc)
        check(r["errors"]["by_code"] == {"bad_status_line": 4}, "%r", r["errors"])


def test_a_server_that_leaves():
    with Peer(lambda sock: sock.recv(1000)) as p:
        r = Run("-c", 2, "-n", 4, url="http://127.0.0.1:%d/" % p.port, status=1)
        consistent(r.doc)
        check(r["errors"]["by_code"] == {"peer_fin_in_handler": 4}, "%r", r["errors"])


def wait_for_end(command, limit):
    """(status, document, standard error) of a run that has to end by itself."""
    done = subprocess.run(harness.PREFIX + [harness.WEIR, "load", "--json", *command], capture_output=True, text=True,
                          timeout=limit)
    return done.returncode, json.loads(done.stdout), done.stderr


def goes_after(count, how):
    """A peer that answers so many requests, and then ends as `how(peer, sock)` says."""
    left, lock = [count], threading.Lock()

    def serve(sock):
        while sock.recv(65536):
            with lock:
                left[0] -= 1
            if left[0] < 0:
                return how(peer, sock)
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    peer = Peer(serve)
    return peer


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def test_the_server_is_gone():
    """A number of requests is not sent for ever to who is not there any more: the run ends, says why, and reports."""
    def leave(peer, sock):
        try:
            peer.listener.shutdown(socket.SHUT_RDWR)
            peer.listener.close()
        except OSError:  # another thread did
            pass
        reset(sock)
    for extra in ([], ["--rate", "1000"], ["-t", "2"], ["--pipeline", "4"], ["--per-conn", "1"], ["-d", "1h"]):
        with goes_after(30, leave) as p:
            status, doc, err = wait_for_end(["-n", "1000", "-c", "4", "--timeout", "2s", *extra,
                                             "http://127.0.0.1:%d/" % p.port], 4 * DEADLINE)
        consistent(doc)
        check(status == 1 and doc["ended_by"] == "server_gone" and "server_gone: " in err, "%r: %d, %r, %r", extra,
              status, doc["ended_by"], err)
        check(30 <= doc["exchanges"]["begun"] < 1000 and 0 < doc["exchanges"]["by_status"]["2xx"] <= 30, "%r",
              doc["exchanges"])
        check("connect_refused" in doc["errors"]["by_code"], "%r", doc["errors"])


def test_the_server_comes_back():
    """Who starts the server again is waited for."""
    with Server() as s:
        address = s.addresses[0]
        command = harness.PREFIX + [harness.WEIR, "load", "--json", "-n", "1000", "-c", "1", "--rate", "100",
                                    "http://%s/" % address]
        load = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            wait_for("requests", lambda: s.ledger()["exchanges"]["begun"] > 50)
            s.stop()
            with Server(listen=address):
                doc = json.loads(load.communicate(timeout=4 * DEADLINE)[0])
        finally:
            load.kill()
        consistent(doc)
        check(doc["ended_by"] == "requests" and doc["exchanges"]["begun"] == 1000, "%r", doc["exchanges"])


def test_nobody_answers_any_more():
    """It takes connections and says nothing: a run with a number of requests has an end all the same."""
    with goes_after(5, lambda peer, sock: time.sleep(DEADLINE)) as p:
        status, doc, err = wait_for_end(["-n", "100000", "-c", "3", "--timeout", "300ms",
                                         "http://127.0.0.1:%d/" % p.port], 4 * DEADLINE)
    consistent(doc)
    check(status == 1 and doc["ended_by"] == "no_answer" and "no_answer: " in err, "%d, %r, %r", status,
          doc["ended_by"], err)
    check(doc["exchanges"]["begun"] < 1000 and set(doc["errors"]["by_code"]) == {"exchange_timeout"}, "%r", doc)


def test_nobody_takes_connections():
    """A backlog that is full is no place to wait in for ever: of TCP, where SYNs are dropped, and of a unix socket."""
    with tempfile.TemporaryDirectory() as where:
        for family, place in ((socket.AF_INET, ("127.0.0.1", 0)), (socket.AF_UNIX, where + "/s")):
            with socket.socket(family) as full:
                full.bind(place)
                full.listen(0)
                others = [socket.socket(family) for _ in range(8)]
                for each in others:
                    each.setblocking(False)
                    each.connect_ex(full.getsockname())
                name = full.getsockname()
                target = "unix:" + name if family == socket.AF_UNIX else "http://127.0.0.1:%d/" % name[1]
                for much in (["-n", "10"], ["-d", "1h"]):
                    status, doc, _ = wait_for_end([*much, "-c", "3", "--timeout", "300ms", target], 4 * DEADLINE)
                    consistent(doc)
                    check(status == 1 and doc["ended_by"] == "no_connection", "%d %r", status, doc["ended_by"])
                    check(set(doc["errors"]["by_code"]) == {"connect_timeout"}, "%r", doc["errors"])
                for each in others:
                    each.close()


def test_a_reset_after_the_accept_is_no_refusal():
    """The kernel tells them apart, and so do we, whenever the reset comes: before the dial is looked at, too."""
    for extra in ([], ["--rate", "2000"], ["--end", "rst"], ["--per-conn", "1"]):
        with Peer(reset) as p:
            status, doc, _ = wait_for_end(["-n", "200", "-c", "4", *extra, "http://127.0.0.1:%d/" % p.port],
                                          4 * DEADLINE)
        consistent(doc)
        check(status == 1 and doc["ended_by"] == "requests" and doc["exchanges"]["begun"] == 200, "%r", doc["exchanges"])
        check(doc["connections"]["failed"] == {} and doc["connections"]["opened"] >= 200, "%r", doc["connections"])
        check(set(doc["errors"]["by_code"]) <= {"peer_reset_in_handler", "peer_fin_in_handler", "peer_reset_unused"},
              "%r", doc["errors"])


def test_a_server_that_does_not_close():
    """`half` waits for the server's FIN, and not for ever."""
    def serve(sock):
        while sock.recv(65536):
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        time.sleep(DEADLINE)
    with Peer(serve) as p:
        status, doc, _ = wait_for_end(["-n", "2", "-c", "2", "--end", "half", "--timeout", "300ms",
                                       "http://127.0.0.1:%d/" % p.port], DEADLINE)
    consistent(doc)
    check(status == 0 and doc["connections"]["by_outcome"] == {"half": 2}, "%r", doc["connections"])
    check(doc["connections"]["by_code"] == {"linger_timeout": 2}, "%r", doc["connections"])


def test_a_server_that_closes_after_each():
    with Server() as s:
        r = Run("-c", 5, "-n", 50, "-H", "Connection: close", "--server-endings", url(s, "/.weir/endings"), url=url(s))
        consistent(r.doc)
        check(r["errors"]["total"] == 0 and r["connections"]["by_outcome"] == {"by_server": 50}, "%r", r.doc)
        check(r["server"]["matches"] and r["server"]["by_code"] == {"close_requested": 50}, "%r", r["server"])


def test_the_server_drains_meanwhile():
    with Server() as s:
        command = [harness.WEIR, "load", "--json", "-c", "20", "-d", "60s", url(s)]
        load = subprocess.Popen(harness.PREFIX + command, stdout=subprocess.PIPE, text=True)
        try:
            s.wait_accepted(20)
            check(s.stop().status == 0, "the drain")
            load.send_signal(signal.SIGINT)
            doc = json.loads(load.communicate(timeout=DEADLINE)[0])
        finally:
            load.kill()
        consistent(doc)
        check(doc["interrupted"] and set(doc["errors"]["by_code"]) <= {
            "connect_refused", "peer_fin_in_handler", "peer_reset_in_handler"}, "%r", doc["errors"])


def test_the_server_dies():
    """The run's own numbers are told all the same, and why the ledger is not there."""
    for extra in ([], ["--json"]):
        with Server() as s:
            command = [harness.WEIR, "load", *extra, "-c", "20", "-d", "1h", "--server-endings", url(s, "/.weir/endings"),
                       url(s)]
            load = subprocess.Popen(harness.PREFIX + command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            try:
                wait_for("requests", lambda: s.ledger()["exchanges"]["begun"] > 500)
                s.process.kill()
                s.process.wait()
                load.send_signal(signal.SIGINT)
                out, err = load.communicate(timeout=2 * DEADLINE)
            finally:
                load.kill()
        check(load.returncode == 1 and "--server-endings" in err and "refused" in err, "%r", err)
        if extra:
            consistent(json.loads(out))
            check(json.loads(out)["measured"] > 100 and "server" not in json.loads(out), "%s", out)
        else:
            check("answers in" in out and "errors" in out, "%s", out)


def test_interrupted():
    with Server() as s:
        command = harness.PREFIX + [harness.WEIR, "load", "--json", "-c", "5", "-d", "1h", url(s)]
        for signals, outcome in ((1, "drain"), (2, "drain stopped")):
            load = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            try:
                before = s.ledger()["exchanges"]["begun"]
                wait_for("requests", lambda: s.ledger()["exchanges"]["begun"] > before + 50)
                for _ in range(signals):
                    load.send_signal(signal.SIGINT)
                doc = json.loads(load.communicate(timeout=DEADLINE)[0])
            finally:
                load.kill()
            consistent(doc)
            check(doc["interrupted"] and set(doc["connections"]["by_outcome"]) <= set(outcome.split()), "%r", doc)


def test_stopped_while_it_dials():
    """A connection that does not come to be is owed nothing: a stop does not wait for --timeout."""
    with socket.socket() as full, socket.socket() as first:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        first.connect(full.getsockname())
        others = [socket.socket() for _ in range(8)]
        for each in others:  # the backlog is full then, and SYNs are dropped
            each.setblocking(False)
            each.connect_ex(full.getsockname())
        load = subprocess.Popen(harness.PREFIX + [harness.WEIR, "load", "--json", "-c", "3", "--timeout", "10m",
                                                  "http://127.0.0.1:%d/" % full.getsockname()[1]],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            wait_for("the dials", lambda: sockets_of(load.pid) >= 3)
            load.send_signal(signal.SIGINT)
            out, err = load.communicate(timeout=DEADLINE)
        finally:
            load.kill()
            for each in others:
                each.close()
        doc = json.loads(out)
        consistent(doc)
        check(load.returncode == 0 and doc["interrupted"] and doc["connections"]["failed"] == {"stopped": 3}, "%r", doc)
        check("a second signal" in err, "%r", err)


def sockets_of(pid):
    """Sockets of a process."""
    try:
        place = "/proc/%d/fd/" % pid
        return sum(os.readlink(place + fd).startswith("socket:") for fd in os.listdir(place))
    except OSError:
        return 0


def test_a_mix_as_people_write_it():
    with Server() as s, tempfile.TemporaryDirectory() as where:
        mix = os.path.join(where, "mix")
        with open(mix, "w") as f:  # a section without a key; long lines; a comment; blanks; no line end at the end
            f.write("# comment\n ; another\n[plain]\n\n[ long ]\n\tfield = X-Long: %s ; not a comment\r\n"
                    "path=/headers" % ("x" * 3000))
        r = Run("-c", 10, "-n", 200, "--mix", mix, url=url(s))
        consistent(r.doc)
        names = [x["name"] for x in r["scenarios"]]
        check(names == ["plain", "long"] and r["errors"]["total"] == 0, "%r", r["scenarios"])
        check(all(x["complete"] > 20 for x in r["scenarios"]), "%r", r["scenarios"])
        check(r["exchanges"]["by_status"] == {"2xx": 200}, "%r", r["exchanges"])
        check(r["connections"]["octets_out"] > 20 * 3000, "the long field was cut: %r", r["connections"])


def test_wrong_usage():
    with tempfile.TemporaryDirectory() as where:
        mixes = {"none": "path = /\n", "key": "[a]\nwait = 5\n", "weight": "[a]\nweight = 0\n",
                 "end": "[a]\nend = politely\n", "words": "[a]\nwhatever\n", "open": "\n[a\npath = /\n",
                 "twice": "[a]\n[b]\n[a]\n", "nameless": "[ ]\n", "blank": "[a]\npath = /a b\n", "empty": "",
                 "body": "[a]\nbody = /no/such\n", "targets": "[a]\ntargets = /no/such\n", "octets": "\x1b[2J\x07\n"}
        for name, text in mixes.items():
            with open(os.path.join(where, name), "w") as f:
                f.write(text)
        target = "http://127.0.0.1:1/"
        cases = [((), "a URL is needed"), (("ftp://x/",), "'ftp://x/'"), (("https://x/",), "https"),
                 (("http://x:99999/",), "http://HOST"), (("--end", "abruptly", target), "'abruptly'"),
                 (("--end", "rst-after=", target), "rst-after"), (("--end", "rst-after", target), "rst-after"),
                 (("--per-conn", "0", target), "--per-conn"), (("-c", "0", target), "--connections is '0'"),
                 (("-d", "10x", target), "--duration is '10x'"), (("-H", "no colon", target), "'no colon'"),
                 (("-X", "BAD METHOD", target), "'BAD METHOD'"), (("-m", "2", target), "HTTP/2"),
                 (("--body", where + "/absent", target), "absent"), (("--mix", where + "/absent", target), "absent"),
                 (("--mix", where + "/none", target), "none:1"), (("--mix", where + "/key", target), "key:2"),
                 (("--mix", where + "/weight", target), "weight"), (("--mix", where + "/end", target), "end:2"),
                 (("--mix", where + "/words", target), "words:2"), ((target, target), "not expected"),
                 (("--mix", where + "/open", target), "open:2: '[a' has no ]"),
                 (("--mix", where + "/twice", target), "twice:3: [a] is there already"),
                 (("--mix", where + "/nameless", target), "nameless:1"),
                 (("--mix", where + "/blank", target), "[a]: the path is '/a b'"),
                 (("--mix", where + "/empty", target), "[NAME]"), (("--mix", where, target), "Is a directory"),
                 (("--mix", where + "/body", target), "body:2: body is '/no/such': No such file"),
                 (("--mix", where + "/octets", target), "octets:1: the line is '?[2J?'"),
                 ((target + "a b",), "the path is '/a b'"), (("http://a:secret@x/",), "Authorization"),
                 (("-H", "Content-Length: 5", target), "Content-Length"), (("--end", "", target), "drain fin half"),
                 (("--per-conn", "", target), "5s"), (("--warmup", "never", target), "--warmup is 'never'"),
                 (("--server-endings", "ftp://x/", target), "ftp://x/"),
                 (("--merge", "-c", "5", "x"), "--connections has no meaning with --merge"),
                 (("--compare", "--histogram", "h", "x", "y"), "--histogram has no meaning with --compare"),
                 (("--fail-if", "p99>10xs", target), "--fail-if is 'p99>10xs': at character 5, '10xs': expected a time"),
                 (("--fail-if", "eros>1", target), "at character 1, 'eros>1': expected errors, unsent"),
                 (("--targets", where + "/absent", target), "--targets: %s/absent: No such file" % where),
                 (("--targets", where + "/weight", target), "weight:1: "),
                 (("--targets", where + "/empty", target), "no target"),
                 (("--mix", where + "/targets", target), "[a]: targets: /no/such: No such file"),
                 (("--merge", "--fail-if", "errors>1", "x"), "--fail-if has no meaning with --merge"),
                 (("--compare", "x"), "two files"), (("--merge",), "--histogram")]
        for args, needle in cases:
            r = Run(*args, json_too=False, status=2)
            check(r.out == "" and r.err.count("\n") == 1 and r.err.startswith("weir load: ") and needle in r.err
                  and "secret" not in r.err, "%r: %r", args, r.err)
    check("was not resolved" in Run("http://no-such-host.invalid/", json_too=False, status=1).err, "a name")


def test_too_few_descriptors():
    def limited():
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    done = subprocess.run(harness.PREFIX + [harness.WEIR, "load", "-c", "100", "http://127.0.0.1:1/"],
                          capture_output=True, text=True, preexec_fn=limited, timeout=DEADLINE)
    check(done.returncode == 1 and "ulimit" in done.stderr and "64" in done.stderr, "%r", done)


def test_help():
    r = Run("--help", json_too=False)
    for word in ("--connections", "-c,", "--server-endings", "--end", "weir load --rate"):
        check(word in r.out, "no %s in the help", word)
    check(collections.Counter(map(len, r.out.splitlines())) and max(map(len, r.out.splitlines())) < 130, "wide help")


if __name__ == "__main__":
    harness.run(globals())
