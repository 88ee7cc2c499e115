"""Signals, logs, endings and the ledger at exit."""
import json
import os
import re
import signal
import socket
import struct
import subprocess
import tempfile
import time

from program import Demo, PATIENCE, read_all, read_until

GET = b"GET / HTTP/1.1\r\nHost: t\r\n\r\n"
GET_SLOW = b"GET /delay/600000 HTTP/1.1\r\nHost: t\r\n\r\n"


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def await_ledger(demo, is_so):
    """Until the ledger is so; it counts the connection that asks for it too."""
    deadline = time.monotonic() + 15 * PATIENCE
    while True:
        ledger = json.loads(demo.ask("/.weir/endings").body)
        if is_so(ledger):
            return
        assert time.monotonic() < deadline, ledger
        time.sleep(0.05)


def settle(demo, accepted):
    """Until all connections but the asking one have ended."""
    await_ledger(demo, lambda ledger: ledger["alive"] == 1 and ledger["accepted"] > accepted)


HALF_UPLOAD = b"POST /digest HTTP/1.1\r\nHost: t\r\nContent-Length: 8\r\n\r\nhalf"


def occupy(demo, s, octets=HALF_UPLOAD):
    """Asks for what is not answered by itself, until the server is at it."""
    s.sendall(octets)
    await_ledger(demo, lambda ledger: ledger["exchanges"]["alive"] == 2)


def drain(demo, idle):
    """Until the drain has begun, which an idle connection sees."""
    demo.signal()
    assert read_all(idle) == b""


def test_ledger_at_exit():
    with Demo() as demo:
        for _ in range(3):
            demo.ask("/")
        status, out, err = demo.stop()
    assert status == 0 and out == "", (status, out, err)
    assert re.search(r"^weir demo: listening on 127\.0\.0\.1:\d+, live page at http://127\.0\.0\.1:\d+/\.weir/$", err, re.M)
    assert re.search(r"^connections accepted +3$", err, re.M), err
    assert err.rstrip().endswith("the ledger balances"), err


def test_sigint_too():
    with Demo("--workers", "2") as demo:
        demo.ask("/")
        demo.signal(signal.SIGINT)
        status, _, err = demo.wait()
    assert status == 0 and "drained: " in err and "the ledger balances" in err


def test_rude_clients_are_no_failure():
    with Demo() as demo:
        for _ in range(20):
            s = demo.connect()
            s.sendall(GET)
            read_until(s, b"World!")
            reset(s)
            reset(demo.connect())
            s = demo.connect()
            s.sendall(b"GET / HT")
            reset(s)
        settle(demo, 60)
        status, _, err = demo.stop()
    assert status == 0 and "level=warn" not in err and "level=error" not in err, err
    assert re.search(r"^  peer_reset_idle +20  routine$", err, re.M), err
    assert "peer_reset_in_head" in err and "held back" in err


def test_exchanges_are_finished_in_a_drain():
    with Demo() as demo, demo.connect() as busy, demo.connect() as idle:
        idle.sendall(GET)
        read_until(idle, b"World!")
        occupy(demo, busy)
        drain(demo, idle)
        busy.sendall(b"half")
        answer = read_all(busy)
        busy.close()    # a server waits five seconds for it
        idle.close()
        status, _, err = demo.wait()
    assert b'{"octets":8,' in answer and b"onnection: close" in answer, answer
    assert status == 0 and re.search(r"drained: 2 closed in order, 0 cut", err), err


def is_refused(demo):
    try:
        demo.connect().close()
        return False
    except ConnectionError:
        return True


def test_new_connections_are_refused_in_a_drain():
    with Demo() as demo, demo.connect() as busy:
        occupy(demo, busy)
        demo.signal()
        deadline = time.monotonic() + 15 * PATIENCE
        while not is_refused(demo):    # the signal may take its time
            assert time.monotonic() < deadline, "connected while draining"
        assert demo.process.poll() is None
        busy.sendall(b"half")
        assert b"200 OK" in read_all(busy)
        busy.close()
        assert demo.wait()[0] == 0


def test_not_ready_while_draining():
    with Demo() as demo, demo.connect() as s, demo.connect() as idle:
        idle.sendall(GET)
        read_until(idle, b"World!")
        s.sendall(GET + b"GET /.weir/ready HTTP/1.1\r\nHost: t\r\n")    # read with the first, which is answered
        read_until(s, b"World!")
        drain(demo, idle)
        s.sendall(b"\r\n")
        answer = read_all(s)
        assert answer.startswith(b"HTTP/1.1 503 ") and answer.endswith(b"draining\n"), answer
        s.close()
        idle.close()
        assert demo.wait()[0] == 0


def test_events_end_with_a_drain():
    with Demo() as demo, demo.connect() as s:
        s.sendall(b"GET /events?every=50 HTTP/1.1\r\nHost: t\r\n\r\n")
        read_until(s, b"id: 2")
        began = time.monotonic()
        demo.signal()
        rest = read_all(s)
        s.close()  # as long as it is open the server stays for what may still come
        assert demo.wait()[0] == 0 and time.monotonic() - began < 4 * PATIENCE
    assert b"event: drain" in rest and rest.endswith(b"0\r\n\r\n"), rest


def test_second_signal_cuts():
    with Demo() as demo, demo.connect() as s, demo.connect() as idle:
        occupy(demo, s, GET_SLOW)
        drain(demo, idle)
        assert demo.process.poll() is None
        demo.signal()
        status, _, err = demo.wait(5)
        assert status == 0 and "1 cut (0 by the drain's deadline, 1 by a second signal)" in err, err
        assert re.search(r"^  stopped +1", err, re.M) and "the ledger balances" in err, err


