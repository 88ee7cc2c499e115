#!/usr/bin/env python3
"""nginx, HAProxy and Varnish in front, with connections that they keep: every act goes through each of them, the proxy
is stopped, and the server has recorded the endings that docs/strangers.md says, no others.

run-tests: limit=600 builds=default"""
import tempfile

import acts
import harness
import proxies
from harness import Conn, Server, check

FOLDER = tempfile.TemporaryDirectory(prefix="strangers-")
SENT = acts.upload_file(FOLDER.name)
TABLE = acts.documented()
ACTS = ("small", "large", "chunked", "head", "upload", "streamed", "expect", "refuse", "keep_alive", "closing", "hints",
        "abrupt")


def judged(name, act, records):
    allowed = TABLE.get(name, {}).get(act)
    if not acts.learn(name, act, records):
        check(allowed is not None, "docs/strangers.md has no line for %s of %s", act, name)
        acts.check_endings(name, act, records, allowed)


def unanswered(server, front):
    """nginx before 1.29 takes 103 for the answer and waits for its end: the client is left without any."""
    with Conn(front) as conn:
        conn.send(harness.request("GET", acts.PATHS["hints"]))
        harness.wait_for("the exchange", lambda: server.ledger()["exchanges"]["done"] >= server.controls)


def through(name, act):
    options = acts.PATIENT if act == "refuse" and name in acts.SEND_FIRST else ()
    with Server(*options) as server:
        with proxies.PROXIES[name].before(server) as front:
            if act == "hints" and name == "nginx":
                unanswered(server, front)
                told = {"complete": 1, "failed": 0}
            else:
                told = proxies.ask(front, act, SENT[0])
            if act == "hints" and name == "Varnish":
                told["wanted"] = 503
            acts.check_answer(server, act, told, SENT[1])
            if act == "abrupt":
                server.wait_endings(1)    # while the proxy lives: giving up must reach the server
        server.wait_endings(1)
        judged(name, act, server.stop().records)


def outlived(name):
    """The server closes idle connections sooner than the proxy: the next request must not meet the closed one."""
    with Server("--idle-timeout", "200ms") as server:
        with proxies.PROXIES[name].before(server) as front, Conn(front) as conn:
            for i in range(5):
                check(conn.get("/").status == 200, "request %d", i)
                server.wait_endings(i + 1)
        server.wait_endings(5)
        judged(name, "outlived", server.stop().records)


def drained(name):
    """The server is stopped while requests go through: those that it took are answered."""
    with Server() as server, proxies.PROXIES[name].before(server) as front, Conn(front) as conn:
        conn.send(harness.request("GET", "/delay/300"))
        harness.wait_for("the request", lambda: server.ledger()["exchanges"]["alive"] >= 2)
        records = server.stop().records
        check(conn.read_response().status == 200, "an answer lost in a drain")
        judged(name, "drained", records)


def add(name, proxy):
    def missing():
        raise harness.Skip("%s is not installed" % name)

    label = "test_" + name.lower()
    if not proxy.here():
        globals()[label] = missing
        return
    for act in ACTS:
        globals()["%s_%s" % (label, act)] = lambda act=act: through(name, act)
    globals()[label + "_outlived"] = lambda: outlived(name)
    globals()[label + "_drained"] = lambda: drained(name)


for stranger in proxies.PROXIES.items():
    add(*stranger)

if __name__ == "__main__":
    harness.run(dict(globals()))
