#!/usr/bin/env python3
"""Goal: each fault of `weir fault` does what it says at the exact octet, the same for the same seed, and says so in its
endings; a connection without a fault is passed on unharmed. Method: a client that counts octets, `weir demo` or a peer of
the test's own behind the proxy, and the endings file read back.

run-tests: limit=300 builds=default,asan
"""
import errno
import json
import os
import re
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True

import harness
from harness import DEADLINE, PATIENCE, PREFIX, SANITIZER, WEIR, Conn, Failure, Server, check, each, request, wait_for
from peers import unheard_port

VARY = ("time", "lived_ms", "client", "server", "listen")
FIELDS = ["time", "connection", "seed", "plan", "code", "by", "octets_up", "octets_down", "dropped_up", "dropped_down",
          "lived_ms", "client", "server", "os", "listen"]
GET = request("GET", "/bytes/5000", "Connection: close\r\n")
GET_HEAD = b"HTTP/1.1 2"


class Fault:
    """A running `weir fault` on a free port; leaving the `with` kills what is left of it."""

    def __init__(self, to, *options, listen="127.0.0.1:0", limit=None):
        self.place = tempfile.TemporaryDirectory(prefix="weir-fault-")
        self.endings_file = os.path.join(self.place.name, "endings")
        self.stderr_file = os.path.join(self.place.name, "stderr")
        listen = listen.replace("DIR", self.place.name)
        options = [one.replace("DIR", self.place.name) for one in options]
        command = PREFIX + [WEIR, "fault", "--listen", listen, "--to", to, "--endings", self.endings_file]
        with open(self.stderr_file, "wb") as err:
            self.process = subprocess.Popen(command + list(options), stdin=subprocess.DEVNULL, stdout=err, stderr=err,
                                            preexec_fn=limit and (lambda: resource.setrlimit(
                                                resource.RLIMIT_NOFILE, (limit, limit))))
        said = wait_for("the line `listening on`", self._started)
        self.address, self.seed = said.group(1), int(said.group(2))

    def _started(self):
        check(self.process.poll() is None, "weir fault ended at its start: %s", self.stderr())
        return re.search(r"^weir fault: listening on (\S+), to \S+, seed (\d+)\n", self.stderr(), re.M)

    def stderr(self):
        with open(self.stderr_file, errors="replace") as file:
            return file.read()

    def endings(self):
        """By the number of the connection."""
        if not os.path.exists(self.endings_file):
            return []
        with open(self.endings_file) as file:
            found = [json.loads(line) for line in file.read().splitlines(True) if line.endswith("\n")]
        for one in found:
            check(list(one) == FIELDS, "the fields of %r", one)
        return sorted(found, key=lambda one: one["connection"])

    def wait_endings(self, count):
        wait_for("%d endings" % count, lambda: len(self.endings()) >= count)
        return self.endings()

    def ending(self, **expected):
        """That of the only connection."""
        found = self.wait_endings(1)
        check(len(found) == 1, "more than one connection: %r", found)
        for name, value in expected.items():
            check(found[0][name] == value, "%s is %r, not %r: %r", name, found[0][name], value, found[0])
        return found[0]

    def descriptors(self):
        return len(os.listdir("/proc/%d/fd" % self.process.pid))

    def connect(self):
        return Conn(self.address)

    def stop(self):
        """Signals, waits, and looks at what it said; the counts of its summary by code."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self):
        status = self.process.wait(DEADLINE)
        said = self.stderr()
        check(status == 0 and not SANITIZER.search(said), "exit status %s: %s", status, said)
        total = int(re.search(r"^weir fault: seed %d: (\d+) connections$" % self.seed, said, re.M).group(1))
        codes = {name: int(count) for name, count in re.findall(r"^  (\w+) +(\d+)$", said, re.M)}
        check(sum(codes.values()) == total == len(self.endings()), "the summary does not balance: %s", said)
        return codes

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.place.cleanup()


class Pair:
    """A client and a server of the test's own, with the proxy between them: `client` and `server` are sockets."""

    def __init__(self, *options):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(DEADLINE)
        self.fault = Fault("127.0.0.1:%d" % self.listener.getsockname()[1], *options)
        try:
            self.client = self.fault.connect().sock
            self.server, _ = self.listener.accept()
            self.server.settimeout(DEADLINE)
        except BaseException:
            self.fault.__exit__()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for one in (self.client, self.server, self.listener):
            one.close()
        self.fault.__exit__()


def read_to_end(sock):
    """(octets, "fin" or "reset")"""
    pieces = []
    while True:
        try:
            piece = sock.recv(65536)
        except ConnectionResetError:
            return b"".join(pieces), "reset"
        if not piece:
            return b"".join(pieces), "fin"
        pieces.append(piece)


def read_exactly(sock, count):
    pieces = []
    while count > 0:
        piece = sock.recv(count)
        check(piece, "a FIN, %d octets early", count)
        pieces.append(piece)
        count -= len(piece)
    return b"".join(pieces)


