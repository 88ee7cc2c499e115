"""What the parts of this suite share: where things are, a program that runs, the smallest of test runners."""
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
import traceback

BUILD = os.environ.get("BUILD", "build")
WEIR = os.environ.get("WEIR", os.path.join(BUILD, "weir"))
KIND = os.environ.get("WEIR_BUILD_KIND", "default")
PATIENCE = float(os.environ.get("WEIR_PATIENCE", "1"))
LONG = "FAILING_LONG" in os.environ
DEADLINE = 20 * PATIENCE


class Skip(Exception):
    """The machine does not allow this test; says why."""


def check(ok, *why):
    if not ok:
        raise AssertionError(why[0] % why[1:] if len(why) > 1 else why[0])


def wait_for(what, is_so, seconds=DEADLINE):
    end = time.monotonic() + seconds
    while not is_so():
        check(time.monotonic() < end, "waited %d s for %s", seconds, what)
        time.sleep(0.005)


class Demo:
    """`weir demo` on a free port: started, or refused. Its words are in a file, so that nobody has to read them."""

    def __init__(self, *options, program=None, env=None, **how):
        self.words = tempfile.TemporaryFile("w+")
        how.setdefault("stdout", subprocess.DEVNULL)
        self.process = subprocess.Popen([program or WEIR, "demo", "--listen", "127.0.0.1:0", *options],
                                        stdin=subprocess.DEVNULL, stderr=self.words, env=dict(os.environ, **(env or {})),
                                        **how)
        self.port = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.words.close()

    def said(self):
        return os.pread(self.words.fileno(), 1 << 24, 0).decode("utf-8", "replace")

    def is_up(self):
        """Waits until it listens, or has ended."""
        wait_for("it to listen or to refuse", lambda: "listening on" in self.said() or self.process.poll() is not None)
        found = re.search(r"listening on \S*?:(\d+)", self.said())
        self.port = int(found.group(1)) if found else None
        return "listening on" in self.said()

    def stop(self):
        """Drains; its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE)

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE)

    def get(self, path="/", unix=None):
        """The whole answer on a connection of its own; empty if there was none."""
        try:
            with self.connect() if unix is None else connect_unix(unix) as client:
                client.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
                return read_all(client)
        except OSError:
            return b""

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def connect_unix(path):
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(DEADLINE)
    client.connect(path)
    return client


def read_all(client):
    got = b""
    while True:
        piece = client.recv(1 << 16)
        if not piece:
            return got
        got += piece


def run(parts):
    """Every test_* of the modules; prints what failed and the closing line. A test may return a dict of further counts."""
    total = {"passed": 0, "failed": 0, "skipped": 0}
    for part in parts:
        for name, test in sorted(vars(part).items()):
            if name.startswith("test_"):
                run_one(f"{part.__name__}.{name}", test, total)
    print("{passed} passed, {failed} failed, {skipped} skipped".format(**total))
    return 1 if total["failed"] else 0


def run_one(name, test, total):
    began = time.monotonic()
    try:
        counts = test() or {"passed": 1}
    except Skip as why:
        print(f"skipped {name}: {why}")
        counts = {"skipped": 1}
    except Exception as failure:
        print(f"FAILED {name}: {failure}\n{traceback.format_exc()}")
        counts = {"failed": 1}
    for key, count in counts.items():
        total[key] += count
    print(f"{time.monotonic() - began:6.1f} s  {name}", flush=True)
