"""The strangers that are load generators: they tell how many answers were whole, and how many were not."""
import os
import re
import shutil
import subprocess
import tempfile

import harness
from programs import ENV, client, run


def number(pattern, text):
    found = re.search(pattern, text)
    return int(found[1]) if found else 0


def killed(command, server):
    """Kills it when each connection of the load is in the middle of a large answer."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          env=ENV) as process:
        try:
            harness.wait_for("four answers under way", lambda: server.ledger()["exchanges"]["alive"] >= 5)
        finally:
            process.kill()
    return {"complete": 4, "failed": 0}


def ab(act, url, file, server):
    command = ["ab", "-q", "-s", "60"]
    command += {"keep_alive": ["-k", "-n", "2000", "-c", "20"], "closing": ["-n", "500", "-c", "10"],
                "head": ["-i", "-n", "20", "-c", "2"],
                "abrupt": ["-n", "4", "-c", "4"]}.get(act, ["-n", "4", "-c", "2"])
    if act in ("upload", "refuse"):
        command += ["-p", file, "-T", "application/octet-stream"]
    if act == "abrupt":
        return killed(command + [url], server)
    said, _ = run(command + [url])
    return {"complete": number(r"Complete requests: +(\d+)", said), "failed": number(r"Failed requests: +(\d+)", said),
            "refused": number(r"Non-2xx responses: +(\d+)", said)}


def wrk(act, url, file, server):
    command = ["wrk", "-t1", "-d1s", "--timeout", "30s", "-c4"]
    if act == "closing":
        command += ["-H", "Connection: close"]
    if act in ("upload", "refuse"):
        command += ["-s", client("upload.lua")]
    if act == "abrupt":
        return killed(command + ["-d60s", url], server)
    said, _ = run(command + [url])
    errors = sum(int(n) for n in re.findall(r"\d+", (re.search(r"Socket errors:(.*)", said) or [0, ""])[1]))
    return {"complete": number(r"(\d+) requests in", said), "failed": errors,
            "refused": number(r"Non-2xx or 3xx responses: (\d+)", said)}


def hey(act, url, file, server):
    command = ["hey"] + {"keep_alive": ["-n", "2000", "-c", "20"], "head": ["-m", "HEAD", "-n", "20", "-c", "2"],
                         "closing": ["-disable-keepalive", "-n", "500", "-c", "10"],
                         "abrupt": ["-n", "4", "-c", "4"]}.get(act, ["-n", "4", "-c", "2"])
    if act in ("upload", "refuse"):
        command += ["-m", "POST", "-D", file]
    if act == "abrupt":
        return killed(command + [url], server)
    said, _ = run(command + [url])
    statuses = {int(s): int(n) for s, n in re.findall(r"\[(\d+)\]\s+(\d+) responses", said)}
    errors = said.partition("Error distribution")[2]
    return {"complete": sum(statuses.values()), "failed": sum(int(n) for n in re.findall(r"\[(\d+)\]", errors)),
            "refused": statuses.get(413, 0)}


def siege(act, url, file, server):
    with tempfile.TemporaryDirectory(prefix="strangers-") as home:
        rc = os.path.join(home, "rc")
        with open(rc, "w", encoding="utf-8") as settings:
            settings.write("connection = %s\nlogging = false\nparser = false\nverbose = true\nshow-logfile = false\n"
                           "protocol = HTTP/1.1\nlimit = 255\ntimeout = 60\n"
                           % ("close" if act == "closing" else "keep-alive"))
        command = ["env", "HOME=" + home, "siege", "-R", rc, "-b"]
        command += {"keep_alive": ["-c", "10", "-r", "100"], "closing": ["-c", "10", "-r", "50"],
                    "refuse": ["-c", "2", "-r", "1"], "abrupt": ["-c", "4", "-r", "4"]}.get(act, ["-c", "2", "-r", "2"])
        if act == "abrupt":
            return killed(command + [url], server)
        if act in ("upload", "refuse"):
            url += " POST <" + file
        said = "".join(run(command + [url]))
    # Each answer is a line; what is no answer is a line that says so.
    statuses = [int(n) for n in re.findall(r"HTTP/1\.1 (\d+)", said)]
    refused = statuses.count(413)
    wanted = int(command[command.index("-c") + 1]) * int(command[command.index("-r") + 1])
    return {"complete": statuses.count(200) + refused, "failed": wanted - statuses.count(200) - refused,
            "refused": refused}


MOST = ("keep_alive", "closing", "large", "chunked", "head", "upload", "refuse", "abrupt")


def without(*acts):
    return [act for act in MOST if act not in acts]


GENERATORS = {
    "ab": (ab, MOST, shutil.which("ab")),
    "wrk": (wrk, without("head"), shutil.which("wrk")),
    "hey": (hey, MOST, shutil.which("hey")),
    "siege": (siege, without("head", "chunked"), shutil.which("siege")),
}