def hard_close(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def pattern(count):
    return bytes(i * 7 % 251 for i in range(count))


def send_some(sock, octets):
    """What is sent to one who resets may fail, at any moment; then the reset was told here, and no read tells it again."""
    try:
        sock.sendall(octets)
    except (ConnectionResetError, BrokenPipeError):
        return False
    return True


def answer_through(fault, octets=GET):
    """(octets, end) of one connection that asks once. Who resets at once may be faster than connect(2)."""
    try:
        with fault.connect() as conn:
            sent = send_some(conn.sock, octets)
            octets, end = read_to_end(conn.sock)
            return octets, end if sent else "reset"
    except ConnectionResetError:
        return b"", "reset"


def length_of(server):
    with server.connect() as conn:
        conn.send(GET)
        return len(conn.read_to_eof())


# --- without a fault --------------------------------------------------------------------------------------------------


def test_passed_on_unharmed():
    body = pattern(300000)
    with Server() as server, Fault(server.address) as fault:
        with fault.connect() as conn:
            conn.send(request("POST", "/echo", "Content-Length: %d\r\n" % len(body)) + body)
            check(conn.read_response().body == body, "another body")
            check(conn.get("/").body == b"Hello, World!", "another answer")
            sent, received = conn.sent, conn.received
        fault.ending(code="peer_fin", by="client", plan="none", seed=fault.seed, connection=1, octets_down=received,
                     octets_up=sent, dropped_up=0, dropped_down=0, server=server.address, os="0")
        check(fault.stop() == {"peer_fin": 1}, "the summary")
        server.stop()


def test_half_close_is_passed_on():
    with Server() as server, Fault(server.address) as fault:
        with fault.connect() as conn:
            conn.send_and_fin(request("GET", "/delay/50"))
            check(conn.read_response().body == b"Hello, World!", "another answer")
            conn.expect_eof()
        fault.ending(code="peer_fin", by="client")


def test_resets_are_passed_on():
    with Pair() as pair:
        pair.client.sendall(b"x" * 1000)
        read_exactly(pair.server, 1000)
        hard_close(pair.client)
        check(read_to_end(pair.server) == (b"", "reset"), "the client's reset was not passed on")
        pair.fault.ending(code="peer_reset", by="client", octets_up=1000, os="ECONNRESET")
    with Pair() as pair:
        pair.server.sendall(b"x" * 1000)
        read_exactly(pair.client, 1000)
        hard_close(pair.server)
        check(read_to_end(pair.client) == (b"", "reset"), "the server's reset was not passed on")
        pair.fault.ending(code="peer_reset", by="server", octets_down=1000, os="ECONNRESET")


def test_reset_after_a_fin_is_passed_on():
    """A client that has asked and left: its FIN goes on first, the reset that answers it after."""
    with Pair() as pair:
        pair.client.sendall(b"ask")
        pair.client.shutdown(socket.SHUT_WR)
        check(read_to_end(pair.server) == (b"ask", "fin"), "the FIN was not passed on")
        hard_close(pair.client)
        try:
            for _ in range(10000):
                pair.server.sendall(b"x" * 1000)
        except (ConnectionResetError, BrokenPipeError):
            pair.fault.ending(code="peer_fin", by="client", octets_up=3)
            return
        raise Failure("the server was never told")


def test_dial_failed():
    with unheard_port() as port, Fault("127.0.0.1:%d" % port) as fault:
        check(answer_through(fault) == (b"", "reset"), "not reset")
        fault.ending(code="dial_failed", by="network", os="ECONNREFUSED", octets_up=0)


def test_a_server_that_resets_at_once():
    """It was there, so the dial has not failed, whenever the reset is looked at."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:

        def reset_each():
            try:
                while True:
                    hard_close(listener.accept()[0])
            except OSError:
                pass

        threading.Thread(target=reset_each, daemon=True).start()
        with Fault("127.0.0.1:%d" % listener.getsockname()[1]) as fault:
            for _ in range(50):
                check(answer_through(fault)[0] == b"", "octets")
            endings = fault.wait_endings(50)
            check({one["code"] for one in endings} <= {"peer_reset", "peer_fin"}, "%r", endings)
        listener.shutdown(socket.SHUT_RDWR)


def test_names_and_ipv6():
    """localhost is often ::1 first, where the server does not listen: the next address is tried."""
    with Server() as server:
        for to in ("localhost:" + server.address.split(":")[1], server.address):
            with Fault(to, listen="[::1]:0" if socket.has_ipv6 and has_ipv6() else "127.0.0.1:0") as fault:
                with fault.connect() as conn:
                    check(conn.get("/").status == 200, "no answer")
                fault.ending(code="peer_fin", server=server.address)


def has_ipv6():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


def hold(fault):
    """A connection, or null for one that was reset at once."""
    try:
        return fault.connect()
    except ConnectionResetError:
        return None


def out_of_descriptors(server, limit):
    with Fault(server.address, limit=limit) as fault:
        before = fault.descriptors()
        held = [hold(fault) for _ in range(40)]
        wait_for("all descriptors taken", lambda: fault.descriptors() >= limit - 1)
        for conn in held:
            if conn:
                conn.close()
        endings = fault.wait_endings(40)
        wait_for("all descriptors closed", lambda: fault.descriptors() == before)
        with fault.connect() as conn:
            check(conn.get("/").status == 200, "no answer after it")
        fault.wait_endings(41)
        fault.stop()
        check(all(one["os"] == "EMFILE" for one in endings if one["code"] == "no_resources"), "%r", endings)
        return {one["code"] for one in endings}


def test_out_of_descriptors():
    """A connection takes two. With none left who comes waits; with one left he is reset. It goes on after either."""
    with Server() as server:
        codes = out_of_descriptors(server, 24), out_of_descriptors(server, 25)
        check({"peer_fin"} in codes and {"peer_fin", "no_resources"} in codes, "%r", codes)


def test_back_pressure():
    body, sent = pattern(1 << 20), 0
    with Pair() as pair:
        pair.client.setblocking(False)
        while select.select([], [pair.client], [], 1.0)[1]:
            try:
                sent += pair.client.send(body)
            except BlockingIOError:
                pass
            check(sent < 256 << 20, "there is no back-pressure")
        pair.client.settimeout(DEADLINE)
        pair.client.shutdown(socket.SHUT_WR)
        octets, end = read_to_end(pair.server)
        check(len(octets) == sent and end == "fin", "%d octets of %d came, then %s", len(octets), sent, end)


def test_unix_sockets():
    with Server(listen="unix:DIR/server") as server, Fault(server.address, listen="unix:DIR/fault") as fault:
        check(fault.address.startswith("unix:"), "%s", fault.address)
        whole = length_of(server)
        octets, end = answer_through(fault)
        check((len(octets), end) == (whole, "fin"), "%d octets, then %s", len(octets), end)
        fault.ending(code="peer_fin", octets_down=whole, server=server.address)
        fault.stop()
        check(not os.path.exists(fault.address[5:]), "the file of the socket is left")


# --- faults, at exact octets ------------------------------------------------------------------------------------------


def test_reset_after_octets_down():
    with Server() as server:
        for count in (0, 1, 137, 4096):
            with Fault(server.address, "--reset-after", str(count)) as fault:
                octets, end = answer_through(fault)
                check((len(octets), end) == (count, "reset"), "%d octets, then %s", len(octets), end)
                fault.ending(code="fault_reset", by="fault", octets_down=count,
                             plan="reset-after=%d count=down" % count, os="0")
                check(fault.stop() == {"fault_reset": 1}, "the summary")


def test_reset_after_octets_up():
    for count in (1, 70000, 200000):
        with Pair("--reset-after", str(count), "--count", "up") as pair:
            sender = threading.Thread(target=send_some, args=(pair.client, pattern(300000)))
            sender.start()
            octets, end = read_to_end(pair.server)
            sender.join(DEADLINE)
            check(octets == pattern(300000)[:count] and end == "reset", "%d octets, then %s", len(octets), end)
            check(read_to_end(pair.client)[0] == b"", "the client got octets")
            pair.fault.ending(code="fault_reset", octets_up=count)


def test_fin_after_octets():
    with Server() as server:
        for count in (1, 1000):
            with Fault(server.address, "--fin-after", str(count)) as fault:
                octets, end = answer_through(fault)
                check((len(octets), end) == (count, "fin"), "%d octets, then %s", len(octets), end)
                fault.ending(code="fault_fin", by="fault", octets_down=count, octets_up=len(GET))


def test_fin_goes_to_both():
    with Pair("--fin-after", "10", "--count", "up") as pair:
        pair.client.sendall(b"x" * 30)
        check(read_to_end(pair.server) == (b"x" * 10, "fin"), "the server's end")
        check(read_to_end(pair.client) == (b"", "fin"), "the client's end")
        pair.client.close()
        pair.server.close()
        pair.fault.ending(code="fault_fin", octets_up=10, dropped_up=20)


def test_half_close_up():
    with Pair("--fin-after", "10", "--half-close", "--count", "up") as pair:
        pair.client.sendall(b"x" * 30)
        check(read_to_end(pair.server) == (b"x" * 10, "fin"), "the server's end")
        pair.server.sendall(b"the other way goes on")
        pair.server.close()
        check(read_to_end(pair.client) == (b"the other way goes on", "fin"), "the client's end")
        pair.client.close()
        pair.fault.ending(code="fault_half_close", octets_up=10, dropped_up=20, octets_down=21)


def test_half_close_down_at_once():
    with Pair("--half-close") as pair:
        check(read_to_end(pair.client) == (b"", "fin"), "the client's end")
        pair.client.sendall(b"go on")
        check(read_exactly(pair.server, 5) == b"go on", "another text")
        pair.server.sendall(b"lost")
        pair.server.close()
        pair.client.close()
        pair.fault.ending(code="fault_half_close", octets_up=5, octets_down=0, dropped_down=4)


def test_stall():
    """It is open both ways: the other one goes on. It ends when both peers have ended it."""
    with Pair("--stall-after", "1000") as pair:
        pair.server.sendall(pattern(5000))
        check(read_exactly(pair.client, 1000) == pattern(1000), "other octets")
        pair.client.sendall(b"are you there?")
        check(read_exactly(pair.server, 14) == b"are you there?", "another text")
        check(not select.select([pair.client], [], [], 0.2)[0], "more came")
        check(pair.fault.endings() == [], "it ended")
        pair.client.shutdown(socket.SHUT_WR)
        check(read_to_end(pair.server) == (b"", "fin"), "the FIN of the other way")
        pair.server.close()
        check(read_to_end(pair.client)[0] == b"", "more came at the end")
        pair.fault.ending(code="fault_stall", by="fault", octets_down=1000, octets_up=14)


def test_stall_holds_a_reset_back():
    with Pair("--stall-after", "3", "--count", "up") as pair:
        pair.client.sendall(b"abcdef")
        check(read_exactly(pair.server, 3) == b"abc", "other octets")
        hard_close(pair.client)
        check(not select.select([pair.server], [], [], 0.2)[0], "the reset went through the stall")
        pair.server.close()
        pair.fault.ending(code="fault_stall", octets_up=3)


def test_drop():
    with Pair("--drop", "up") as pair:
        pair.client.sendall(b"x" * 5000)
        pair.server.sendall(b"down goes on")
        check(read_exactly(pair.client, 12) == b"down goes on", "other octets")
        pair.client.shutdown(socket.SHUT_WR)
        check(read_to_end(pair.server) == (b"", "fin"), "the server's end")
        pair.server.close()
        pair.fault.ending(code="fault_drop", octets_up=0, dropped_up=5000, octets_down=12, plan="drop=up")
    with Server() as server, Fault(server.address, "--drop", "down") as fault:
        check(answer_through(fault) == (b"", "fin"), "octets came down")
        fault.ending(code="fault_drop", octets_down=0, dropped_down=length_of(server), octets_up=len(GET))


def test_refuse_and_vanish():
    with Server() as server:
        with Fault(server.address, "--refuse") as fault:
            check(answer_through(fault) == (b"", "reset"), "not refused")
            fault.ending(code="fault_refuse", octets_up=0, server="")
            for _ in range(50):
                with socket.socket() as sock:    # accepted first: never what is said where nobody listens
                    why = sock.connect_ex(("127.0.0.1", int(fault.address.split(":")[1])))
                    check(why in (0, errno.ECONNRESET), "%s", errno.errorcode.get(why))
        with Fault(server.address, "--vanish") as fault:
            with fault.connect() as conn:
                conn.send(GET)
                check(not select.select([conn.sock], [], [], 0.2)[0], "it answered")
                check(fault.endings() == [], "it ended")
            fault.ending(code="fault_vanish", octets_up=0, dropped_up=0, server="")
        server.wait_endings(0)
        check(server.stop().records == [], "the server saw something")


def test_after_a_time():
    with Pair("--reset-after", "50ms") as pair:
        check(read_to_end(pair.client) == (b"", "reset"), "the client's end")
        check(read_to_end(pair.server) == (b"", "reset"), "the server's end")
        check(pair.fault.ending(code="fault_reset")["lived_ms"] >= 50, "too early")
    with Pair("--fin-after", "50ms") as pair:
        pair.client.sendall(b"before")
        check(read_to_end(pair.server) == (b"before", "fin"), "the server's end")
        check(read_to_end(pair.client) == (b"", "fin"), "the client's end")
        pair.client.close()
        pair.server.close()
        check(pair.fault.ending(code="fault_fin", octets_up=6)["lived_ms"] >= 50, "too early")


# --- shapes -----------------------------------------------------------------------------------------------------------


def test_latency():
    """No sooner than it says; the sum of both ways."""
    with Server() as server, Fault(server.address, "--latency", "60ms\u00b120ms") as fault:
        began = time.monotonic()
        with fault.connect() as conn:
            conn.get("/")
            seconds = time.monotonic() - began
        check(seconds >= 0.080, "an answer after %.3f s", seconds)
        fault.ending(plan="latency=40ms..80ms")


def test_a_latency_is_no_rate():
    """What is on its way through a line at once is as much as comes in its delay, and not what a buffer holds."""
    size, delay = 8000000, 0.2
    with Pair("--latency", "200ms", "--shape", "up") as pair:
        sender = threading.Thread(target=send_some, args=(pair.client, pattern(size)))
        began = time.monotonic()
        sender.start()
        check(read_exactly(pair.server, size) == pattern(size), "other octets, or in another order")
        seconds = time.monotonic() - began
        sender.join(DEADLINE)
        # 64 KiB a delay, as it was, would be 24 s.
        check(delay <= seconds < 12 * delay * PATIENCE, "8 MB came in %.2f s", seconds)
    with Pair("--latency", "5ms..15ms") as pair:
        sender = threading.Thread(target=send_some, args=(pair.client, pattern(size)))
        sender.start()
        check(read_exactly(pair.server, size) == pattern(size), "other octets, or in another order")
        sender.join(DEADLINE)


def test_latency_one_way():
    with Pair("--latency", "100ms", "--shape", "up") as pair:
        began = time.monotonic()
        pair.client.sendall(b"up")
        pair.client.shutdown(socket.SHUT_WR)
        check(read_to_end(pair.server) == (b"up", "fin") and time.monotonic() - began >= 0.1, "up was not delayed")
        pair.server.close()
        pair.fault.ending(plan="latency=100ms shape=up")


def test_rate():
    with Server() as server, Fault(server.address, "--rate", "100k") as fault:
        began = time.monotonic()
        with fault.connect() as conn:
            check(len(conn.get("/bytes/51200").body) == 51200, "not all octets")
            seconds = time.monotonic() - began
        check(seconds >= 0.45, "half a second's octets came in %.3f s", seconds)


def test_slices():
    """Each is a segment of its own: the receiver's kernel has counted them."""
    with Pair("--slice", "1..3", "--count", "up") as pair:
        pair.client.sendall(pattern(3000))
        check(read_exactly(pair.server, 3000) == pattern(3000), "other octets")
        info = pair.server.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192)
        segments = struct.unpack_from("I", info, 152)[0]    # tcpi_data_segs_in
        check(segments >= 1000, "3000 octets in slices of 3 at most came in %d segments", segments)


