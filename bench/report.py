"""From the runs to medians, ratios, goals and the tables."""

import os
import platform
import re
from pathlib import Path
from statistics import median

HEADINGS = {  # row: (heading, held against)
    "keep-alive": ("keep-alive", "floor"),
    "pipelined": ("pipelined ×16", "floor"),
    "connection": ("new connection each", "h2o"),
}
GOALS = {"keep-alive": 1.08, "pipelined": 1.3, "connection": 0.9}
IDLE_GOAL = 256


def ratio(runs, row, name):
    """Median over the rounds of this contestant's cost through that of the one it is held against, or None.

    Both come from the same round, so a machine that grows slower meanwhile slows both.
    """
    own, base = runs[row].get(name, {}), runs[row].get(HEADINGS[row][1], {})
    rounds = own.keys() & base.keys()
    return median(own[i].us_per_request / base[i].us_per_request for i in rounds) if rounds else None


def cost(runs, row, name):
    own = runs[row].get(name)
    return median(run.us_per_request for run in own.values()) if own else None


def shown(value, digits=2):
    return "–" if value is None else f"{value:,.{digits}f}"


def table(names, runs, idle):
    """Rows of text cells, the first one the heading."""
    heading = ["µs of CPU a request"]
    for row in runs:
        heading += [HEADINGS[row][0], f"× {HEADINGS[row][1]}"]
    lines = [heading + (["octets an idle connection", "process, KiB"] if idle is not None else [])]
    for name in names:
        cells = [name]
        for row in runs:
            cells += [shown(cost(runs, row, name)), shown(ratio(runs, row, name))]
        if idle is not None:
            each, whole = idle.get(name, (None, None))
            cells += [shown(each, 0), shown(whole and whole / 1024, 0)]
        lines.append(cells)
    return lines


def goals(names, runs, idle):
    """(contestant, what, measured, goal, met); measured is None where a side of it is missing."""
    found = []
    for name in (name for name in names if name.startswith("weir")):
        for row in runs:
            value = ratio(runs, row, name)
            found.append((name, HEADINGS[row][0], value, f"≤ {GOALS[row]} × {HEADINGS[row][1]}",
                          value is not None and value <= GOALS[row]))
        if idle is not None:
            value = idle.get(name, (None,))[0]
            found.append((name, "idle connection", value, f"≤ {IDLE_GOAL} octets",
                          value is not None and value <= IDLE_GOAL))
    return found


def goal_lines(found):
    for name, what, value, goal, met in found:
        verdict = "not measured" if value is None else "met" if met else "missed"
        yield f"{name}, {what}: {shown(value, 0 if 'octets' in goal else 2)}, goal {goal}: {verdict}"


def noise(runs):
    """How far to trust it: the spread of one contestant's runs, and what else the machine did."""
    spreads, others = [], []
    for by_name in runs.values():
        for own in by_name.values():
            costs = [run.us_per_request for run in own.values()]
            spreads.append((max(costs) - min(costs)) / median(costs))
            others += [run.others_busy for run in own.values()]
    if not spreads:
        return "no CPU time was measured"
    return (f"dearest and cheapest run of one contestant lie {median(spreads):.0%} apart in the median, "
            f"{max(spreads):.0%} at most; other work took {median(others):.0%} of the machine in the median, "
            f"{max(others):.0%} at most" + (" - too much to trust the ratios" if median(others) > 0.05 else ""))


def error_lines(runs):
    for row, by_name in runs.items():
        for name, own in by_name.items():
            errors = sum(run.errors for run in own.values())
            if errors:
                requests = sum(run.requests for run in own.values())
                yield f"Errors: {name}, {HEADINGS[row][0]}: wrk counted {errors} beside {requests} requests answered."


def machine():
    model = re.search(r"^model name\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    return (f"{os.cpu_count()} cores of {model[1] if model else platform.machine()}, "
            f"Linux {platform.release().split('-')[0]}")


def as_text(lines):
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    for line in lines:
        yield "  ".join([line[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(line[1:], widths[1:])])


def as_markdown(lines):
    yield "| " + " | ".join(lines[0]) + " |"
    yield "|---|" + "---:|" * (len(lines[0]) - 1)
    for line in lines[1:]:
        yield "| " + " | ".join(line) + " |"


def as_json(names, runs, idle, settings):
    return {
        "machine": machine(),
        "settings": settings,
        "rows": {row: {name: {"us_per_request": cost(runs, row, name), "against": HEADINGS[row][1],
                              "ratio": ratio(runs, row, name), "runs": [vars(run) for run in own.values()]}
                       for name, own in by_name.items()} for row, by_name in runs.items()},
        "idle": {name: {"octets_per_connection": each, "anonymous_octets": whole}
                 for name, (each, whole) in (idle or {}).items()},
        "goals": [dict(zip(("contestant", "what", "measured", "goal", "met"), goal))
                  for goal in goals(names, runs, idle)],
    }
