"""The table of calls is whole: what the library and the program import is in it, so that a new call is made to fail too,
or is spared for a reason that somebody wrote down."""
import glob
import os
import re
import subprocess

from common import BUILD, KIND, Skip, check

FOLDER = os.path.dirname(os.path.abspath(__file__))


def source():
    with open(os.path.join(FOLDER, "play", "calls.h"), encoding="utf-8") as file:
        return file.read()


def failing():
    """The names of the calls that are made to fail."""
    return set(re.findall(r"^ {4}CALL\((\w+),", source(), re.M))


def spared():
    rows = source().split("#define CALLS_SPARED", 1)[1]
    why_and_names = re.findall(r'WHY\("[^"]*", \\\n((?:\s*"[^"]*"\s*\\?\n?)+)', rows)
    return set(" ".join(re.findall(r'"([^"]*)"', " ".join(why_and_names))).split())


def symbols(*how):
    listing = subprocess.run(["nm", *how], capture_output=True, text=True, check=True).stdout
    return {line.split()[-1].split("@")[0] for line in listing.splitlines() if line and not line.endswith(":")}


def of_demo():
    """What the files of `weir demo` call beyond each other and the library. (Other commands have suites of their own.)"""
    folder = os.path.join(BUILD, "CMakeFiles", "weir_cli.dir", "cli")
    objects = glob.glob(os.path.join(folder, "**", "*.o"), recursive=True)
    demo = [path for path in objects if re.match(r"demo/|common/(log|options|sink|text)", os.path.relpath(path, folder))]
    check(len(demo) > 10, "only %d objects of the program in %s", len(demo), BUILD)
    return symbols("--undefined-only", *demo) - symbols("--defined-only", *objects)


def test_every_call_is_listed():
    if KIND != "default":
        raise Skip("a sanitizer's build imports the sanitizer's calls")
    check(not failing() & spared(), "in both tables: %s", failing() & spared())
    library = os.path.join(BUILD, "libweir.so")
    calls = symbols("-D", "--undefined-only", library)
    check(len(calls) > 40, "nm shows only %d names", len(calls))
    calls |= of_demo() - symbols("-D", "--defined-only", library)
    # A hardened build calls the checked twin of a function. The linker wraps names: it would not see a twin fail.
    checked = {match.group(1) for match in map(re.compile(r"__(\w+)_chk$").match, calls) if match}
    check(not checked & failing(), "no row makes these fail in a hardened build: %s", checked & failing())
    calls = {call for call in calls if not re.match(r"__\w+_chk$", call)} | checked
    unlisted = calls - failing() - spared()
    check(not unlisted, "calls that no row of test/failing/play/calls.h names: %s", " ".join(sorted(unlisted)))