def test_shapes_and_an_exact_reset():
    options = "--latency 1ms..5ms --slice 1..9 --rate 1M --reset-after 2500".split()
    with Server() as server, Fault(server.address, *options) as fault:
        octets, end = answer_through(fault)
        check((len(octets), end) == (2500, "reset"), "%d octets, then %s", len(octets), end)
        fault.ending(code="fault_reset", octets_down=2500)


# --- by a seed --------------------------------------------------------------------------------------------------------

MIX = """--chance 0.6 --slice 1..400 --latency 0ms..1ms --shape either --reset-after 0..5000 --fin-after 1..5000
--stall-after 1..5000 --drop either --refuse --vanish""".split()

GOLDEN = {
    1: "latency=0s..1ms slice=1..400 shape=up stall-after=229 count=down",
    2: "none",
    3: "latency=0s..1ms slice=1..400 shape=down refuse",
    4: "none",
    5: "latency=0s..1ms slice=1..400 shape=down vanish",
    6: "none",
    7: "latency=0s..1ms slice=1..400 shape=up drop=down",
    8: "latency=0s..1ms slice=1..400 shape=up refuse",
    9: "none",
}


def plans(seed, count, *options):
    """What --print-plan says, by number."""
    said = subprocess.run(PREFIX + [WEIR, "fault", "--seed", str(seed), "--print-plan", "1..%d" % count] + list(options),
                          capture_output=True, text=True, timeout=DEADLINE, check=True).stdout
    rows = [line.split(None, 1) for line in said.splitlines() if not line.startswith("#")]
    check([int(number) for number, _ in rows] == list(range(1, count + 1)), "%s", said)
    return {int(number): words for number, words in rows}


