"""The pages of test/cases, read as test/cases/README.md says: what a suite takes from them to send it elsewhere."""
import os
import re

from records import ROOT

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
ESCAPE = re.compile(r"\\(?:([rnt\\])|x([0-9a-fA-F]{2})|\{(\d+) (.)\})")
NAMED = {"r": "\r", "n": "\n", "t": "\t", "\\": "\\"}


def _undo(match):
    name, digits, count, octet = match.groups()
    if name:
        return NAMED[name]
    return chr(int(digits, 16)) if digits else octet * int(count)


def octets_of(block):
    return ESCAPE.sub(_undo, block.replace("\n", "")).encode("latin-1")


class Case:
    def __init__(self, title, text):
        blocks = FENCE.findall(text)
        self.title = title
        self.octets = b"".join(octets_of(body) for kind, body in blocks if kind == "in")
        self.log = "".join(body for kind, body in blocks if kind == "log").splitlines()

    def requests(self):
        """Method and target of each request that Weir takes from it."""
        return [tuple(line.split(" ")[1:3]) for line in self.log if line.startswith("head ")]

    def refusal(self):
        """The status of Weir's own error answer; None if there is none."""
        return next((int(line.split(" ")[1].rstrip(",")) for line in self.log if line.startswith("answers ")), None)

    def answered(self):
        """Whether all of the requests were answered, and not the last of them refused."""
        return sum(line == "done complete" for line in self.log)

    def closes(self):
        return any(line.startswith(("closes,", "resets,")) for line in self.log)


def read(name):
    with open(os.path.join(ROOT, "test", "cases", name), encoding="ascii") as page:
        parts = re.split(r"^## (.*)$", page.read(), flags=re.M)
    return [Case(title, text) for title, text in zip(parts[1::2], parts[2::2])]
