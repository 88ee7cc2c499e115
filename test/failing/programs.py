"""The weir program: each call that its start makes fails, each way, each time; then either it serves and drains with
status 0, or it says what could not be done and why, with status 1."""
import os
import re
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor

import table
from common import BUILD, DEADLINE, LONG, Demo, check

PROGRAM = os.path.join(BUILD, "failing", "weir")
# Of the start; what the serving does is the business of the scenes.
NOT_AT_START = {"accept4", "recv", "send", "sendmsg", "sendfile", "pread", "shutdown", "connect", "poll", "ioctl",
                "sigtimedwait", "getsockopt", "close"}
TIMES_MAX = 200 if LONG else 30


def faults(spared):
    text = re.sub(r"\\\n", " ", table.source().split("#define CALLS_SPARED")[0])
    for name, rest in re.findall(r"\bCALL\((\w+),((?:(?!\bCALL\().)*)", text):
        if name not in spared:
            for fault in re.findall(r"\b(E[A-Z0-9]+(?:_[A-Z]+)?|SHORT|HALF)\b", rest):
                yield name, fault


def serves(demo, folder):
    """One connection may be lost by the fault; of two that it was not answered, the second says that it is gone."""
    path = None if demo.port else os.path.join(folder, "socket")
    return any(b"Hello" in demo.get(unix=path) for _ in range(2))


def refused(demo, call):
    """It may have listened already when it found that it cannot serve."""
    try:
        status = demo.process.wait(DEADLINE)
    except subprocess.TimeoutExpired:
        check(False, "it neither serves nor ends: %s", demo.said())
    check(status == (2 if call == "getaddrinfo" else 1), "status %d: %s", status, demo.said())
    check(re.search(r"^weir demo: .*(cannot|no memory|:).{8,}", demo.said(), re.M), "it says: %s", demo.said())


def play(call, fault, at):
    """True if the call was reached."""
    with tempfile.TemporaryDirectory(prefix="weir-failing-") as folder:
        said = os.path.join(folder, "said")
        env = {"FAIL_CALL": call, "FAIL_WITH": fault, "FAIL_AT": str(at), "FAIL_SAID": said}
        options = ["--workers", "2", "--endings", os.path.join(folder, "endings"),
                   "--listen", f"localhost:0,unix:{folder}/socket"]
        with Demo(*options, program=PROGRAM, env=env) as demo:
            if not (demo.is_up() and serves(demo, folder)):
                refused(demo, call)
                return True
            status = demo.stop()
            lost = "/endings: " in demo.said()    # what was asked for is not there, and it says so
            check(status == (1 if lost else 0), "status %d after a drain: %s", status, demo.said())
        with open(said, encoding="ascii") as file:
            return int(file.read()) > 0


def every_time(call_and_fault):
    count = 0
    failures = []
    for at in range(1, TIMES_MAX):
        try:
            if not play(*call_and_fault, at):
                break
        except (AssertionError, OSError, subprocess.SubprocessError) as failure:
            failures.append(f"{' '.join(call_and_fault)} {at}: {failure}")
        count += 1
    return count, failures


def test_start():
    passed = failed = 0
    with ThreadPoolExecutor(max_workers=4) as pool:
        for count, failures in pool.map(every_time, faults(NOT_AT_START)):
            passed, failed = passed + count - len(failures), failed + len(failures)
            for failure in failures:
                print("FAILED  " + failure)
    check(passed > 100, "only %d starts", passed)
    return {"passed": passed, "failed": failed}