def stall_of(plan):
    found = re.search(r"stall-after=(\d+) count=down", plan)
    return int(found.group(1)) if found else None


def one_of(fault, plan):
    """A client whose own ends do not race with the faults: it leaves only where nothing more can come."""
    if "refuse" in plan or "reset-after=0 " in plan:
        check(answer_through(fault) == (b"", "reset"), "not refused")
        return
    with fault.connect() as conn:
        send_some(conn.sock, GET)
        if "vanish" in plan:
            return
        if "drop=up" in plan:
            conn.fin()
        if stall_of(plan) is not None:
            read_exactly(conn.sock, stall_of(plan))
            return
        octets, end = read_to_end(conn.sock)
        asked = re.search(r"(reset|fin)-after=(\d+)", plan)
        if asked:
            check((str(len(octets)), end) == (asked.group(2), asked.group(1)), "%s: %d octets, then %s", plan,
                  len(octets), end)


def run_by_seed(server, seed, count, options):
    expected = plans(seed, count, *options)
    with Fault(server.address, "--seed", str(seed), *options) as fault:
        for number in range(1, count + 1):
            one_of(fault, expected[number])
            fault.wait_endings(number)
        fault.stop()
        endings = fault.endings()
    for one in endings:
        check(one["plan"] == expected[one["connection"]], "%r is not as printed: %s", one, expected[one["connection"]])
    # A reset at once leaves open how much had gone up; a vanished one was never read.
    return [{name: value for name, value in one.items() if name not in VARY and
             not (name == "octets_up" and one["code"] == "fault_reset" and one["octets_down"] == 0)} for one in endings]


