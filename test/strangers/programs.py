"""The strangers that are clients: how each is told to do an act, and what it tells of it. A name that is not installed
is not offered."""
import functools
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import harness
from harness import check

HERE = os.path.dirname(os.path.abspath(__file__))
ENV = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
ENV["NODE_PATH"] = os.pathsep.join([p for p in (ENV.get("NODE_PATH"), "/usr/share/nodejs", "/usr/lib/nodejs") if p])
SECONDS = harness.DEADLINE * 3
SHORT = ("small", "large", "chunked", "head", "upload", "streamed", "expect", "refuse", "keep_alive", "hints", "abrupt")


def run(command, status=(0,), **how):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, env=ENV, timeout=SECONDS, **how)
    check(done.returncode in status, "%s: exit status %d: %s", " ".join(command), done.returncode,
          (done.stdout + done.stderr)[-2000:].decode(errors="replace"))
    return done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


def killed_in_mid_answer(command):
    """Reads some of its output, then kills it."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          env=ENV) as process:
        octets = process.stdout.read(65536)
        process.kill()
    check(len(octets) == 65536, "%s ended after %d octets", command[0], len(octets))
    return {"status": 200}


def body_of(path):
    with open(path, "rb") as file:
        body = file.read()
    told = {"octets": len(body), "sha256": hashlib.sha256(body).hexdigest()}
    return dict(told, body=body.decode()) if len(body) < 1000 else told


def curl(act, url, file, _):
    if act == "abrupt":
        return killed_in_mid_answer(["curl", "-sS", url])
    with tempfile.TemporaryDirectory(prefix="strangers-") as folder:
        out, head = os.path.join(folder, "out"), os.path.join(folder, "head")
        if act == "keep_alive":
            said, _ = run(["curl", "-sS", "-o", out, "-w", "%{http_code} ", url + "?[1-100]"])
            return {"statuses": [int(word) for word in said.split()]}
        command = ["curl", "-sS", "-o", out, "-D", head, url]
        command += {"head": ["-I"], "upload": ["-H", "Expect:", "--data-binary", "@" + file],
                    "refuse": ["-H", "Expect:", "--data-binary", "@" + file],
                    "expect": ["--expect100-timeout", "60", "-H", "Expect: 100-continue", "--data-binary", "@" + file],
                    "streamed": ["-X", "POST", "-H", "Expect:", "-T", "-"]}.get(act, [])
        if act == "streamed":
            command = ["sh", "-c", 'file=$1; shift; cat "$file" | "$@"', "sh", file] + command
        # Status 55 and 56: the answer is there, and it could not send all.
        run(command, (0, 55, 56) if act == "refuse" else (0,))
        with open(head, encoding="latin-1") as lines:
            statuses = [int(line.split()[1]) for line in lines if line.startswith("HTTP/")]
        told = body_of(out) if act != "head" and os.path.exists(out) else {"octets": 0}
        return dict(told, status=statuses[-1], interim=statuses[:-1])


def wget(act, url, file, _):
    plain = ["wget", "--no-proxy", "--tries=1", "--content-on-error", "-nv", "-S"]
    if act == "abrupt":
        return killed_in_mid_answer(plain + ["-O", "-", url])
    with tempfile.TemporaryDirectory(prefix="strangers-") as folder:
        out = os.path.join(folder, "out")
        more = {"head": ["--spider"], "upload": ["--post-file", file], "refuse": ["--post-file", file],
                "refuse_cut": ["--post-file", file], "keep_alive": ["%s?%d" % (url, i) for i in range(99)]}.get(act, [])
        _, said = run(plain + ["-O", out] + more + [url], (4, 8) if act.startswith("refuse") else (0,))
        statuses = [int(n) for n in re.findall(r"^ *HTTP/1\.[01] (\d+)", said, re.M)]
        if act == "keep_alive":
            return {"statuses": statuses}
        told = body_of(out) if act != "head" else {"octets": 0}
        return dict(told, status=statuses[-1] if statuses else 0, interim=statuses[:-1])


def own(*command, takes_103=False):
    """A program of test/strangers/clients/, which tells by a line of JSON. One that `takes_103` for the final answer is
    expected to: a release that knows better shows here, and the page is to be changed."""
    def ask(act, url, file, _):
        if act == "refuse_cut":
            run(list(command) + ["refuse", url, file], (1,))
            return {"status": 0}
        said, _ = run(list(command) + [act, url, file])
        told = json.loads(said.splitlines()[-1])
        return dict(told, wanted=103) if act == "hints" and takes_103 else told
    return ask


def client(name):
    return os.path.join(HERE, "clients", name)


def python_with(module):
    """The Python that has it: a package of Debian is only there for Debian's, which need not be the one that runs."""
    for python in (sys.executable, "/usr/bin/python3"):
        if os.path.exists(python) and subprocess.run([python, "-c", "import " + module],
                                                     capture_output=True).returncode == 0:
            return python
    return None


def has_node_module(name):
    return shutil.which("node") and \
        subprocess.run(["node", "-e", "require('%s')" % name], env=ENV, capture_output=True).returncode == 0


def has_fetch():
    return shutil.which("node") and \
        subprocess.run(["node", "-e", "process.exit(typeof fetch == 'function' ? 0 : 1)"]).returncode == 0


@functools.cache
def go_program():
    folder = os.path.join(os.environ.get("BUILD", os.path.join(HERE, "..", "..", "build")), "strangers")
    os.makedirs(folder, exist_ok=True)
    program = os.path.join(os.path.abspath(folder), "stranger-go")
    env = dict(os.environ, GOCACHE=os.path.join(os.path.abspath(folder), "go"), GO111MODULE="off")
    subprocess.run(["go", "build", "-o", program, client("stranger.go")], check=True, env=env, timeout=600)
    return program


def go(act, url, file, server):
    return own(go_program())(act, url, file, server)


def without(*acts):
    return [act for act in SHORT if act not in acts]


PYTHON, REQUESTS, HTTPX = sys.executable, python_with("requests"), python_with("httpx")
# name -> (how to ask it, its acts, whether it is here)
CLIENTS = {
    "curl": (curl, SHORT, shutil.which("curl")),
    "wget": (wget, without("streamed", "expect") + ["refuse_cut"], shutil.which("wget")),
    "http.client": (own(PYTHON, client("python_http.py"), takes_103=True), without("expect"), True),
    "requests": (own(REQUESTS, client("python_requests.py"), takes_103=True), without("expect"), REQUESTS),
    "httpx": (own(HTTPX, client("python_httpx.py")), without("expect") + ["refuse_cut"], HTTPX),
    "node http": (own("node", client("node_http.mjs")), SHORT, shutil.which("node")),
    "node fetch": (own("node", client("node_fetch.mjs")), without("expect"), has_fetch()),
    "undici": (own("node", client("node_undici.js")), without("expect"), has_node_module("undici")),
    "Go": (go, SHORT, shutil.which("go")),
    "Java": (own("java", client("Stranger.java")), SHORT, shutil.which("java") and shutil.which("javac")),
}
