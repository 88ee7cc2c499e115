"""Asking by test/servers/probe.c, and what must be so after each run: the ledger balances, and agrees with the endings."""
import collections
import json
import os
import subprocess

from common import PATIENCE, check

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROBE = os.path.join(os.environ.get("BUILD", os.path.join(ROOT, "build")), "test", "servers_probe")
ENV = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
SECONDS = 120 * PATIENCE

Told = collections.namedtuple("Told", "exchanges connections ledger pool")


def ask(requests, *options):
    """The requests, one after the other; what is told of each in their order, and of the connections as they ended."""
    done = subprocess.run([PROBE, *options], input="\n".join(requests) + "\n", capture_output=True, text=True, env=ENV,
                          timeout=SECONDS)
    check(done.returncode == 0 and done.stderr == "", "the probe: exit status %d: %s", done.returncode,
          done.stderr[-2000:])
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    exchanges = sorted((line["exchange"] for line in lines if "exchange" in line), key=lambda x: x["number"])
    connections = [line["connection"] for line in lines if "connection" in line]
    told = Told(exchanges, connections, lines[-1]["ledger"], lines[-1]["pool"])
    check([x["number"] for x in exchanges] == list(range(len(requests))), "not one `done` each: %r", exchanges)
    balance(told)
    final = sum(count for word, count in told.ledger["responses"].items() if word != "1xx")
    check(final == sum(x["status"] != 0 for x in exchanges), "responses: %r, %r", told.ledger, exchanges)
    return told


def balance(told):
    ledger, ended = told.ledger, collections.Counter(c["code"] for c in told.connections)
    check(ledger["balanced"], "the ledger does not balance: %r", ledger)
    check(ledger["alive"] == 0 and ledger["accepted"] == len(told.connections) == ledger["ended"],
          "%d connections ended, and the ledger says %r", len(told.connections), ledger)
    check(ledger["by_code"] == dict(ended), "the codes are %r, and the ledger says %r", ended, ledger["by_code"])
    check(len({c["id"] for c in told.connections}) == len(told.connections), "an id twice: %r", told.connections)
    check(all(c["role"] == "client" for c in told.connections), "roles: %r", told.connections)
    check(ledger["exchanges"]["begun"] == ledger["exchanges"]["done"] == sum(c["exchanges"] for c in told.connections),
          "exchanges: %r, %r", ledger, told.connections)
    check(ledger["octets_in"] == sum(c["octets_in"] for c in told.connections), "octets: %r, %r", ledger,
          told.connections)
    check(all(told.pool[word] == 0 for word in ("dialling", "busy", "idle", "closing", "waiting")), "left over: %r",
          told.pool)


def codes(told):
    return [c["code"] for c in told.connections]


def all_complete(told, *statuses):
    """Each exchange is whole, with that status (one for all, or one for each)."""
    wanted = list(statuses) * (len(told.exchanges) if len(statuses) == 1 else 1)
    for x, status in zip(told.exchanges, wanted):
        check(x["code"] == "complete" and x["whole"] and x["status"] == status, "expected %d, and whole: %r", status, x)
        check(x["octets"] == x["body_in"], "the count of octets: %r", x)