def test_same_seed_same_faults():
    count = 80
    with Server() as server:
        first, second = run_by_seed(server, 11, count, MIX), run_by_seed(server, 11, count, MIX)
        other = run_by_seed(server, 12, count, MIX)
    check(first == second, "%r", [pair for pair in zip(first, second) if pair[0] != pair[1]])
    check([one["plan"] for one in first] != [one["plan"] for one in other], "another seed, the same plans")
    codes = {one["code"] for one in first + other}
    wanted = {"peer_fin", "fault_reset", "fault_fin", "fault_stall", "fault_drop", "fault_refuse", "fault_vanish"}
    check(codes == wanted, "the codes are %s", codes)


def test_printed_plan_is_a_plan_file():
    with tempfile.NamedTemporaryFile("w", suffix=".plan") as file:
        printed = plans(5, 200, *MIX)
        file.writelines("%d %s\n" % row for row in printed.items())
        file.flush()
        check(plans(5, 200, "--plan", file.name) == printed, "the plan read back is another")
    check(plans(6, 200, *MIX) != printed, "the seed does not matter")
    faulty = sum(words != "none" for words in printed.values())
    check(80 <= faulty <= 160, "%d of 200 with a chance of 0.6", faulty)


def test_a_seed_is_for_ever():
    """What was drawn once is drawn by every later version: else a seed in a report is worth nothing."""
    found = plans(7, 9, *MIX)
    check(found == GOLDEN, "%r", found)


def test_plan_file():
    with tempfile.NamedTemporaryFile("w") as file:
        file.write("# by number\n1 reset-after=100\n\n2..3   fin-after=200 slice=1..7 # both\n*\tnone\n")
        file.flush()
        found = plans(1, 4, "--plan", file.name)
        check(found == {1: "reset-after=100 count=down", 2: "slice=1..7 fin-after=200 count=down",
                        3: "slice=1..7 fin-after=200 count=down", 4: "none"}, "%r", found)
        with Server() as server, Fault(server.address, "--plan", file.name, "--refuse") as fault:
            lengths = [len(answer_through(fault)[0]) for _ in range(4)]
            check(lengths == [100, 200, 200, length_of(server)], "%r", lengths)


def test_a_plain_number_is_seconds():
    for given, said in (("2", "2s"), ("0.25", "250ms"), ("1.5s", "1500ms"), ("1..2", "1s..2s"), ("2+-0.5", "1500ms..2500ms")):
        check(plans(1, 1, "--latency", given)[1] == "latency=" + said, "%s: %r", given, plans(1, 1, "--latency", given))
    check(plans(1, 1, "--reset-after", "5")[1] == "reset-after=5 count=down", "octets, where both are taken")


def test_many_with_a_chance():
    """Two hundred at a time: each ends as it was planned, and no descriptor is left."""
    count = 200
    options = ["--chance", "0.3", "--reset-after", "1..5000", "--refuse"]
    expected = plans(21, count, *options)
    with Server() as server, Fault(server.address, "--seed", "21", *options) as fault:
        before = fault.descriptors()
        answers = each(count, lambda _: answer_through(fault))
        endings = fault.wait_endings(count)
        wait_for("all descriptors closed", lambda: fault.descriptors() == before)
        check([one["connection"] for one in endings] == list(range(1, count + 1)), "not each of them once")
        for one in endings:
            plan = expected[one["connection"]]
            code = "peer_fin" if plan == "none" else "fault_refuse" if plan == "refuse" else "fault_reset"
            check(one["plan"] == plan and one["code"] == code, "%r, planned: %s", one, plan)
        faulty = sum(plan != "none" for plan in expected.values())
        check(30 <= faulty <= 90, "%d of 200 with a chance of 0.3", faulty)
        resets = sum(end == "reset" for _, end in answers)
        check(resets == faulty, "%d resets for %d faults", resets, faulty)
        codes = fault.stop()
        check(codes["peer_fin"] == count - faulty, "%r", codes)


