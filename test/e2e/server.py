"""`weir demo` as a test starts it, asks it and stops it."""
import json
import os
import re
import resource
import shlex
import shutil
import signal
import subprocess
import tempfile

from client import Conn, request
from common import DEADLINE, Failure, check, wait_for
from records import ROOT, VERDICT, check_records

WEIR = os.path.abspath(os.environ.get("WEIR", os.path.join(ROOT, "build", "weir")))
PREFIX = shlex.split(os.environ.get("WEIR_PREFIX", ""))
CONTROL_ADDRESS = "127.0.0.77"
SANITIZER = re.compile(r"(ERROR|WARNING): \w+Sanitizer|runtime error:|Assertion .* failed|== (Invalid|Conditional)")


class Result:
    """What a server left behind: `records` of the test's connections, `control` of the harness's own."""

    def __init__(self, status, stderr, records, control):
        self.status, self.stderr, self.records, self.control = status, stderr, records, control


class Server:
    """`weir demo` on a free port (and on what else `listen` names, DIR being a directory of the server's own), from
    construction until stop()."""

    alive = []

    def __init__(self, *options, listen="", profile="production", nofile=None, endings=True):
        self.dir = tempfile.mkdtemp(prefix="weir-e2e-")
        self.endings_file = os.path.join(self.dir, "endings")
        self.stderr_file = os.path.join(self.dir, "stderr")
        self.listen = "127.0.0.1:0" + ("," + listen.replace("DIR", self.dir) if listen else "")
        self.nofile = nofile
        self.controls = 0
        self.control_peer = ""    # the last of them, as its record will name it
        self.status = None
        command = PREFIX + [WEIR, "demo", "--listen", self.listen, "--profile", profile]
        command += ["--endings", self.endings_file] if endings else []
        self.command = command + list(options)
        with open(self.stderr_file, "wb") as err:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=err, stderr=err,
                                            preexec_fn=self._limit if nofile else None)
        self.pid = self.process.pid
        Server.alive.append(self)
        self._await_start()

    def _limit(self):
        resource.setrlimit(resource.RLIMIT_NOFILE, (self.nofile, self.nofile))

    def _await_start(self):
        wanted = len(self.listen.split(","))

        def started():
            check(self.process.poll() is None, "the server ended at its start with %s: %s", self.process.poll(),
                  self.stderr())
            said = [line for line in self.stderr().splitlines(True) if "listening on" in line and line.endswith("\n")]
            said = "".join(said).split("live page")[0]
            return re.findall(r"(?:\d+\.\d+\.\d+\.\d+|\[[0-9a-f:]+\]):[1-9]\d*|unix:[^\s,]+", said)

        self.addresses = wait_for("the line `listening on`", lambda: len(started()) >= wanted and started())
        self.address = self.addresses[0]
        for given in self.listen.split(",")[1:]:    # the one that the test asked for comes before ours
            kind = given[:1] if given[:1] in "[u" else "1"
            self.address = [a for a in self.addresses if a[:1] == kind][-1]

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None and self.status is None:
            self.kill()

    def connect(self, **how):
        return Conn(self.address, **how)

    def control(self, path):
        """One request of the harness's own, on a connection that leaves its record under `control`."""
        with Conn(self.addresses[0], source=CONTROL_ADDRESS) as c:
            self.controls += 1
            self.control_peer = "%s:%d" % c.sock.getsockname()
            c.send(request("GET", path, "Connection: close\r\n"))
            r = c.read_response()
            c.expect_eof()
            return r

    def ledger(self):
        r = self.control("/.weir/endings")
        check(r.status == 200, "/.weir/endings: %r", r)
        return json.loads(r.body)

    def balance(self, ledger=None):
        """The ledger of a quiet moment, which must balance."""
        ledger = ledger or self.ledger()
        ended = ledger["ended"]
        check(ledger["accepted"] == ledger["alive"] + ended, "accepted %d, alive %d, ended %d", ledger["accepted"],
              ledger["alive"], ended)
        for table in VERDICT:
            total = sum(ledger["by_" + table].values())
            check(total == ended, "by_%s sums to %d, ended are %d", table, total, ended)
        octets = [ledger["octets_" + k] for k in ("acked", "unacked", "unsent", "in_flight")]
        check(ledger["octets_queued"] == sum(octets), "octets queued %d, accounted for %d: %r",
              ledger["octets_queued"], sum(octets), ledger)
        exchanges = ledger["exchanges"]
        check(exchanges["begun"] == exchanges["alive"] + exchanges["done"], "exchanges: %r", exchanges)
        check(exchanges["alive"] >= 0 and ledger["balanced"], "%r", ledger)
        return ledger

    def wait_accepted(self, count):
        """Until that many connections of the test were accepted."""
        return wait_for("%d accepted" % count, lambda: self.ledger()["accepted"] - self.controls >= count)

    def wait_endings(self, count, seconds=None):
        """Until that many connections of the test were accepted and every connection but the asking one has ended."""

        def all_ended():
            ledger = self.ledger()
            return ledger["accepted"] - self.controls >= count and ledger["alive"] == 1 and self.balance(ledger)

        try:
            return wait_for("%d endings" % count, all_ended, seconds)
        except Failure as failure:
            raise Failure("%s; the ledger: %r" % (failure, self.ledger()))

    def stderr(self):
        with open(self.stderr_file, errors="replace") as f:
            return f.read()

    def read_records(self):
        if not os.path.exists(self.endings_file):
            return []
        with open(self.endings_file) as f:
            return [json.loads(line) for line in f]

    def cpu_seconds(self):
        with open("/proc/%d/stat" % self.pid) as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def wait(self, seconds=None):
        try:
            self.status = self.process.wait(seconds or DEADLINE)
        except subprocess.TimeoutExpired:
            raise Failure("the server did not stop; its standard error: %s" % self.stderr()[-2000:])
        Server.alive.remove(self)
        return self.status

    def stop(self, status=0):
        """SIGTERM, then the end: its status and everything that it wrote are looked at."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        self.wait()
        return self.result(status)

    def result(self, status=0):
        stderr = self.stderr()
        check(not SANITIZER.search(stderr), "a sanitizer speaks: %s", stderr[:6000])
        check(self.status == status, "exit status %s, not %s: %s", self.status, status, stderr[-2000:])
        check("the ledger balances" in stderr, "no balanced ledger at the exit: %s", stderr[-2000:])
        records = self.read_records()
        check_records(records)
        control = [r for r in records if r["peer"].startswith(CONTROL_ADDRESS + ":")]
        records = [r for r in records if not r["peer"].startswith(CONTROL_ADDRESS + ":")]
        check(len(control) == self.controls, "%d control connections, %d of their records", self.controls,
              len(control))
        shutil.rmtree(self.dir, ignore_errors=True)
        return Result(self.status, stderr, records, control)

    def kill(self):
        if self in Server.alive:
            self.process.kill()
            self.wait()
        shutil.rmtree(self.dir, ignore_errors=True)