def drain_that_fails(profile):
    with Demo("--drain", "200ms", "--profile", profile) as demo, demo.connect() as s:
        occupy(demo, s, GET_SLOW)
        return demo.stop()


def test_drain_deadline_and_profiles():
    status, _, err = drain_that_fails("production")
    assert status == 0 and "1 cut (1 by the drain's deadline" in err and "level=warn" in err, err
    status, _, err = drain_that_fails("test")
    assert status == 1 and "the run has failed: 1 " in err and "level=error" in err, err
    status, _, err = drain_that_fails("development")
    assert status == 0 and 'advice="allow more time to drain"' in err, err


def test_development_explains_routine():
    with Demo("--profile", "development") as demo:
        demo.ask("/")
        _, _, err = demo.stop()
    line = [line for line in err.splitlines() if "level=debug" in line][0]
    assert re.match(r'time=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z level=debug msg="connection ended" text="', line), line
    assert " code=close_requested " in line and " delivery=delivered " in line, line


def test_endings_file():
    with tempfile.TemporaryDirectory() as place:
        path = os.path.join(place, "endings")
        with open(path, "w") as f:
            f.write("kept\n")
        with Demo("--endings", path, "--workers", "2") as demo:
            for _ in range(50):
                demo.ask("/")
            demo.stop()
        with open(path) as f:
            lines = f.read().splitlines()
    assert lines[0] == "kept" and len(lines) == 51
    for line in lines[1:]:
        ending = json.loads(line)
        assert list(ending) == ["time", "id", "role", "peer", "local", "stage", "how", "by", "code", "delivery", "class",
                                "exchanges", "exchanges_done", "octets_in", "octets_out", "octets_acked", "octets_unsent",
                                "octets_unread", "lived_ms", "os", "trace"], line
        assert ending["role"] == "server" and ending["exchanges"] == 1 and ending["class"] == "routine"
        assert ending["octets_acked"] == ending["octets_out"] and isinstance(ending["lived_ms"], float), line


def test_endings_and_log_to_standard_output():
    with Demo("--endings", "-", "--log", "-", "--log-format", "json", "--profile", "development") as demo:
        demo.ask("/")
        status, out, err = demo.stop()
    lines = [json.loads(line) for line in out.splitlines()]
    assert status == 0 and len(lines) == 2 and "level" not in err, (out, err)
    log = [line for line in lines if "level" in line][0]
    assert log["level"] == "debug" and log["msg"] == "connection ended" and log["code"] == "close_requested"
    assert log["text"] and log["time"].endswith("Z")


def test_lost_lines_do_not_stop_it():
    with Demo("--endings", "/dev/full", "--log", "/dev/full", "--profile", "development") as demo:
        for _ in range(5):
            assert demo.ask("/").status == 200
        status, _, err = demo.stop()
    assert status == 1 and err.count("/dev/full: 5 lines lost: No space left on device") == 2, err


def test_a_log_that_is_lost_is_no_failure():
    with Demo("--log", "/dev/full", "--profile", "development") as demo:
        assert demo.ask("/").status == 200
        status, _, err = demo.stop()
    assert status == 0 and "/dev/full: 1 line lost: No space left on device" in err, err


def test_reader_of_standard_output_gone():
    """Who reads the endings may leave; serving goes on."""
    reader, writer = os.pipe()
    with Demo("--endings", "-", stdout=writer) as demo:
        os.close(writer)
        os.close(reader)
        for _ in range(3):
            assert demo.ask("/").status == 200
        demo.signal()
        assert demo.process.wait(timeout=10 * PATIENCE) == 1
        assert "3 lines lost: Broken pipe" in demo.stderr(), demo.stderr()


def test_limits_reach_the_server():
    with Demo("--field-count-max", "10", "--body-size-max", "1k", "--head-timeout", "300ms") as demo:
        assert demo.ask("/", fields=[f"X-{i}: 1" for i in range(20)]).status == 431
        assert demo.ask("/digest", method="POST", fields=["Content-Length: 1025"]).status == 413
        with demo.connect() as s:
            s.sendall(b"GET / HT")
            assert read_all(s).startswith(b"HTTP/1.1 408 ")
        _, _, err = demo.stop()
    for code in ("too_many_fields", "body_too_large", "head_timeout"):
        assert re.search(rf"^  {code} +1  notable$", err, re.M), (code, err)


def test_lenient():
    bare = b"GET / HTTP/1.1\nHost: t\nConnection: close\n\n"
    for args, expected in (([], b"400"), (["--lenient"], b"200")):
        with Demo(*args) as demo, demo.connect() as s:
            s.sendall(bare)
            assert read_all(s).startswith(b"HTTP/1.1 " + expected)


def test_connections_limit():
    with Demo("--connections-max", "2") as demo, demo.connect() as one:
        one.sendall(b"GET /delay/500 HTTP/1.1\r\nHost: t\r\n\r\n")
        for _ in range(5):
            assert demo.ask("/").status == 200
        read_until(one, b"World!")


def test_two_servers_one_endings_file():
    """Lines of several processes never mix."""
    with tempfile.TemporaryDirectory() as place:
        path = os.path.join(place, "endings")
        with Demo("--endings", path) as a, Demo("--endings", path) as b:
            for _ in range(40):
                a.ask("/")
                b.ask("/")
            a.stop()
            b.stop()
        with open(path) as f:
            assert len([json.loads(line) for line in f]) == 80


def test_stopped_before_anyone_came():
    with Demo(stdout=subprocess.DEVNULL) as demo:
        status, _, err = demo.stop()
    assert status == 0 and re.search(r"^connections accepted +0$", err, re.M) and "balances" in err
