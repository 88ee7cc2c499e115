"""The four attacks of slowhttptest, and a steady client beside them that notes how long each of its answers takes."""
import collections
import multiprocessing
import os
import shutil
import subprocess
import sys
import threading
import time

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

import harness
from harness import Conn, Server, check

PROGRAM = shutil.which("slowhttptest")
# The attacker would be on another machine: here it shall not take the processor from those who are measured.
POLITE = ["chrt", "--idle", "0"] if shutil.which("chrt") else []
STEADY_ADDRESS = "127.0.0.66"
EVERY_SECONDS = 0.002
OPTIONS = ("--head-timeout", "3s", "--body-timeout", "3s", "--write-timeout", "3s", "--first-octet-timeout", "3s")
LEFT = {"peer_fin_unused", "peer_reset_unused", "peer_fin_idle", "peer_reset_idle", "peer_fin_in_response",
        "peer_reset_in_response", "peer_fin_in_handler", "peer_reset_in_handler", "peer_half_close",
        "peer_reset_closing", "peer_fin_in_head", "peer_reset_in_head", "first_octet_timeout"}
# name -> (its options, the path, what else than leaving it may end in)
ATTACKS = {
    "slow heads": (["-H", "-i", "1"], "/", {"head_timeout"}),
    "slow bodies": (["-B", "-i", "1", "-s", "8192", "-x", "10"], "/digest",
                    {"body_timeout", "head_timeout", "peer_fin_in_body", "peer_reset_in_body", "body_too_slow"}),
    "ranges": (["-R", "-a", "10", "-b", "3000", "-t", "GET"], "/bytes/100000", {"head_too_large", "close_requested"}),
    "slow reading": (["-X", "-w", "512", "-y", "1024", "-n", "1", "-z", "32", "-k", "3"], "/bytes/1000000",
                     {"write_timeout", "close_requested", "head_timeout"}),
}


def steady(address, seconds, told):
    """Seconds that each answer took, on one connection."""
    took = []
    try:
        with Conn(address, source=STEADY_ADDRESS) as conn:
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                began = time.monotonic()
                status = conn.get("/").status
                took.append(time.monotonic() - began)
                if status != 200:
                    raise harness.Failure("status %d" % status)
                time.sleep(EVERY_SECONDS)
        told.put((took, ""))
    except BaseException as failure:
        told.put((took, repr(failure)))


def measure(address, seconds):
    """Starts the steady client in a process of its own; what is returned waits for it, and gives the times."""
    told = multiprocessing.Queue()
    process = multiprocessing.Process(target=steady, args=(address, seconds, told), daemon=True)
    process.start()

    def finish():
        took, failure = told.get(timeout=seconds + harness.DEADLINE)
        process.join(harness.DEADLINE)
        check(not failure, "the steady client: %s", failure)
        return sorted(took)
    return finish


def percentile(times, per_cent):
    return times[min(len(times) - 1, int(len(times) * per_cent / 100))]


class Attackers:
    """slowhttptest, again and again until it is to stop: it ends when the server has closed all connections."""

    def __init__(self, name, server, connections, seconds):
        options, path, _ = ATTACKS[name]
        rate = str(max(connections // 2, 50))
        self.command = POLITE + [PROGRAM] + options + ["-c", str(connections), "-r", rate, "-p", "3", "-l",
                                                       str(int(seconds)), "-u", "http://%s%s" % (server.address, path)]
        self.stopping, self.process, self.failure = threading.Event(), None, None
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.stopping.is_set():
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                            stderr=subprocess.DEVNULL)
            if self.process.wait() not in (0, 1, -9):
                self.failure = self.process.returncode
                return

    def stop(self):
        self.stopping.set()
        self.thread.join(1)
        if self.thread.is_alive():
            self.process.kill()
        self.thread.join(harness.DEADLINE)
        check(self.failure is None, "slowhttptest ended with %s", self.failure)


def attack(name, connections, seconds, compared=True):
    """One attack. Returns the times of the steady client before, during and after it (only during, if they are not to
    be compared), and the codes that were left."""
    times = {}
    with Server(*OPTIONS) as server:
        if compared:
            times["before"] = measure(server.address, seconds)()
        attackers = Attackers(name, server, connections, seconds)
        try:
            harness.wait_for("the attack", lambda: server.ledger()["accepted"] - server.controls > connections // 4)
            times["during"] = measure(server.address, seconds)()
        finally:
            attackers.stop()
        server.wait_endings(connections // 4)
        if compared:
            times["after"] = measure(server.address, seconds)()
        server.wait_endings(connections // 4)
        records = server.stop().records
    mine = [r for r in records if r["peer"].startswith(STEADY_ADDRESS + ":")]
    check(len(mine) == len(times) and all(r["code"] == "peer_fin_idle" for r in mine), "the steady client:\n%s",
          harness.tally(mine))
    theirs = [r for r in records if r not in mine]
    odd = [r for r in theirs if r["code"] not in LEFT | ATTACKS[name][2] or r["class"] not in ("routine", "notable")]
    check(not odd, "%s:\n%s", name, harness.tally(odd))
    return times, collections.Counter(r["code"] for r in theirs)
