"""What is scarce: descriptors, disks, readers. Serving goes on, what is lost is counted and said, and nothing spins."""
import contextlib
import json
import os
import re
import resource
import signal
import tempfile
import time

from common import DEADLINE, Demo, Skip, check, read_all, wait_for

HELLO = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


def lost_lines(said, sink):
    """How many lines of that sink were lost, as the program says at its end."""
    return sum(int(n) for n in re.findall(rf"{re.escape(sink)}: (\d+) lines? lost: ", said))


def serve(demo, count):
    check(demo.is_up(), "it did not start: %s", demo.said())
    for i in range(count):
        check(b"Hello" in demo.get(), "request %d was not answered: %s", i, demo.said())


# --- disks ------------------------------------------------------------------------------------------------------------


def test_full_disk():
    """Every write fails from the first on."""
    with Demo("--log", "/dev/full", "--endings", "/dev/full", "--profile", "development") as demo:
        serve(demo, 30)
        check(demo.stop() == 1, "endings were lost, and that is no failure: %s", demo.said())
        check("30 lines lost: No space left on device" in demo.said(), "the loss is not said: %s", demo.said())
        check(lost_lines(demo.said(), "/dev/full") >= 60, "lines of one sink are not counted: %s", demo.said())


def limit_files(size):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    return limit


def test_disk_that_fills():
    """Some lines find room, one is cut, the others are lost: each is one or the other. With the signal's default, which
    would end the process."""
    with tempfile.TemporaryDirectory(prefix="weir-failing-") as folder:
        path = os.path.join(folder, "endings")
        # The standard error of the program is a file too, but a small one.
        with Demo("--endings", path, preexec_fn=limit_files(10000)) as demo:
            serve(demo, 60)
            check(demo.stop() == 1, "endings were lost, and that is no failure: %s", demo.said())
            lost = lost_lines(demo.said(), path)
            check("lost: File too large" in demo.said() or "lost: No space left" in demo.said(), "%s", demo.said())
        with open(path, encoding="utf-8") as file:
            whole = [line for line in file if line.endswith("\n") and is_record(line)]
        check(lost > 0 and len(whole) > 0, "%d lost, %d written", lost, len(whole))
        check(lost + len(whole) == 60, "%d lost and %d written of 60", lost, len(whole))


def is_record(line):
    try:
        return "code" in json.loads(line)
    except ValueError:
        return False


# --- readers ----------------------------------------------------------------------------------------------------------


def test_reader_that_stops():
    """Log and endings go to a pipe that nobody reads until the end: everybody is served all the same, the program ends,
    and each line is either there or counted as lost."""
    count = 700
    reading, writing = os.pipe()
    with contextlib.closing(os.fdopen(reading, "rb")) as pipe:
        with Demo("--endings", "-", "--log", "-", "--profile", "development", stdout=writing) as demo:
            os.close(writing)
            serve(demo, count)
            status = demo.stop()
            lost = lost_lines(demo.said(), "standard output")
            check("its reader was too slow" in demo.said(), "the loss is not said: %s", demo.said())
        lines = pipe.read().decode().splitlines()
    records = sum(is_record(line) for line in lines)
    logged = sum("connection ended" in line and not is_record(line) for line in lines)
    check(status == (1 if records < count else 0), "status %d: %d of %d records", status, records, count)
    check(records > 0 and logged > 0, "nothing of one came: %d, %d", records, logged)
    check(records + logged + lost == 2 * count, "%d records, %d log lines, %d lost", records, logged, lost)


def test_reader_that_leaves():
    reading, writing = os.pipe()
    with Demo("--endings", "-", stdout=writing) as demo:
        os.close(writing)
        serve(demo, 5)
        os.close(reading)
        serve(demo, 40)
        check(demo.stop() == 1, "endings were lost, and that is no failure: %s", demo.said())
        check(re.search(r"lines? lost: Broken pipe", demo.said()), "the loss is not said: %s", demo.said())


def test_reader_that_is_slow_loses_nothing():
    """As long as the buffer holds what is in between."""
    reading, writing = os.pipe()
    with contextlib.closing(os.fdopen(reading, "rb")) as pipe:
        with Demo("--endings", "-", stdout=writing) as demo:
            os.close(writing)
            serve(demo, 300)
            demo.process.send_signal(signal.SIGTERM)
            lines = pipe.read().decode().splitlines()
            check(demo.process.wait(DEADLINE) == 0, "not drained: %s", demo.said())
            check("lost" not in demo.said(), "it says: %s", demo.said())
    check(sum(is_record(line) for line in lines) == 300, "%d records", len(lines))


# --- descriptors ------------------------------------------------------------------------------------------------------


def test_few_descriptors_and_a_thousand_clients():
    """Twenty descriptors, a thousand that ask at once: each is answered in its turn, and waiting costs nothing."""
    with contextlib.ExitStack() as stack:
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)
        if limit[1] < 2000:
            raise Skip("a thousand clients are not allowed here")
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(limit[1], 4096), limit[1]))
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, limit)
        few = (20, 20)
        demo = stack.enter_context(Demo(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, few)))
        check(demo.is_up(), "it did not start: %s", demo.said())
        held = [stack.enter_context(demo.connect()) for _ in range(30)]
        for one in held:
            one.sendall(b"GET /delay/600000 HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_for("all descriptors to be in use", lambda: len(os.listdir(f"/proc/{demo.process.pid}/fd")) >= 10)
        clients = [stack.enter_context(demo.connect()) for _ in range(1000)]
        for one in clients:
            one.sendall(HELLO)
        before, began = demo.cpu_seconds(), time.monotonic()
        time.sleep(1)
        used = (demo.cpu_seconds() - before) / (time.monotonic() - began)
        check(used < 0.5, "it spins: %d %% of a processor", used * 100)
        for one in held:
            one.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")    # SO_LINGER of nothing: a reset, so that they are gone at once
            one.close()
        for one in clients:
            check(b"Hello" in read_all(one), "one of a thousand was not answered")
        check(demo.stop() == 0, "not drained: %s", demo.said())
        check("the ledger balances" in demo.said(), "%s", demo.said())
