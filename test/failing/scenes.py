"""The scenes of server_test, several at a time."""
import os
import re
import subprocess
import tempfile

import table
from common import BUILD, LONG, PATIENCE, check

PARTS = 4
LIMIT = (3600 if LONG else 240) * PATIENCE
# Of the program, not of the library: programs.py makes them fail.
PROGRAM_ONLY = {"calloc", "fstat", "malloc", "open", "setrlimit"}
# Called where a wait has a timeout, as where a caller steps the loop himself.
UNUSED = {"epoll_pwait2"}


def test_scenes():
    with tempfile.TemporaryDirectory(prefix="weir-failing-") as folder:
        running = []
        for part in range(1, PARTS + 1):
            place = os.path.join(folder, str(part))
            os.mkdir(place)
            env = dict(os.environ, FAILING_PART=f"{part}/{PARTS}")
            running.append(subprocess.Popen([os.path.join(BUILD, "failing", "server_test"), place], env=env,
                                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
        outputs = [one.communicate(timeout=LIMIT)[0] for one in running]
    passed = failed = 0
    reached = set()
    for one, output in zip(running, outputs):
        print(output if one.returncode else "", end="")
        counts = re.search(r"^(\d+) passed, (\d+) failed$", output, re.M)
        check(counts, "server_test ended with status %d without a word", one.returncode)
        passed, failed = passed + int(counts.group(1)), failed + int(counts.group(2))
        reached |= set(re.search(r"^reached:(.*)$", output, re.M).group(1).split())
    missed = table.failing() - reached - PROGRAM_ONLY - UNUSED
    check(not missed, "no scene makes these calls: %s", missed)
    check(passed > 1000, "only %d scenes", passed)
    return {"passed": passed, "failed": failed}
