#!/usr/bin/env python3
"""Goal: nobody gets a request past Weir, whoever stands in front, and what others make of the same octets is written
down. Method: the cases of test/cases/smuggling.md are sent to `weir demo`, which does what the page says; to nginx,
HAProxy, lighttpd and Apache; and through each of them to Weir. There Weir never sees more requests than the client has
answers, and who asks next gets what he asked for. docs/conformance/smuggling.md is compared where the versions are its.

    test/e2e/smuggling.py --write     writes that page anew

run-tests: limit=600 builds=default"""
import os
import sys

import cases
import harness
import peers
from harness import Closed, PATIENCE, Server, Skip, check
from peers import KINDS
from records import ROOT

PAGE = os.path.join(ROOT, "docs", "conformance", "smuggling.md")
CASES = cases.read("smuggling.md")
HIDDEN = "/status/418"
# How long nothing has to come until it is believed that nothing will: first, and before a difference is believed.
QUIET, QUIET_FOR_SURE = 0.4 * PATIENCE, 8.0 * PATIENCE

INTRODUCTION = """# Request smuggling: what others make of the same octets

Written by `test/e2e/smuggling.py --write`, and compared by that suite wherever the versions are these:
VERSIONS.

The cases, with their octets, are in [test/cases/smuggling.md](../../test/cases/smuggling.md). Each asks for one thing in
the open, and has a second request in it, hidden or in its right place.

Three digits are the status of an answer; **hidden** is an answer to the second request, `waits` a server that wants more
before it answers, `drops` one that closes without a word. In the columns of those who stand in front of Weir the number
in brackets is that of the requests whose heads Weir took. The suite holds that it is never more than the client has
answers, and that who asks next gets what he asked for.

A difference is no hole: that takes two readers, one behind the other, who disagree. Where Weir says 400 and others say
200, Weir is the one to have behind.
"""


def word(status, kind):
    hidden = kind.hidden if kind else 418
    return "**hidden**" if status == hidden else str(status)


def answers(address, octets, quiet):
    """The status of each answer, until the connection ends or nothing comes any more."""
    found = []
    with harness.Conn(address) as c:
        try:
            c.send(octets)
            method = octets.split(b" ", 1)[0].decode("latin-1")
            while True:
                c.sock.settimeout(quiet if found else quiet * 3)
                r = c.read_response(method)
                found.append(r.status)
                method = "GET"
        except (Closed, BrokenPipeError, ConnectionResetError):
            return found, True
        except harness.Failure:
            return found, False    # nothing came for a while


def outcome(address, octets, kind, quiet):
    found, ended = answers(address, octets, quiet)
    if found:
        return " ".join(word(status, kind) for status in found)
    return "drops" if ended else "waits"


def through(peer, weir, octets, quiet):
    """What the client got through a peer, and how many requests Weir saw meanwhile."""
    before = weir.ledger()["exchanges"]["begun"]
    found, ended = answers(peer.before, octets, quiet)
    # The one who asks next: he must not get what was meant for another.
    with harness.Conn(peer.before) as c:
        r = c.get("/")
        check(r.status == 200 and r.body == b"Hello, World!", "who asked next through %s got %r %r", peer.kind.name, r,
              r.body[:100])
    seen = weir.ledger()["exchanges"]["begun"] - before - 2    # less his, and the one for the ledger
    if seen > len(found) and not ended and quiet < QUIET_FOR_SURE:
        return through(peer, weir, octets, QUIET_FOR_SURE)    # an answer may still be on its way
    check(seen <= len(found) or not found and not ended, "through %s Weir saw %d requests, answers are %r",
          peer.kind.name, seen, found)
    check(418 not in found[:1], "through %s the hidden request was answered first", peer.kind.name)
    if found:
        return "%s (%d)" % (" ".join(word(status, None) for status in found), seen)
    return "%s (%d)" % ("drops" if ended else "waits", seen)


def read_page():
    """{case: {column: cell}} and the line of versions."""
    if not os.path.exists(PAGE):
        return {}, ""
    with open(PAGE, encoding="utf-8") as file:
        text = file.read()
    rows = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in text.splitlines() if line[:1] == "|"]
    head = rows[0] if rows else []
    return {row[0]: dict(zip(head[1:], row[1:])) for row in rows[2:]}, text


