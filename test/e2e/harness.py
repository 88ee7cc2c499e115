"""What every end-to-end suite stands on: a server to start, clients that are exact about their ends, a runner.

Only the standard library. A suite is an executable file with functions named test_*, ending with
`if __name__ == "__main__": harness.run(globals())`.

    WEIR           the binary (build/weir)
    WEIR_PREFIX    put before it: "valgrind -q --error-exitcode=99"
    WEIR_PATIENCE  multiplies every deadline (1)

No assertion rests on a sleep: what is to happen is waited for, until a deadline that is far away. Conversations with
the ledger come from 127.0.0.77, so that their records can be told from those of a test.
"""
import argparse
import collections
import contextlib
import os
import resource
import select
import signal
import sys
import threading
import time
import traceback

from client import Closed, Conn, Response, post, request
from common import DEADLINE, PATIENCE, Failure, Skip, check, wait_for
from records import RECORD_FIELDS, VERDICT, expect, tally, verdict, vocabulary
from server import CONTROL_ADDRESS, PREFIX, SANITIZER, WEIR, Result, Server

__all__ = ["CONTROL_ADDRESS", "DEADLINE", "PATIENCE", "PREFIX", "RECORD_FIELDS", "SANITIZER", "VERDICT", "WEIR",
           "Closed", "Conn", "Failure", "Response", "Result", "Server", "Skip", "Steady", "check", "each", "expect",
           "many", "post", "request", "run", "tally", "verdict", "vocabulary", "wait_for", "wait_readable"]

TEST_SECONDS_MAX = int(240 * PATIENCE)


def each(count, work, threads=16):
    """work(i) for each i below `count`, on threads; the first failure is raised when all are done. What work returned,
    in order."""
    results, failures = [None] * count, []
    numbers = iter(range(count))
    lock = threading.Lock()

    def serve():
        while not failures:
            with lock:
                i = next(numbers, None)
            if i is None:
                return
            try:
                results[i] = work(i)
            except BaseException as failure:
                failures.append(failure)

    pool = [threading.Thread(target=serve, daemon=True) for _ in range(min(threads, count))]
    for t in pool:
        t.start()
    for t in pool:
        t.join(TEST_SECONDS_MAX)
    if failures:
        raise failures[0]
    return results


class Steady(threading.Thread):
    """A client that asks all the time while others misbehave: what it saw is looked at with finish()."""

    ADDRESS = "127.0.0.66"    # by which its records are known

    def __init__(self, server, path="/"):
        super().__init__(daemon=True)
        self.server, self.path = server, path
        self.ending = threading.Event()
        self.served, self.connections, self.slowest, self.failure = 0, 0, 0.0, None
        self.start()

    def run(self):
        conn = None
        try:
            while not self.ending.is_set():
                began = time.monotonic()
                if conn is None:
                    conn = self.server.connect(source=self.ADDRESS)
                    self.connections += 1
                try:
                    r = conn.get(self.path)
                except (Closed, BrokenPipeError) as end:    # an idle deadline may come first: that is no fault
                    check(not getattr(end, "octets", b""), "cut in an answer: %s", end)
                    conn.close()
                    conn = None
                    continue
                check(r.status == 200, "the steady client got %r", r)
                self.served += 1
                self.slowest = max(self.slowest, time.monotonic() - began)
                self.ending.wait(0.003)
            if conn:
                conn.close()
        except BaseException as failure:
            self.failure = failure

    def finish(self, slowest_seconds=2.0):
        self.ending.set()
        self.join(DEADLINE)
        check(self.failure is None, "the steady client: %s", self.failure)
        check(self.served > 0, "the steady client was never served")
        check(self.slowest < slowest_seconds * PATIENCE * 2, "the steady client once waited %.2f s", self.slowest)
        return self.connections


def wait_readable(conns, seconds=None):
    """Those of `conns` that have something to read, an end included; waits until there is one."""
    ready, _, _ = select.select([c.sock for c in conns], [], [], seconds or DEADLINE)
    return [c for c in conns if c.sock in ready]


@contextlib.contextmanager
def many(server, count, **how):
    """That many connections, all closed at the end."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(server.connect(**how)) for _ in range(count)]


def _alarm(*_):
    raise Failure("over %d s" % TEST_SECONDS_MAX)


def _one(name, test):
    began = time.monotonic()
    signal.alarm(TEST_SECONDS_MAX)
    try:
        test()
        outcome, detail = "ok", ""
    except Skip as why:
        outcome, detail = "skip", str(why)
    except Exception as failure:
        where = "" if isinstance(failure, (Failure, Closed)) else traceback.format_exc()
        suite = os.path.basename(sys.argv[0])
        frames = [f for f in traceback.extract_tb(failure.__traceback__) if os.path.basename(f.filename) == suite]
        at = "%s:%d: " % (os.path.basename(frames[-1].filename), frames[-1].lineno) if frames else ""
        outcome, detail = "FAIL", where or "%s%s: %s" % (at, type(failure).__name__, failure)
        for server in Server.alive:
            detail += "\nstandard error of the server: %s" % server.stderr()[-1500:]
    finally:
        signal.alarm(0)
        for server in list(Server.alive):
            server.kill()
    print("%-4s %s (%.1f s)%s" % (outcome, name, time.monotonic() - began,
                                  ": " + detail.replace("\n", "\n     ") if detail else ""), flush=True)
    return outcome


def run(names):
    parser = argparse.ArgumentParser()
    parser.add_argument("-k", metavar="WORD", default="", help="only tests whose name has this word in it")
    parser.add_argument("-l", action="store_true", help="only list them")
    options = parser.parse_args()
    tests = [(n, f) for n, f in names.items() if n.startswith("test_") and options.k in n]
    if options.l:
        print("\n".join(n for n, _ in tests))
        return
    if not os.access(WEIR, os.X_OK):
        sys.exit("no server at %s: build it, or set WEIR" % WEIR)
    signal.signal(signal.SIGALRM, _alarm)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 8192)) if hard >= 0 else 8192, hard))
    outcomes = collections.Counter(_one(n, f) for n, f in tests)
    skipped = ", %d skipped" % outcomes["skip"] if outcomes["skip"] else ""
    print("%d passed, %d failed%s" % (outcomes["ok"], outcomes["FAIL"], skipped))
    sys.exit(1 if outcomes["FAIL"] or not tests else 0)
