"""Servers that are none, or that lie: a listener on loopback whose way with a connection is a function; a name server."""
import contextlib
import os
import socket
import struct
import subprocess
import threading
import time

from common import DEADLINE, PATIENCE, check

WEIR = os.path.abspath(os.environ.get("WEIR", "build/weir"))
ENV = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}


class Liar:
    """Does `act` with each connection, on a thread of its own, and closes it. `with` ends it."""

    def __init__(self, act):
        self.act, self.ended = act, threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.url = "http://127.0.0.1:%d/" % self.port
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self._serve, args=(self.listener.accept()[0],), daemon=True).start()

    def _serve(self, sock):
        sock.settimeout(DEADLINE)
        with contextlib.suppress(OSError), sock:
            self.act(self, sock)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ended.set()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def read_head(sock):
    octets = b""
    while b"\r\n\r\n" not in octets:
        piece = sock.recv(65536)
        if not piece:
            break
        octets += piece
    return octets


def saying(*pieces, then="fin", before=True):
    """Reads a request (if `before`), says that, and then: `fin`, `reset`, or `wait` for the client to leave."""
    def act(liar, sock):
        if before:
            read_head(sock)
        for piece in pieces:
            sock.sendall(piece)
        finish(liar, sock, then)
    return act


def finish(liar, sock, then):
    if then == "reset":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    elif then == "wait":
        while sock.recv(65536):
            pass


def endless(start, again):
    """Says `again` until the client has had enough."""
    def act(liar, sock):
        read_head(sock)
        sock.sendall(start)
        while not liar.ended.is_set():
            sock.sendall(again * 100)
    return act


def silent(liar, sock):
    finish(liar, sock, "wait")


class NameServer:
    """By UDP. `code` 0: every name is 127.0.0.1; 2: the server failed; 3: no such name; None: silence."""

    def __init__(self, code):
        self.code, self.asked = code, 0
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.sock.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                query, sender = self.sock.recvfrom(4096)
                self.asked += 1
                if self.code is not None:
                    self.sock.sendto(self._answer(query), sender)

    def _answer(self, query):
        at = 12
        while query[at]:
            at += query[at] + 1
        question, kind = query[12:at + 5], query[at + 2]
        is_address = self.code == 0 and kind == 1
        record = b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x7f\0\0\x01" if is_address else b""
        return query[:2] + struct.pack("!HHHHH", 0x8180 | self.code, 1, is_address, 0, 0) + question + record

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()


@contextlib.contextmanager
def full_listener():
    """A port whose queue is full: a SYN to it is dropped."""
    with socket.socket() as listener, contextlib.ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(8):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        with socket.socket() as last:
            last.settimeout(0.5)
            check(last.connect_ex(listener.getsockname()) != 0, "the queue did not fill")
        yield listener.getsockname()[1]


class Got:
    """A run of `weir get`: `status`, `out`, `err`, `seconds`, `code` (as the last line of its errors names it), `retry`."""

    def __init__(self, *args, prefix=(), stdin=b""):
        began = time.monotonic()
        done = subprocess.run([*prefix, WEIR, "get", *args], input=stdin, capture_output=True, env=ENV,
                              timeout=60 * PATIENCE)
        self.seconds = time.monotonic() - began
        self.status, self.out, self.err = done.returncode, done.stdout, done.stderr.decode(errors="replace")
        words = self.err.splitlines()[-1].split(": ") if self.err else []
        self.code = words[2] if len(words) > 2 and words[0] == "weir get" else None
        self.retry = self.err.rpartition("(retry: ")[2].rstrip(")\n") if "(retry: " in self.err else None

    def __repr__(self):
        return "exit status %d after %.1f s, %r, %r" % (self.status, self.seconds, self.out[:200], self.err[-600:])


def failing(code, retry, *args, after=0, **how):
    """It ends with 1, says that code and that retry in one line, not before `after` seconds, and soon after it."""
    got = Got(*args, **how)
    codes = code.split("|")
    check(got.status == 1 and got.code in codes and got.retry in retry.split("|"), "expected %s, %s: %r", code, retry, got)
    check(got.err.count("\n") == 1, "one line was expected: %r", got)
    check(after <= got.seconds < after + 15 * PATIENCE, "not in time: %r", got)
    return got
