#!/usr/bin/env python3
"""Clients that nobody here wrote, each through every act that it can do, on a server of its own: they see the answer
that they should, and the server records the endings that docs/strangers.md says, no others.

run-tests: limit=600 builds=default"""
import re
import tempfile

import acts
import chromium
import generators
import harness
import programs
import proxies
from harness import check

FOLDER = tempfile.TemporaryDirectory(prefix="strangers-")
SENT = acts.upload_file(FOLDER.name)
TABLE = acts.documented()


def add(name, ask, acts_of_it, here):
    label = "test_" + re.sub(r"\W+", "_", name.lower())

    def missing():
        raise harness.Skip("%s is not installed" % name)

    if not here:
        globals()[label] = missing
    for act in acts_of_it if here else ():
        def one(act=act):
            acts.play(name, act, ask, TABLE.get(name, {}).get(act), SENT)
        globals()["%s_%s" % (label, act)] = one


STRANGERS = dict(programs.CLIENTS, **generators.GENERATORS, Chromium=(chromium.ask, chromium.ACTS, chromium.PROGRAM))
for stranger, (how, its_acts, is_here) in STRANGERS.items():
    add(stranger, how, its_acts, is_here)


def test_the_page_is_what_runs():
    for name, (_, its_acts, _) in STRANGERS.items():
        documented = set(TABLE.get(name, {}))
        check(documented == set(its_acts), "docs/strangers.md and the acts of %s: %s", name, documented ^ set(its_acts))
    others = set(TABLE) - set(STRANGERS) - set(proxies.PROXIES)
    check(not others, "docs/strangers.md has %s, whom nobody asks", others)


if __name__ == "__main__":
    harness.run(dict(globals()))
