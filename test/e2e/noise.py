#!/usr/bin/env python3
"""wrk with four hundred connections, to its end, killed in mid-run, and with a connection for each request: the
production profile says not a word of warning, every connection that was accepted has ended, the octets balance.

run-tests: limit=300 builds=default,asan,tsan alone=yes"""
import re
import shutil
import signal
import subprocess
import time

import harness
from harness import Server, check

CONNECTIONS = 400
ROUTINE_OR_LEFT = {"routine", "notable"}


def wrk(server, *options, seconds=3, kill_after=None):
    program = shutil.which("wrk")
    if not program:
        raise harness.Skip("wrk is not installed")
    command = [program, "-t2", "-c%d" % CONNECTIONS, "-d%ds" % seconds] + list(options)
    command.append("http://%s/" % server.address)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        if kill_after:
            time.sleep(kill_after)    # in mid-run: how far it has come does not matter
            process.send_signal(signal.SIGKILL)
        output, _ = process.communicate(timeout=(seconds + 10) * harness.PATIENCE)
    finally:
        process.kill()
    return output


def quiet(server, text):
    loud = [line for line in text.splitlines() if re.search(r"\blevel=\"?(warn|error)", line)]
    check(not loud, "%d lines of noise, such as:\n%s", len(loud), "\n".join(loud[:5]))


def run(*options, seconds=3, kill_after=None, codes=None, workers=1):
    with Server("--workers", str(workers), "--log", "-") as s:
        output = wrk(s, *options, seconds=seconds, kill_after=kill_after)
        ledger = s.wait_endings(CONNECTIONS)
        result = s.stop()
        quiet(s, result.stderr)
        check(ledger["accepted"] >= CONNECTIONS, "%d accepted", ledger["accepted"])
        ended = len(result.records) + len(result.control)
        check(ledger["accepted"] == ended, "accepted %d, ended %d", ledger["accepted"], ended)
        sums(ledger, result, s.control_peer)
        told = set(r["code"] for r in result.records)
        check(codes is None or told <= codes, "endings that are not of this game:\n%s", harness.tally(result.records))
        loud = [r for r in result.records if r["class"] not in ROUTINE_OR_LEFT]
        check(not loud, "faults:\n%s", harness.tally(loud))
        return output, result


def sums(ledger, result, asking):
    """What the ledger totals the records must add up to, but for the last control connection, which asked for it."""
    alike = result.records + result.control
    last = [r for r in result.control if r["peer"] == asking][-1]
    alike.remove(last)
    out, acked = sum(r["octets_out"] for r in alike), sum(r["octets_acked"] for r in alike)
    check(0 <= ledger["octets_acked"] - acked <= last["octets_out"], "acknowledged: the ledger says %d, the records %d",
          ledger["octets_acked"], acked)
    check(ledger["octets_unacked"] == out - acked, "not acknowledged: the ledger says %d, the records %d",
          ledger["octets_unacked"], out - acked)
    unsent = sum(r["octets_unsent"] for r in alike)
    check(ledger["octets_unsent"] == unsent, "never sent: the ledger says %d, the records %d", ledger["octets_unsent"],
          unsent)
    queued = out + unsent
    check(0 <= ledger["octets_queued"] - queued <= last["octets_out"], "queued: the ledger says %d, the records %d",
          ledger["octets_queued"], queued)
    exchanges = sum(r["exchanges"] for r in alike)
    check(ledger["exchanges"]["begun"] == exchanges + 1, "exchanges: the ledger says %d, the records %d and this one",
          ledger["exchanges"]["begun"], exchanges)


LEFT = {"peer_fin_idle", "peer_reset_idle", "peer_fin_in_response", "peer_reset_in_response", "peer_fin_in_handler",
        "peer_reset_in_handler", "peer_fin_unused", "peer_reset_unused", "peer_fin_in_head", "peer_reset_in_head"}


def test_to_the_end():
    output, _ = run(codes=LEFT)
    check("Requests/sec" in output, "%s", output)
    check("Non-2xx" not in output, "%s", output)
    check(not re.search(r"Socket errors: .*(connect|read|write) [1-9]", output), "%s", output)


def test_to_the_end_by_two_workers():
    output, _ = run(codes=LEFT, workers=2)
    check("Requests/sec" in output and "Non-2xx" not in output, "%s", output)


def test_killed_in_mid_run():
    run(seconds=5, kill_after=1.5, codes=LEFT)


def test_a_connection_each():
    output, result = run("-H", "Connection: close", codes=LEFT | {"close_requested"})
    check("Requests/sec" in output, "%s", output)
    asked = [r for r in result.records if r["code"] == "close_requested"]
    check(len(asked) > CONNECTIONS, "only %d asked to close", len(asked))
    # At its end wrk leaves with a question open on each connection at most; only these may be without their answer.
    left = [r for r in asked if r["delivery"] not in ("delivered", "unconfirmed")]
    check(len(left) <= CONNECTIONS, "answers lost in mid-run:\n%s", harness.tally(asked))
    check(all(r["class"] == "routine" for r in asked if r["delivery"] in ("delivered", "unconfirmed")),
          "closed as asked, and not routine:\n%s", harness.tally(asked))


def test_a_connection_each_killed():
    run("-H", "Connection: close", seconds=5, kill_after=1.5, codes=LEFT | {"close_requested"})


def test_stopped_in_mid_run():
    """The server is drained while wrk is at it: exit status 0, and no connection is cut in an answer."""
    program = shutil.which("wrk")
    if not program:
        raise harness.Skip("wrk is not installed")
    with Server() as s:
        process = subprocess.Popen([program, "-t2", "-c100", "-d5s", "http://%s/" % s.address],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            harness.wait_for("some requests", lambda: s.ledger()["exchanges"]["begun"] > 1000)
            result = s.stop()
        finally:
            process.kill()
            process.wait()
        quiet(s, result.stderr)
        bad = [r for r in result.records if r["delivery"] not in ("delivered", "unconfirmed", "none_owed")]
        check(not bad, "answers lost in a drain:\n%s", harness.tally(bad))
        check(any(r["code"] == "drained" for r in result.records), "none was drained:\n%s",
              harness.tally(result.records))


if __name__ == "__main__":
    harness.run(globals())
