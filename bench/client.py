"""The client's row: CPU time a request of Weir's pool, and of libcurl's multi interface, both asking the floor."""

import os
import re
import subprocess
from statistics import median

from contestants import BUILD, LeftOut, Server, compile_c, last_line

CONCURRENCY = {50: 30000, 1: 8000}  # at a time: requests for each second that a run is to take, about
NAMES = ["client_weir", "client_curl"]
GOAL = 0.8
HELLO_SIZE = 13


def make_ready(say):
    """The generators that can take part: both, or only ours where libcurl's headers are missing."""
    ready = []
    for name in NAMES:
        try:
            if name == "client_curl":
                compile_c("client_curl.c", "-lcurl")
            elif not (BUILD / name).exists():
                raise LeftOut(f"{BUILD / name} is not there: `make` builds it")
            ready.append(name)
        except LeftOut as reason:
            say(f"{name} is left out: {reason}")
    return ready


def run_once(name, server, core, concurrency, requests):
    """Microseconds of CPU a request, of the generator."""
    done = subprocess.run([BUILD / name, f"http://127.0.0.1:{server.port}/", str(concurrency), str(requests)],
                          capture_output=True, text=True, check=False, timeout=600,
                          preexec_fn=lambda: os.sched_setaffinity(0, {core}))
    told = re.search(r"^client requests (\d+) octets (\d+) failed (\d+) cpu_ns (\d+) ", done.stdout, re.MULTILINE)
    if done.returncode or not told:
        raise LeftOut(f"{name} ended with {done.returncode}: {last_line(done.stderr)}")
    count, octets, failed, cpu_ns = (int(word) for word in told.groups())
    if failed or octets != count * HELLO_SIZE:
        raise LeftOut(f"{name}: {failed} of {count} requests failed, {octets} octets came")
    return cpu_ns / 1000 / count


def measure(floor, options, core_pair, say):
    """{concurrency: {name: [us a request, by round]}}; A B A B, and the other way round in every second round."""
    ready = make_ready(say)
    found = {}
    try:
        compile_c("floor.c")
        with Server(floor, core_pair[0]) as server:
            for number in range(options.runs):
                for concurrency, rate in CONCURRENCY.items():
                    for name in ready if number % 2 == 0 else reversed(ready):
                        us = run_once(name, server, core_pair[1], concurrency, rate * options.seconds)
                        found.setdefault(concurrency, {}).setdefault(name, []).append(us)
                say(f"client, round {number + 1} of {options.runs} done")
    except LeftOut as reason:
        say(f"client: {reason}")
    return found


def ratio(runs):
    """Median of the ratios within each round; None without libcurl."""
    pairs = list(zip(runs.get("client_weir", []), runs.get("client_curl", [])))
    return median(own / other for own, other in pairs) if pairs else None


def table(found):
    lines = [["µs of the client's CPU a request", "Weir", "libcurl", "× libcurl"]]
    for concurrency, runs in found.items():
        cells = [median(runs[name]) if name in runs else None for name in NAMES] + [ratio(runs)]
        lines.append([f"{concurrency} at a time"] + ["–" if cell is None else f"{cell:.2f}" for cell in cells])
    return lines


def goal_lines(found):
    for concurrency, runs in found.items():
        value = ratio(runs)
        verdict = "not measured" if value is None else "met" if value <= GOAL else "missed"
        spread = max((max(us) - min(us)) / median(us) for us in runs.values())
        yield (f"client, {concurrency} at a time: {'–' if value is None else f'{value:.2f}'}, goal ≤ {GOAL} × libcurl: "
               f"{verdict} (runs lie {spread:.0%} apart)")


def as_json(found):
    return {str(concurrency): {"us_per_request": runs, "ratio": ratio(runs), "goal": GOAL}
            for concurrency, runs in found.items()}