def peer_or_skip(kind, weir):
    if kind.find() is None:
        raise Skip("%s is not installed" % kind.program)
    return peers.start(kind, weir.address)


def compare(kind, column, run):
    """Every case, against its cell: looked at again with patience before it is believed."""
    page, text = read_page()
    version = "%s %s" % (kind.name, kind.version())
    known = version in text
    failures = []
    for case in CASES:
        got = run(case, QUIET)
        wanted = page.get(case.title, {}).get(column)
        if known and got != wanted:
            got = run(case, QUIET_FOR_SURE)
            if got != wanted:
                failures.append("%s: %s, and the page says %s" % (case.title, got, wanted))
    check(not failures, "%s: %s", column, "\n".join(failures))
    if not known:
        raise Skip("the page says nothing of %s" % version)


def beside(kind):
    with Server() as weir, peer_or_skip(kind, weir) as peer:
        compare(kind, kind.name, lambda case, quiet: outcome(peer.beside, case.octets, kind, quiet))


def before(kind):
    with Server() as weir, peer_or_skip(kind, weir) as peer:
        compare(kind, "through " + kind.name, lambda case, quiet: through(peer, weir, case.octets, quiet))


def test_weir():
    """As the page of cases says, to the last answer and the end of the connection."""
    page, _ = read_page()
    with Server() as s:
        for case in CASES:
            wanted = [418 if target.endswith(HIDDEN) else 200 for _, target in case.requests()][:case.answered()]
            wanted += [case.refusal()] if case.refusal() else []
            with s.connect() as c:
                c.send(case.octets)
                got = [c.read_response(case.octets.split(b" ", 1)[0].decode("latin-1")).status for _ in wanted]
                check(got == wanted, "%s: %r, not %r", case.title, got, wanted)
                if case.closes():
                    c.expect_eof()
                else:
                    check(c.get("/").status == 200, "%s: the connection does not go on", case.title)
            cell = page.get(case.title, {}).get("Weir")
            shown = " ".join(word(status, None) for status in got)
            check(cell == shown, "%s: %s, and docs/conformance/smuggling.md says %s", case.title, shown, cell)
        check(sorted(page) == sorted(case.title for case in CASES), "the page has other cases")


def test_beside_nginx():
    beside(KINDS[0])


def test_beside_haproxy():
    beside(KINDS[1])


def test_beside_lighttpd():
    beside(KINDS[2])


def test_beside_apache():
    beside(KINDS[3])


def test_through_nginx():
    before(KINDS[0])


def test_through_haproxy():
    before(KINDS[1])


def test_through_lighttpd():
    before(KINDS[2])


def test_through_apache():
    before(KINDS[3])


def cells_of(kind):
    """Both columns of a peer, with patience."""
    with Server() as weir, peers.start(kind, weir.address) as peer:
        return [(outcome(peer.beside, case.octets, kind, QUIET * 3), through(peer, weir, case.octets, QUIET * 3))
                for case in CASES]


def write():
    columns = harness.each(len(KINDS), lambda i: cells_of(KINDS[i]))
    lines = ["| case | Weir | " + " | ".join(kind.name for kind in KINDS) + " | "
             + " | ".join("through " + kind.name for kind in KINDS) + " |", "|---" * (2 + 2 * len(KINDS)) + "|"]
    with Server() as s:
        for i, case in enumerate(CASES):
            row = [case.title, outcome(s.address, case.octets, None, QUIET * 3)]
            row += [column[i][0] for column in columns] + [column[i][1] for column in columns]
            lines.append("| " + " | ".join(row) + " |")
    versions = ", ".join("%s %s" % (kind.name, kind.version()) for kind in KINDS)
    with open(PAGE, "w", encoding="utf-8") as file:
        file.write(INTRODUCTION.replace("VERSIONS", versions) + "\n" + "\n".join(lines) + "\n")


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        write()
    else:
        harness.run(globals())
