"""The measurements: CPU time a request under wrk, and memory an idle connection."""

import glob
import os
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from contestants import BENCH, BUILD, last_line

ROWS = {  # what wrk is told, for each kind of load
    "keep-alive": ([], 1),
    "pipelined": ([], 16),
    "connection": (["-H", "Connection: close"], 1),
}


class Failed(Exception):
    """One run gave no result; the text says why."""


@dataclass
class Run:
    us_per_request: float
    requests: int
    errors: int
    core_busy: float  # share of the server's core that the server used
    others_busy: float  # share of the whole machine that neither server nor generator used


def cpu_ns(server):
    """CPU time so far of all threads of all its processes: first field of schedstat."""
    total = 0
    for pid in server.processes():
        for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
            total += int(Path(path).read_text(encoding="ascii").split()[0])
    return total


def machine_busy_s():
    """Seconds that all cores together were busy since boot, time stolen by the host included."""
    ticks = [int(word) for word in Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")


def measure_cpu(server, row, core, seconds):
    options, depth = ROWS[row]
    command = ["wrk", "-t", "1", "-c", "100", "-d", f"{seconds}s", "-s", str(BENCH / "pipeline.lua"), *options,
               f"http://127.0.0.1:{server.port}/", "--", str(depth)]
    cpu, busy, started = cpu_ns(server), machine_busy_s(), time.monotonic()
    requests, errors, own_s = run_wrk(command, core, seconds + 20)
    time.sleep(0.1)  # for what the server still does about the connections that wrk left
    cpu, busy, wall = cpu_ns(server) - cpu, machine_busy_s() - busy, time.monotonic() - started
    if requests == 0 or server.process.poll() is not None:
        raise Failed(f"{requests} requests answered, {errors} errors, server "
                     f"{'runs' if server.process.poll() is None else 'ended'}")
    others = max(0.0, busy - own_s - cpu / 1e9) / (wall * os.cpu_count())
    return Run(cpu / 1e3 / requests, requests, errors, cpu / 1e9 / wall, others)


def run_wrk(command, core, timeout):
    before = os.times()
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout,
                              check=False, preexec_fn=lambda: os.sched_setaffinity(0, {core}))
    except subprocess.TimeoutExpired as error:
        raise Failed(f"wrk did not end within {timeout} s") from error
    after = os.times()
    counts = re.search(r"^counts (\d+) (\d+)$", done.stdout, re.MULTILINE)
    if not counts:
        raise Failed(f"wrk, status {done.returncode}: {last_line(done.stderr or done.stdout)}")
    own_s = after.children_user + after.children_system - before.children_user - before.children_system
    return int(counts[1]), int(counts[2]), own_s


def anonymous_octets(server):
    """Anonymous memory of all its processes, pages shared by a fork counted once."""
    total = 0
    for pid in server.processes():
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
        total += int(re.search(r"^Pss_Anon:\s+(\d+) kB", text, re.MULTILINE)[1]) * 1024
    return total


def measure_idle(server, core, count):
    """Octets of anonymous memory that each of count idle connections adds, and all the process then has."""
    with Idle(server.port, core, 10):  # code paths, caches and arenas that the first connection sets up
        pass
    time.sleep(0.5)
    before = anonymous_octets(server)
    with Idle(server.port, core, count) as idle:
        time.sleep(2)  # buffers are given back, timers run
        after = anonymous_octets(server)
    if idle.still < count:
        raise Failed(f"only {idle.still} of {count} idle connections were still open after 2 s")
    return (after - before) / count, after


class Idle:
    """bench/idle.c holding connections open while the block runs."""

    def __init__(self, port, core, count):
        self.command, self.core, self.count, self.still = [BUILD / "idle", str(port), str(count)], core, count, 0

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True,
                                        preexec_fn=lambda: os.sched_setaffinity(0, {self.core}))
        if self.process.stdout.readline().split()[:1] != ["open"]:
            raise Failed(last_line(self.process.communicate()[1]))
        return self

    def __exit__(self, *_):
        shown = self.process.communicate()[0].split()
        self.still = int(shown[1]) if shown[:1] == ["still"] else 0