# --- several routes, and the control ----------------------------------------------------------------------------------


class Control:
    """Talks to the control of a `weir fault`, over TCP or a unix socket."""

    def __init__(self, fault):
        self.url = wait_for("the line `control at`", lambda: re.search(r"^weir fault: control at (\S+)$", fault.stderr(),
                                                                       re.M)).group(1)
        self.address = self.url if self.url.startswith("unix:") else self.url[len("http://"):-1]

    def ask(self, method, path, document=None, host=None, text=None):
        """(status, document or text)"""
        content = text if text is not None else json.dumps(document) if document is not None else ""
        head = "Connection: close\r\nContent-Length: %d\r\n" % len(content)
        host = host if host is not None else "localhost" if self.url.startswith("unix:") else self.address
        with Conn(self.address) as conn:
            conn.send(("%s %s HTTP/1.1\r\nHost: %s\r\n%s\r\n" % (method, path, host, head)).encode() + content.encode())
            answer = conn.read_response()
        body = answer.body.decode()
        return answer.status, json.loads(body) if answer.get("Content-Type") == "application/json" else body

    def state(self, path="/"):
        status, document = self.ask("GET", path)
        check(status == 200, "%s: %r", status, document)
        return document

    def set(self, faults, path="/faults"):
        status, document = self.ask("PUT", path, faults)
        check(status == 200, "%s: %r", status, document)
        return document


def addresses(fault):
    return re.findall(r"^weir fault: listening on (\S+), to", fault.stderr(), re.M)


def test_several_routes():
    """Each goes to its own server, counts its own connections, and the k-th of each gets the same."""
    with Server() as one, Server(listen="unix:DIR/s") as two:
        options = ["--route", "127.0.0.1:0=" + two.address, "--route", "127.0.0.1:0=" + one.address, "--seed", "3",
                   "--reset-after", "1..4000"]
        expected = plans(3, 4, "--reset-after", "1..4000")
        with Fault(one.address, *options) as fault:
            listen = addresses(fault)
            check(len(set(listen)) == 3, "%r", listen)
            for number in range(1, 5):
                for address in listen:
                    with Conn(address) as conn:
                        conn.send(GET)
                        octets, end = read_to_end(conn.sock)
                    check(end == "reset" and "reset-after=%d count=down" % len(octets) == expected[number], "%r", expected)
            endings = fault.wait_endings(12)
            check(sorted((x["listen"], x["connection"]) for x in endings) == sorted(
                (a, n) for a in listen for n in range(1, 5)), "%r", endings)
            check({x["server"] for x in endings if x["listen"] == listen[1]} == {two.address}, "%r", endings)
            check(fault.stop() == {"fault_reset": 12}, "the summary")


def test_the_control():
    with Server() as server:
        whole = length_of(server)
        with Fault(server.address, "--control", "127.0.0.1:0", "--seed", "9", "--reset-after", "10") as fault:
            control = Control(fault)
            state = control.state()
            check(state["seed"] == 9 and not state["draining"] and state["ended"] == {}, "%r", state)
            check(state["routes"] == [{"listen": fault.address, "to": server.address, "accepted": 0, "alive": 0,
                                       "faults": {"reset-after": "10"}, "plan": False}], "%r", state)
            check(answer_through(fault) == (GET_HEAD, "reset"), "as the command line says")
            check(control.set({"fin-after": 100, "half-close": False})["routes"][0]["faults"] ==
                  {"fin-after": 100, "half-close": False}, "what was set is not shown")
            octets, end = answer_through(fault)
            check((len(octets), end) == (100, "fin"), "%d octets, then %s", len(octets), end)
            control.set({"refuse": True})
            check(answer_through(fault) == (b"", "reset"), "not refused")
            status, state = control.ask("DELETE", "/faults")
            check(status == 200 and state["routes"][0]["faults"] == {}, "%r", state)
            check(len(answer_through(fault)[0]) == whole, "a fault is left")
            fault.wait_endings(4)
            check(control.state()["ended"] == {"fault_reset": 1, "fault_fin": 1, "fault_refuse": 1, "peer_fin": 1}, "%r",
                  control.state())
            check([x["plan"] for x in fault.endings()] == ["reset-after=10 count=down", "fin-after=100 count=down",
                                                           "refuse", "none"], "%r", fault.endings())
            fault.stop()


def test_the_control_of_one_route():
    with Server() as server:
        with Fault(server.address, "--route", "127.0.0.1:0=" + server.address, "--control", "unix:DIR/control") as fault:
            control = Control(fault)
            control.set({"refuse": True}, "/routes/2/faults")
            check([x["faults"] for x in control.state()["routes"]] == [{}, {"refuse": True}], "%r", control.state())
            check(control.state("/routes/2")["faults"] == {"refuse": True}, "%r", control.state("/routes/2"))
            check(answer_through(fault)[1] == "fin", "the other route was changed")
            check(control.ask("GET", "/routes/3")[0] == 404 and control.ask("GET", "/routes/0")[0] == 404, "no such route")
            fault.stop()


