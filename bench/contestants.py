"""Who takes part in the benchmark: how each is installed, built, configured, started, checked and stopped."""

import glob
import http.client
import os
import resource
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parent
OUTPUT = ROOT / os.environ.get("BUILD", "build")
BUILD = OUTPUT / "bench"
HELLO = b"Hello, World!"
HYPER = BUILD / "hyper" / "target" / "release" / "weir-bench-hyper"
TOOL_PACKAGES = {"/usr/bin/wrk": "wrk", "/usr/bin/cc": "gcc"}


class LeftOut(Exception):
    """A contestant cannot take part; the text says why."""


@dataclass
class Contestant:
    name: str
    argv: list  # "@PORT@" and "@DIR@" are filled in at the start
    packages: dict = field(default_factory=dict)  # a file that shows it is installed (glob): Debian's package
    build: object = None  # called once, raises LeftOut
    config: str = ""  # a file in bench/peers, filled in like argv
    rows: tuple = ("keep-alive", "pipelined", "connection", "idle")
    body: bytes = HELLO

    def version(self):
        """Upstream version of the last package, the one that names the peer; '' without packages."""
        if not self.packages:
            return ""
        query = ["dpkg-query", "-W", "-f=${Version}", list(self.packages.values())[-1]]
        shown = subprocess.run(query, capture_output=True, text=True, check=False).stdout
        return shown.split(":")[-1].split("-")[0].split("+")[0]


def all_contestants():
    weir = shlex.split(os.environ.get("WEIR", str(OUTPUT / "weir")))
    hello = OUTPUT / "examples" / "hello"
    contestants = [
        Contestant("floor", [BUILD / "floor", "@PORT@"], build=lambda: compile_c("floor.c"),
                   rows=("keep-alive", "pipelined")),
        Contestant("weir", [*weir, "demo", "--workers", "1", "--listen", "127.0.0.1:@PORT@"],
                   build=lambda: require_built(weir[0])),
        # Not the default, as it hides an ending; but what h2o does too.
        Contestant("weir-defer", [*weir, "demo", "--defer-accept", "--workers", "1", "--listen", "127.0.0.1:@PORT@"],
                   build=lambda: require_built(weir[0])),
    ]
    if hello.exists():  # an example that need not be built; its body is its own
        contestants.append(Contestant("weir-hello", [hello, "127.0.0.1:@PORT@"], body=None))
    return contestants + [
        Contestant("hyper", [HYPER, "@PORT@"], build=build_hyper, packages={
            "/usr/bin/cargo": "cargo", "/usr/bin/rustc": "rustc",
            "/usr/share/cargo/registry/tokio-1*": "librust-tokio-dev",
            "/usr/share/cargo/registry/hyper-0.14*": "librust-hyper-dev"}),
        Contestant("nginx", ["/usr/sbin/nginx", "-p", "@DIR@", "-e", "stderr", "-c", "@DIR@/nginx.conf"],
                   packages={"/usr/sbin/nginx": "nginx"}, config="nginx.conf"),
        Contestant("h2o", ["/usr/bin/h2o", "-c", "@DIR@/h2o.conf"],
                   packages={"/usr/bin/h2o": "h2o"}, config="h2o.conf"),
        Contestant("lighttpd", ["/usr/sbin/lighttpd", "-D", "-f", "@DIR@/lighttpd.conf"],
                   packages={"/usr/sbin/lighttpd": "lighttpd"}, config="lighttpd.conf"),
        Contestant("libmicrohttpd", [BUILD / "mhd", "@PORT@"],
                   build=lambda: compile_c("peers/mhd.c", "-lmicrohttpd"),
                   packages={"/usr/include/microhttpd.h": "libmicrohttpd-dev"}),
    ]


# Installing and building


def missing_packages(wanted):
    """wanted: {file that shows it is there: package}."""
    return sorted({package for shown, package in wanted.items() if not glob.glob(shown)})


def install(packages, say):
    """tools/deps installs as root, and else prints the command; what is then still missing is left out by name."""
    say(f"not installed: {' '.join(packages)}")
    subprocess.run([ROOT / "tools" / "deps", "bench"], stdin=subprocess.DEVNULL, check=False)


def run_build(command, cwd=BENCH, env=None):
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LeftOut(f"`{shlex.join(map(str, command))}` failed: {last_line(done.stderr)}")


