"""What each stranger does, and what its server must have seen of it.

An act is a path and what the stranger has to tell of the answer. A stranger tells a dictionary: `status`, `octets` and
`sha256` of the body, `body` itself if it is short, `interim` if it reports interim answers, `statuses` of several
exchanges; load generators tell `complete`, `failed` and `refused`, numbers of answers.

Which endings an act may leave is not written here but in docs/strangers.md, which is read: a heading of the third level
names a stranger, the table below it has the acts, the codes, and the deliveries."""
import hashlib
import os
import re
import sys

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

import harness
from harness import Server, check

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PAGE = os.path.join(ROOT, "docs", "strangers.md")
MIB = 1 << 20
LARGE, UPLOAD = 32 * MIB, 32 * MIB
PATHS = {
    "small": "/", "large": "/bytes/%d?seed=7" % LARGE, "chunked": "/bytes/%d?chunked&seed=8" % (8 * MIB),
    "head": "/bytes/%d" % LARGE, "upload": "/digest", "streamed": "/digest", "expect": "/digest", "refuse": "/refuse",
    "refuse_cut": "/refuse",
    "keep_alive": "/", "closing": "/", "hints": "/hints", "abrupt": "/bytes/%d" % (1024 * MIB),
}
# Those that look for an answer only when their body is sent see the early one only if the server reads it all.
PATIENT = ("--linger-size-max", "64M", "--linger-timeout", "60s")
SEND_FIRST = ("wget", "httpx", "ab", "siege", "Varnish")


def documented():
    """What docs/strangers.md allows: {stranger: {act: (codes, deliveries)}}."""
    table, name = {}, None
    with open(PAGE, encoding="utf-8") as page:
        for line in page:
            heading = re.match(r"#{2,3} (.*)", line)
            if heading:
                name = heading[1].strip()
            row = re.match(r"\| ([a-z_, ]+) \| ((?:`\w+`(?:, )?)+) \| ((?:`\w+`(?:, )?)+) \|$", line)
            if row:
                codes, deliveries = (set(re.findall(r"`(\w+)`", row[i])) for i in (2, 3))
                for act in row[1].split(", "):
                    table.setdefault(name, {})[act] = codes, deliveries
    words = harness.vocabulary()
    for acts in table.values():
        for codes, deliveries in acts.values():
            check(codes <= words["code"] and deliveries <= words["delivery"], "%s: no such word in %r, %r", PAGE, codes,
                  deliveries)
    return table


_digests = {}


def digest_of(server, path):
    """What a body is, as a client that is none of the strangers reads it."""
    if path not in _digests:
        _digests[path] = hashlib.sha256(server.control(path).body).hexdigest()
    return _digests[path]


def upload_file(folder):
    """A file to send, and its digest."""
    path = os.path.join(folder, "upload")
    # Without a zero octet: siege takes a file for a string.
    line = b"0123456789abcde\n" * (MIB // 16)
    with open(path, "wb") as file:
        for i in range(UPLOAD // MIB):
            file.write(b"%08d" % i + line[8:])
    with open(path, "rb") as file:
        return path, hashlib.sha256(file.read()).hexdigest()


def check_answer(server, act, told, sum_sent):
    """What the stranger saw."""
    if "complete" in told:
        check(told["complete"] > 0 and told["failed"] == 0, "%s: %r", act, told)
        check((told.get("refused", 0) > 0) == (act == "refuse"), "%s: %r", act, told)
        return
    if act == "refuse_cut":
        check(told["status"] == 0, "it sees the early answer: the page says otherwise: %r", told)
        return
    if act == "keep_alive":
        check(told["statuses"] == [200] * 100, "%r", told["statuses"])
        return
    check(told["status"] == told.get("wanted", 413 if act == "refuse" else 200), "%s: %r", act, told)
    if told["status"] in (103, 503):
        return
    if act in ("small", "hints"):
        check(told["octets"] == 13, "%r", told)
    elif act == "head":
        check(told["octets"] == 0, "%r", told)
    elif act in ("large", "chunked"):
        check(told["octets"] == (LARGE if act == "large" else 8 * MIB), "%r", told)
        check(told["sha256"] == digest_of(server, PATHS[act]), "other octets than were sent: %r", told)
    elif act in ("upload", "streamed", "expect"):
        check('"octets":%d,' % UPLOAD in told["body"] and sum_sent in told["body"], "%r", told)
    if act in ("hints", "expect") and told.get("interim"):
        check(told["interim"] == [103 if act == "hints" else 100], "%r", told)


def check_endings(name, act, records, allowed):
    """The endings that the act left: no others than the page says."""
    codes, deliveries = allowed
    exchanges = sum(r["exchanges"] for r in records)
    check(exchanges >= (100 if act == "keep_alive" else 1), "%s %s: %d exchanges", name, act, exchanges)
    check(act != "keep_alive" or len(records) * 4 < exchanges, "%s reused little: %d connections", name, len(records))
    for r in records:
        line = "%s %s left %s" % (name, act, " ".join(harness.verdict(r)))
        check(r["class"] in ("routine", "notable"), "%s: %r", line, r)
        check(r["code"] in codes, "%s; docs/strangers.md has %s: %r", line, " ".join(sorted(codes)), r)
        check(r["delivery"] in deliveries, "%s; docs/strangers.md has %s: %r", line, " ".join(sorted(deliveries)), r)


def learn(name, act, records):
    """With STRANGERS_LEARN=FILE what was seen is noted, for whoever writes the page."""
    path = os.environ.get("STRANGERS_LEARN")
    if path:
        with open(path, "a", encoding="utf-8") as file:
            file.write("%s / %s\n%s\n" % (name, act, harness.tally(records)))
    return bool(path)


def play(name, act, ask, allowed, sent):
    """One act on a server of its own. ask(act, url, file, server) tells what the stranger saw; it has left when
    it returns."""
    path, sum_sent = sent
    options = PATIENT if act == "refuse" and name in SEND_FIRST else ()
    with Server(*options) as server:
        told = ask(act, "http://%s%s" % (server.address, PATHS[act]), path, server)
        check_answer(server, act, told, sum_sent)
        server.wait_endings(1)
        records = server.stop().records
        if not learn(name, act, records):
            check(allowed is not None, "docs/strangers.md has no line for %s of %s", act, name)
            check_endings(name, act, records, allowed)
