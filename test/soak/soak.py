#!/usr/bin/env python3
"""The long test: soak.py [--seconds N] [--only churn|attacks]. Half of the time ten thousand connections a round go
through every kind of end, and memory, descriptors and the ledger are looked at after each; the other half belongs to
the four attacks of slowhttptest, beside a client whose 99th percentile is told before, during and after.

Exit status 1: memory grew by more than a tenth and a mebibyte since the first round, a descriptor was left, a record
was not what its kind calls for, or the percentile during an attack was over twice the worse of before and after. The
last one is a measurement, and wants a machine that does nothing else: the attacker's share of TCP runs on it too."""
import argparse
import os
import resource
import sys
import time

import attacks
import churn
import harness
from harness import Server

ROUND = 10000


def say(text, *values):
    print(text % values if values else text, flush=True)


def churned(seconds, count):
    """Returns what was wrong."""
    wrong = []
    with Server(*churn.OPTIONS) as server:
        at_start = churn.descriptors(server.pid)
        rounds, began, resident = churn.Churn(server), time.monotonic(), []
        while len(resident) < 2 or time.monotonic() - began < seconds:
            rounds.round(count)
            harness.wait_for("the descriptors", lambda: churn.descriptors(server.pid) == at_start)
            resident.append(churn.rss_kib(server.pid))
            say("churn: %d connections, %d KiB resident, %d descriptors as at the start, the ledger balances",
                sum(rounds.begun.values()), resident[-1], at_start)
        if resident[-1] - resident[0] > resident[0] // 10 + 1024:
            wrong.append("memory grew from %d to %d KiB" % (resident[0], resident[-1]))
        server.stop()
    missing = churn.CODES - set(rounds.codes)
    if missing:
        wrong.append("codes that did not come: " + " ".join(sorted(missing)))
    say("churn: " + ", ".join("%d %s" % (n, code) for code, n in rounds.codes.most_common()))
    return wrong


def attacked(seconds, connections):
    wrong = []
    for name in attacks.ATTACKS:
        times, codes = attacks.attack(name, connections, max(seconds / len(attacks.ATTACKS) / 3, 2))
        p99 = {when: attacks.percentile(took, 99) for when, took in times.items()}
        ratio = p99["during"] / max(p99["before"], p99["after"])
        say("%s: p99 of the steady client %.0f us before, %.0f us during, %.0f us after: ratio %.2f; %s", name,
            p99["before"] * 1e6, p99["during"] * 1e6, p99["after"] * 1e6, ratio,
            ", ".join("%d %s" % (n, code) for code, n in codes.most_common()))
        if ratio > 2:
            wrong.append("%s: the 99th percentile doubled: %.2f" % (name, ratio))
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--connections", type=int, default=500, help="of an attack at once (500)")
    parser.add_argument("--only", choices=["churn", "attacks"])
    options = parser.parse_args()
    if not os.access(harness.WEIR, os.X_OK):
        sys.exit("no server at %s: build it, or set WEIR" % harness.WEIR)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192) if hard >= 0 else 8192, hard))
    share = options.seconds if options.only else options.seconds / 2
    wrong = []
    try:
        if options.only != "attacks":
            wrong += churned(share, ROUND)
        if options.only != "churn" and attacks.PROGRAM:
            wrong += attacked(share, options.connections)
        elif not attacks.PROGRAM:
            say("slowhttptest is not installed: no attacks")
    except harness.Failure as failure:
        wrong.append(str(failure))
    finally:
        for server in list(Server.alive):
            server.kill()
    for text in wrong:
        say("WRONG: %s", text)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