def test_faults_of_a_connection_that_is_alive():
    """What is set counts from then on; what is cleared holds nothing back any more; order is kept."""
    with Pair("--control", "127.0.0.1:0") as pair:
        control = Control(pair.fault)
        pair.client.sendall(b"before ")
        check(read_exactly(pair.server, 7) == b"before ", "octets")
        control.set({"latency": "1h"})
        pair.client.sendall(b"held ")
        check(not select.select([pair.server], [], [], 0.2)[0], "it was not delayed")
        control.ask("DELETE", "/faults")
        check(read_exactly(pair.server, 5) == b"held ", "it is held still")
        control.set({"stall-after": 3, "count": "up"})
        pair.client.sendall(b"123456")
        check(read_exactly(pair.server, 3) == b"123", "the count begins when it is set")
        check(not select.select([pair.server], [], [], 0.2)[0], "it did not stall")
        control.ask("DELETE", "/faults")
        check(read_exactly(pair.server, 3) == b"456", "the stall goes on")
        control.set({"drop": "down"})
        pair.server.sendall(b"dropped")
        pair.server.shutdown(socket.SHUT_WR)
        check(read_to_end(pair.client) == (b"", "fin"), "it was not dropped")
        pair.client.close()
        pair.fault.ending(plan="drop=down", octets_up=18, dropped_down=7)
    with Pair("--control", "127.0.0.1:0", "--latency", "1h") as pair:
        control = Control(pair.fault)
        pair.server.sendall(b"held")
        control.set({"reset-after": 6})    # of what is read from then on: that was read before, or is among it
        pair.server.sendall(b"0123456789")
        octets, end = read_to_end(pair.client)
        check(octets in (b"held012345", b"held01") and end == "reset", "%r, then %s", octets, end)
        pair.fault.ending(plan="reset-after=6 count=down", code="fault_reset", octets_down=len(octets))


def test_the_control_says_what_is_wrong():
    with Fault("127.0.0.1:1", "--control", "127.0.0.1:0") as fault:
        control = Control(fault)
        for document, needle in (({"latency": "soon"}, "latency is 'soon': expected a time"), ({"tea": 1}, "'tea'"),
                                 ({"refuse": "yes"}, "refuse: expected true or false"), ([], "an object"),
                                 ({"latency": {}}, "latency: expected a text"), ({"latency": True}, "expected a text"),
                                 ({"slice": 0}, "slice is '0'"), ({"latency": "x" * 5000}, "expected a text")):
            status, said = control.ask("PUT", "/faults", document)
            check(status == 400 and needle in said, "%r: %s %s", document, status, said)
        check(control.ask("PUT", "/faults", text="{")[0] == 400, "no JSON")
        check("line 1" in control.ask("PUT", "/faults", text="{")[1], "where it is none")
        check(control.ask("PUT", "/faults", text=" " * 70000)[0] == 413, "too much")
        for method, path, expected in (("GET", "/faults", 405), ("PUT", "/", 405), ("POST", "/faults", 405),
                                       ("GET", "/nothing", 404), ("GET", "/routes/x", 404), ("GET", "/routes/1/x", 404),
                                       ("OPTIONS", "/faults", 405), ("GET", "//", 404)):
            check(control.ask(method, path)[0] == expected, "%s %s: %r", method, path, control.ask(method, path))
        check(control.state()["routes"][0]["faults"] == {}, "something was set")


def test_the_control_is_not_reached_by_a_name():
    """A page in a browser may have its own name point here: the Host says so."""
    with Fault("127.0.0.1:1", "--control", "127.0.0.1:0") as fault:
        control = Control(fault)
        port = control.address.split(":")[1]
        for host in ("evil.example", "evil.example:" + port, "localhost.evil.example", "10.0.0.1:" + port, "[::2]:1",
                     "127.0.0.1.evil.example", "127.1.evil"):
            for method, path in (("GET", "/"), ("DELETE", "/faults"), ("PUT", "/faults")):
                status, said = control.ask(method, path, {} if method == "PUT" else None, host=host)
                check(status == 421 and "Host" in said, "%s: %s %s", host, status, said)
        for host in ("localhost", "LOCALHOST:" + port, "127.0.0.1", "127.8.8.8:1", "[::1]:" + port):
            check(control.ask("GET", "/", host=host)[0] == 200, "%s is refused", host)
    wrong(["--to", "127.0.0.1:1", "--control", "0.0.0.0:0"], "--control is '0.0.0.0:0'", "--control-remote")
    wrong(["--to", "127.0.0.1:1", "--control", "192.0.2.1:1"], "--control is '192.0.2.1:1'", "loopback")
    wrong(["--to", "127.0.0.1:1", "--control", "nonsense"], "--control is 'nonsense'", "expected HOST:PORT")
    with Fault("127.0.0.1:1", "--control", "0.0.0.0:0", "--control-remote") as fault:
        control = Control(fault)
        control.address = "127.0.0.1:" + control.address.split(":")[1]
        check(control.ask("GET", "/", host="192.0.2.7:80")[0] == 200, "an address is refused")
        check(control.ask("GET", "/", host="evil.example")[0] == 421, "a name is taken")


def test_the_control_while_it_drains():
    with Pair("--control", "127.0.0.1:0") as pair:
        control = Control(pair.fault)
        pair.client.sendall(b"x")
        read_exactly(pair.server, 1)
        pair.fault.process.send_signal(signal.SIGTERM)
        wait_for("the drain", lambda: control.state()["draining"])
        with Conn(control.address) as idle:    # it is not waited for
            pair.client.close()
            pair.server.close()
            check(pair.fault.wait() == {"peer_fin": 1}, "the summary")
            idle.sock.close()


# --- its own life -----------------------------------------------------------------------------------------------------


