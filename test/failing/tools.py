"""`weir get`, `weir load` and `weir fault`: calls that they make fail, one at a time; then either they do what they are
for, with status 0, or they say what could not be done and why, with status 1. None hangs."""
import contextlib
import os
import re
import signal
import socket
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor

from common import DEADLINE, LONG, Demo, check, read_all, wait_for
from programs import PROGRAM, faults

TIMES_MAX = 100 if LONG else 6
# Of each call, so that all its faults are met by one of the three tools.
FAULTS_STEP = 1 if LONG else 3


def some_faults(of_tool):
    """Each third fault of each call, another third for each tool."""
    return [one for i, one in enumerate(faults(())) if (i + of_tool) % FAULTS_STEP == 0]


def environment(call, fault, at, said):
    return dict(os.environ, FAIL_CALL=call, FAIL_WITH=fault, FAIL_AT=str(at), FAIL_SAID=said)


def was_reached(said, why):
    check(os.path.exists(said), "it did not end by itself: %s", why)
    with open(said, encoding="ascii") as file:
        return int(file.read()) > 0


def check_refusal(tool, status, words, known=r""):
    check(status == 1, "status %d: %s", status, words)
    check(re.search(rf"^weir {tool}: .{{8,}}{known}", words, re.M), "it says: %s", words)


def play_client(tool, arguments, is_well, call, fault, at):
    """True if the call was reached."""
    with tempfile.TemporaryDirectory(prefix="weir-failing-") as folder:
        said = os.path.join(folder, "said")
        done = subprocess.run([PROGRAM, tool, *arguments], env=environment(call, fault, at, said), timeout=DEADLINE,
                              stdin=subprocess.DEVNULL, capture_output=True, check=False)
        words = done.stderr.decode("utf-8", "replace")
        if done.returncode == 0:
            check(is_well(done.stdout), "status 0, and not all is there: %s%s", done.stdout[:300], words)
        elif tool == "load" and done.returncode == 1 and b"errors" in done.stdout:
            pass    # the run was made, and reports what failed in it
        else:
            check_refusal(tool, done.returncode, words)
        return was_reached(said, words)


def is_up(process, words):
    wait_for("weir fault to listen or to refuse",
             lambda: b"listening on" in os.pread(words.fileno(), 1 << 16, 0) or process.poll() is not None)
    return re.search(r"listening on \S*?:(\d+)", os.pread(words.fileno(), 1 << 16, 0).decode())


def ask_through(port):
    """What a client meets may be the fault itself, or nothing; it does not wait for that."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        read_all(client)


def play_proxy(to, call, fault, at):
    with tempfile.TemporaryDirectory(prefix="weir-failing-") as folder, tempfile.TemporaryFile() as words:
        said = os.path.join(folder, "said")
        process = subprocess.Popen([PROGRAM, "fault", "--to", to, "--endings", os.path.join(folder, "endings")],
                                   env=environment(call, fault, at, said), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=words)
        try:
            listening = is_up(process, words)
            if listening and process.poll() is None:
                ask_through(int(listening.group(1)))
                process.send_signal(signal.SIGTERM)
            status = process.wait(DEADLINE)
        finally:
            process.kill()
            process.wait()
        text = os.pread(words.fileno(), 1 << 16, 0).decode()
        if status != 0:
            check_refusal("fault", status, text)
        return was_reached(said, text)


def every_time(play, call, fault):
    count = 0
    failures = []
    for at in range(1, TIMES_MAX):
        count += 1
        try:
            if not play(call, fault, at):
                break
        except (AssertionError, OSError, subprocess.SubprocessError) as failure:
            failures.append(f"{call} {fault} {at}: {failure}")
    return count, failures


def sweep(of_tool, play):
    passed = failed = 0
    with ThreadPoolExecutor(max_workers=4) as pool:
        for count, failures in pool.map(lambda one: every_time(play, *one), some_faults(of_tool)):
            passed, failed = passed + count - len(failures), failed + len(failures)
            for failure in failures:
                print("FAILED  " + failure)
    check(passed > 100, "only %d runs", passed)
    return {"passed": passed, "failed": failed}


def with_server(of_tool, play):
    with Demo() as demo:
        check(demo.is_up(), "it did not start: %s", demo.said())
        return sweep(of_tool, lambda *how: play(demo.port, *how))


def test_get():
    return with_server(0, lambda port, *how: play_client("get", [f"http://localhost:{port}/"],
                                                         lambda out: b"Hello" in out, *how))


def test_load():
    return with_server(1, lambda port, *how: play_client(
        "load", ["-n", "20", "-c", "2", "-t", "2", f"http://127.0.0.1:{port}/"], lambda out: b"20" in out, *how))


def test_fault():
    return with_server(2, lambda port, *how: play_proxy(f"127.0.0.1:{port}", *how))
