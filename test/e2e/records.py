"""The records of endings: what holds of each, and how they are compared with what a test expects."""
import collections
import json
import os
import re

from common import Failure, check

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

VERDICT = ("stage", "how", "by", "code", "delivery", "class")
RECORD_FIELDS = VERDICT + ("time", "id", "role", "peer", "local", "lived_ms", "exchanges", "octets_in", "octets_out",
                           "octets_acked", "octets_unsent", "octets_unread", "os", "trace")


def _table(name, file):
    with open(os.path.join(ROOT, "include", "weir", file)) as f:
        text = f.read()
    body = re.search(r"#define %s\(X\)(.*?[^\\])\n" % name, text, re.S).group(1)
    return re.findall(r"\bX\((\w+),", body)


def vocabulary():
    words = {n: set(_table("WEIR_%s_TABLE" % n.upper(), "ending.h"))
             for n in ("stage", "how", "by", "delivery", "class")}
    words["code"] = set(_table("WEIR_CODE_TABLE_0_1", "code.h") + _table("WEIR_CODE_TABLE_ADDED", "code.h"))
    return words


def check_records(records):
    """What holds of every record of every test."""
    words = vocabulary()
    ids = collections.Counter(r.get("id") for r in records)
    check(not ids or ids.most_common(1)[0][1] == 1, "one connection, several endings: id %s", ids.most_common(1))
    for r in records:
        missing = [f for f in RECORD_FIELDS if f not in r]
        check(not missing, "a record without %s: %r", missing, r)
        for name in words:
            check(r[name] in words[name], "%s is no %s: %r", r[name], name, r)
        check(r["role"] == "server", "role: %r", r)
        check(r["octets_acked"] <= r["octets_out"], "more acknowledged than sent: %r", r)
        check(r["delivery"] != "unknown" or r["peer"].startswith("unix:"), "TCP tells: never unknown: %r", r)
        check(r["class"] != "bug", "a bug: %r", r)
        if r["delivery"] == "delivered" and r["how"] != "error":    # an error answer is owed to nobody
            check(r["octets_acked"] == r["octets_out"] and r["octets_unsent"] == 0,
                  "delivered, and not all acknowledged: %r", r)


def verdict(record):
    return tuple(record[f] for f in VERDICT)


def tally(records):
    lines = collections.Counter((" ".join(verdict(r)), r["trace"], r["os"]) for r in records)
    return "\n".join("%6d × %s [%s] os=%s" % (n, what, trace, os_name)
                     for (what, trace, os_name), n in lines.most_common(12))


def expect(records, count, *allowed):
    """Exactly `count` records, each like one of `allowed`: texts "stage how by code delivery class", each word perhaps
    several with `|` between, `*` for any."""
    check(len(records) == count, "%d connections, %d records:\n%s", count, len(records), tally(records))
    patterns = [[set(word.split("|")) for word in text.split()] for text in allowed]
    check(all(len(p) == len(VERDICT) for p in patterns), "a pattern of other than six words: %r", allowed)
    for r in records:
        if not any(all(v in p or "*" in p for v, p in zip(verdict(r), pattern)) for pattern in patterns):
            raise Failure("expected %s; got\n%s\nfirst: %s" % (" or ".join(allowed), tally(records), json.dumps(r)))