def test_drain_and_stop():
    with Pair() as pair:
        pair.fault.process.send_signal(signal.SIGTERM)

        def refused():
            try:
                pair.fault.connect().close()
            except ConnectionRefusedError:
                return True
            except ConnectionResetError:    # it waited to be accepted
                pass
            return False

        wait_for("the listener closed", refused)
        pair.client.sendall(b"still")
        check(read_exactly(pair.server, 5) == b"still", "the drain cut it")
        pair.fault.process.send_signal(signal.SIGTERM)
        check(read_to_end(pair.client) == (b"", "reset"), "not cut by the second signal")
        check(pair.fault.wait().get("stopped", 0) >= 1, "nothing was stopped")
        check(pair.fault.endings()[0]["code"] == "stopped", "%r", pair.fault.endings()[0])


def test_drain_has_an_end():
    with Pair("--drain", "50ms") as pair:
        check(pair.fault.stop() == {"stopped": 1}, "the summary")


def test_endings_on_standard_output():
    done = subprocess.Popen(PREFIX + [WEIR, "fault", "--to", "127.0.0.1:1", "--stall-after", "1", "--endings", "-"],
                            text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    port = int(re.search(r"listening on 127\.0\.0\.1:(\d+),", done.stderr.readline()).group(1))
    try:
        with socket.create_connection(("127.0.0.1", port), DEADLINE) as sock:
            read_to_end(sock)
    except ConnectionResetError:
        pass
    done.send_signal(signal.SIGINT)
    out, _ = done.communicate(timeout=DEADLINE)
    check(done.returncode == 0 and json.loads(out)["code"] == "dial_failed", "%s", out)


def test_lost_endings_are_a_failure():
    """What was asked for is not there: it is counted, said, and the exit status."""
    done = subprocess.Popen(PREFIX + [WEIR, "fault", "--to", "127.0.0.1:1", "--endings", "/dev/full"], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    port = int(re.search(r"listening on 127\.0\.0\.1:(\d+),", done.stderr.readline()).group(1))
    for _ in range(3):
        try:
            with socket.create_connection(("127.0.0.1", port), DEADLINE) as sock:
                read_to_end(sock)
        except ConnectionResetError:
            pass
    done.send_signal(signal.SIGINT)
    _, err = done.communicate(timeout=DEADLINE)
    check(done.returncode == 1 and "weir fault: /dev/full: 3 lines lost: No space left on device" in err, "%s", err)


def wrong(options, *needles, status=2):
    done = subprocess.run(PREFIX + [WEIR, "fault"] + options, capture_output=True, text=True, timeout=DEADLINE)
    said = done.stderr
    check(done.returncode == status and done.stdout == "" and said.count("\n") == 1, "%r: %d %s", options,
          done.returncode, said)
    check(said.startswith("weir fault: "), "%s", said)
    for needle in needles:
        check(needle in said, "%r is not in: %s", needle, said)


def test_wrong_usage():
    to = ["--to", "127.0.0.1:1"]
    wrong([], "--to is missing")
    for option, value in (("latency", "10x"), ("latency", "5ms+-10ms"), ("latency", "9ms..5ms"), ("latency", "x"),
                          ("rate", "0"), ("rate", "fast"), ("slice", "0"), ("slice", "7..1"), ("slice", "1..128k"),
                          ("reset-after", "-1"), ("fin-after", "5x"), ("stall-after", "1..5ms"), ("drop", "both"),
                          ("shape", "sideways"), ("count", "both"), ("chance", "1.5"), ("chance", "-0.1"),
                          ("chance", "0x1"), ("chance", "."), ("print-plan", "0"), ("print-plan", "3..2"),
                          ("seed", "x"), ("drain", "5x"), ("listen", "nonsense"), ("listen", "127.0.0.1:99999"),
                          ("listen", "unix:"), ("listen", "::1:80"), ("to", ":80"), ("to", "[::1]")):
        wrong(to + ["--" + option, value], "--%s is '%s'" % (option, value), "expected" if value != "unix:" else "path")
    wrong(to + ["--refuse=1"], "--refuse", "no value")
    for route, needle in (("x", "LISTEN=TO"), ("=127.0.0.1:1", "LISTEN=TO"), ("127.0.0.1:0=", "''"),
                          ("nonsense=127.0.0.1:1", "'nonsense'"), ("127.0.0.1:0=:80", "':80'")):
        wrong(["--route", route], "--route is '%s'" % route, needle)
    wrong(["--listen", "127.0.0.1:0", "--route", "127.0.0.1:0=127.0.0.1:1"], "--to is missing")
    wrong(to + ["here"], "'here'")


def test_wrong_plan_files():
    for text, needle in (("0 none", "'0'"), ("x none", "'x'"), ("2..1 none", "'2..1'"), ("1", "the row"),
                         ("\n1 slice=x", ":2: slice is 'x'"), ("1 sliced=1", "'sliced=1'"), ("1 refuse=1", "'refuse=1'"),
                         ("1 rate", "rate=SIZE"), ("1 none slice=3", "'slice=3'"), ("1 slice=3 none", "'none'"),
                         ("1 \x1b[2J=1", "'?[2J=1'"), ("1 listen=x", "'listen=x'")):
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(text + "\n")
            file.flush()
            wrong(["--print-plan", "1", "--plan", file.name], file.name, needle)
    wrong(["--print-plan", "1", "--plan", "/no/such/file"], "--plan", "/no/such/file", "No such file", status=1)


def test_what_the_system_refuses():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        wrong(["--to", "127.0.0.1:1", "--listen", address], "--listen", address, "in use", status=1)
        wrong(["--route", address + "=127.0.0.1:1"], "--route is '%s=127.0.0.1:1'" % address, "in use", status=1)
        wrong(["--to", "127.0.0.1:1", "--control", address], "--control is '%s'" % address, status=1)
    wrong(["--to", "127.0.0.1:1", "--endings", "/no/such/file"], "--endings", "/no/such/file", status=1)


if __name__ == "__main__":
    harness.run(globals())
