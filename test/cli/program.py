"""Starting the weir program, talking to it in octets, stopping it; and the smallest of test runners."""
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
import traceback

WEIR = os.environ.get("WEIR", "build/weir")
PATIENCE = float(os.environ.get("WEIR_PATIENCE", "1"))
KIND = os.environ.get("WEIR_BUILD_KIND", "default")


def weir(*args, timeout=20, stdin=None):
    """Runs to the end; (status, standard output, standard error)."""
    done = subprocess.run([WEIR, *args], capture_output=True, text=True, timeout=timeout * PATIENCE, stdin=stdin)
    return done.returncode, done.stdout, done.stderr


class Demo:
    """A running `weir demo` on a free port; `with` stops it."""

    def __init__(self, *args, listen="127.0.0.1:0", stdout=None):
        self.err = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen([WEIR, "demo", "--listen", listen, *args], stderr=self.err,
                                        stdout=stdout if stdout is not None else subprocess.PIPE, text=True)
        self.said = None
        deadline = time.monotonic() + 15 * PATIENCE
        while "listening on" not in self.stderr():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                raise AssertionError("weir demo did not start: " + self.stderr())
            time.sleep(0.01)
        found = re.search(r"listening on \S*:(\d+)", self.stderr())
        self.port = int(found.group(1)) if found else None

    def stderr(self):
        return os.pread(self.err.fileno(), 1 << 24, 0).decode()

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def wait(self, timeout=20):
        """(status, standard output, standard error)"""
        out, _ = self.process.communicate(timeout=timeout * PATIENCE)
        return self.process.returncode, out, self.stderr()

    def stop(self):
        self.signal()
        return self.wait()

    def connect(self):
        s = socket.create_connection(("127.0.0.1", self.port), timeout=10 * PATIENCE)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return s

    def ask(self, target, method="GET", fields=(), body=b"", version="1.1", host="localhost"):
        """One request on a connection of its own; the answer, read to the end of the connection."""
        lines = [f"{method} {target} HTTP/{version}", f"Host: {host}", "Connection: close", *fields, "", ""]
        with self.connect() as s:
            s.sendall("\r\n".join(lines).encode() + body)
            return Answer(read_all(s), method == "HEAD")

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
        self.err.close()


def read_all(s):
    parts = []
    while True:
        part = s.recv(65536)
        if not part:
            return b"".join(parts)
        parts.append(part)


def read_until(s, mark):
    data = b""
    while mark not in data:
        part = s.recv(65536)
        assert part, f"closed before {mark!r}: {data[-200:]!r}"
        data += part
    return data


def unchunk(data):
    """(content, chunks, trailer lines), or an assertion."""
    content, chunks = b"", []
    while True:
        line, _, data = data.partition(b"\r\n")
        size = int(line, 16)
        if size == 0:
            break
        assert data[size:size + 2] == b"\r\n", "a chunk does not end where it says"
        chunks.append(data[:size])
        content += data[:size]
        data = data[size + 2:]
    assert data.endswith(b"\r\n"), "the trailers have no end"
    return content, chunks, [line for line in data.decode().split("\r\n") if line]


class Answer:
    """What came back on a connection: the last answer taken apart, interim ones before it."""

    def __init__(self, data, head_only=False):
        self.raw, self.interim, self.chunks, self.trailers = data, [], [], []
        while True:
            assert b"\r\n\r\n" in data, f"no whole head: {data[:200]!r}"
            head, data = data.split(b"\r\n\r\n", 1)
            self.lines = head.decode("latin-1").split("\r\n")
            self.status = int(self.lines[0].split(" ")[1])
            if self.status >= 200:
                break
            self.interim.append(self.lines)
        self.body = data
        if self.field("transfer-encoding") == "chunked" and not head_only:
            self.body, self.chunks, self.trailers = unchunk(data)
        elif self.field("content-length") is not None and not head_only and self.status not in (204, 304):
            assert len(data) == int(self.field("content-length")), (len(data), self.lines)

    def field(self, name):
        for line in self.lines[1:]:
            key, _, value = line.partition(":")
            if key.lower() == name:
                return value.strip()
        return None


def run(modules):
    """Every test_ function of the modules; the status to exit with."""
    passed, failed = 0, 0
    for module in modules:
        for name in [name for name in vars(module) if name.startswith("test_")]:
            try:
                getattr(module, name)()
                passed += 1
            except Exception as failure:
                failed += 1
                print(f"FAILED {module.__name__}.{name}: {type(failure).__name__}: {failure}")
                traceback.print_exc(limit=-3)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0