def compile_c(source, *libraries):
    """Unless the build has it already: CMake builds the floor with the flags that Weir has."""
    target = BUILD / Path(source).stem
    if target.exists() and target.stat().st_mtime > (BENCH / source).stat().st_mtime:
        return
    flags = ["-std=c11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra"]
    run_build([os.environ.get("CC", "cc"), *flags, source, "-o", target, *libraries])


def build_hyper():
    """In a copy, so that Cargo.lock and target/ stay out of the source tree; with Debian's compiler and crates."""
    if HYPER.exists() and all(HYPER.stat().st_mtime > file.stat().st_mtime
                              for file in (BENCH / "peers" / "hyper").rglob("*") if file.is_file()):
        return
    print("bench: building hyper, about half a minute", file=sys.stderr, flush=True)
    shutil.copytree(BENCH / "peers" / "hyper", BUILD / "hyper", dirs_exist_ok=True)
    env = {**os.environ, "CARGO_HOME": str(BUILD / "cargo-home"), "RUSTC": "/usr/bin/rustc"}
    run_build(["/usr/bin/cargo", "build", "--release", "--offline"], cwd=BUILD / "hyper", env=env)


def require_built(path):
    if not shutil.which(path):
        raise LeftOut(f"{path} is not there: `make` builds it, or WEIR=PATH names another")


def prepare(contestant):
    """Makes everything ready that a start needs; raises LeftOut."""
    gone = missing_packages(contestant.packages)
    if gone:
        raise LeftOut(f"not installed: {' '.join(gone)}")
    if contestant.build:
        contestant.build()
    (BUILD / "www").mkdir(parents=True, exist_ok=True)
    (BUILD / "www" / "index.txt").write_bytes(HELLO)


# A running server


class Server:
    """A started contestant, pinned to one core, checked to give the right answer. A context manager."""

    def __init__(self, contestant, core):
        self.contestant, self.core = contestant, core

    def __enter__(self):
        self.port = free_port()
        if self.contestant.config:
            text = (BENCH / "peers" / self.contestant.config).read_text(encoding="utf-8")
            (BUILD / self.contestant.config).write_text(self.fill(text), encoding="utf-8")
        self.log = BUILD / f"{self.contestant.name}.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([self.fill(str(word)) for word in self.contestant.argv], stdout=log,
                                            stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
                                            preexec_fn=self.confine)
        try:
            self.await_answer()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        """Asks twice (a second SIGTERM ends a drain), then kills the whole group."""
        for signum in (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):
            if self.process.poll() is None:
                os.killpg(self.process.pid, signum)
            try:
                self.process.wait(3)
                break
            except subprocess.TimeoutExpired:
                pass

    def fill(self, text):
        allowed = descriptors_allowed()
        for mark, value in (("@PORT@", self.port), ("@DIR@", BUILD), ("@FDS@", allowed), ("@HALF_FDS@", allowed // 2)):
            text = text.replace(mark, str(value))
        return text

    def confine(self):
        os.sched_setaffinity(0, {self.core})
        resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors_allowed(),) * 2)

    def await_answer(self):
        deadline = time.monotonic() + 5
        while True:
            try:
                return self.check_answer()
            except (OSError, http.client.HTTPException) as error:
                if self.process.poll() is not None:
                    raise LeftOut(f"ended at the start with status {self.process.returncode}: "
                                  f"{last_line(self.log.read_text(errors='replace'))}") from error
                if time.monotonic() > deadline:
                    raise LeftOut(f"no answer on port {self.port} within 5 s: {error}") from error
                time.sleep(0.02)

    def check_answer(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        connection.request("GET", "/")
        answer = connection.getresponse()
        body, kind = answer.read(), answer.headers.get("content-type", "")
        connection.close()
        expected = self.contestant.body
        if answer.status != 200 or (expected is not None and (body != expected or not kind.startswith("text/plain"))):
            raise LeftOut(f"wrong answer: {answer.status} {kind!r} {body[:40]!r}")

    def processes(self):
        """The ids of the server's processes, children included."""
        parents = {}
        for stat in glob.glob("/proc/[0-9]*/stat"):
            try:
                tail = Path(stat).read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
                parents.setdefault(int(tail[1]), []).append(int(stat.split("/")[2]))
            except OSError:
                continue  # it ended meanwhile
        found, queue = [], [self.process.pid]
        while queue:
            found.append(queue.pop())
            queue += parents.get(found[-1], [])
        return found


def descriptors_allowed():
    return min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 65536)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def last_line(text):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "(it said nothing)"
