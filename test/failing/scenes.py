"""The scenes of server_test and client_test, several at a time."""
import os
import re
import subprocess
import tempfile

import table
from common import BUILD, KIND, LONG, PATIENCE, check

PARTS = 4
LIMIT = (3600 if LONG else 240) * PATIENCE
# A third of the moments of each call: which third, the number of commits says. A sanitizer's build takes the next one.
# WEIR_ALL=1 (make test-all) takes every moment.
SHARES = 1 if LONG or "WEIR_ALL" in os.environ else 3


def commits():
    done = subprocess.run(["git", "rev-list", "--count", "HEAD"], capture_output=True, text=True, check=False)
    return int(done.stdout) if done.returncode == 0 else 0


SHARE = f"{(commits() + (KIND != 'default')) % SHARES}/{SHARES}"
# Of the program, not of the library: programs.py makes them fail.
PROGRAM_ONLY = {"calloc", "fstat", "malloc", "open", "setrlimit"}
# Called where a wait has a timeout, as where a caller steps the loop himself.
UNUSED = {"epoll_pwait2"}
# A server's.
NOT_OF_CLIENTS = {"accept4", "chmod", "fcntl", "getaddrinfo", "getrlimit", "listen", "lstat", "poll", "pthread_create",
                  "realloc", "unlink"}


def play(program, least, spared):
    with tempfile.TemporaryDirectory(prefix="weir-failing-") as folder:
        running = []
        for part in range(1, PARTS + 1):
            place = os.path.join(folder, str(part))
            os.mkdir(place)
            env = dict(os.environ, FAILING_PART=f"{part}/{PARTS}", FAILING_SHARE=SHARE)
            running.append(subprocess.Popen([os.path.join(BUILD, "failing", program), place], env=env,
                                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
        outputs = [one.communicate(timeout=LIMIT)[0] for one in running]
    passed = failed = 0
    reached = set()
    for one, output in zip(running, outputs):
        print(output if one.returncode else "", end="")
        counts = re.search(r"^(\d+) passed, (\d+) failed$", output, re.M)
        check(counts, "%s ended with status %d without a word", program, one.returncode)
        passed, failed = passed + int(counts.group(1)), failed + int(counts.group(2))
        reached |= set(re.search(r"^reached:(.*)$", output, re.M).group(1).split())
    missed = table.failing() - reached - PROGRAM_ONLY - UNUSED - spared
    check(not missed, "no scene makes these calls: %s", missed)
    check(passed * SHARES > least, "only %d scenes, share %s", passed, SHARE)
    return {"passed": passed, "failed": failed}


def test_scenes_of_a_server():
    return play("server_test", 1000, set())


def test_scenes_of_a_client():
    return play("client_test", 500, NOT_OF_CLIENTS)
