"""The kernel's side, played from outside by strace: once, with the program as it is shipped."""
import os
import shutil
import subprocess
import tempfile

from common import WEIR, Demo, Skip, check


def can_trace():
    if shutil.which("strace") is None:
        raise Skip("there is no strace")
    tried = subprocess.run(["strace", "-o", "/dev/null", "-e", "inject=getppid:error=EPERM", "true"],
                           capture_output=True, check=False)
    if tried.returncode != 0:
        raise Skip("ptrace is not permitted")


def test_injected_by_strace():
    """Once from outside, with the program as it is shipped: one call in so many fails; most are answered, it drains."""
    can_trace()
    # epoll_ctl fails whatever it is asked, also to take a listener out, as no kernel does: once it could not come back.
    faults = {"recvfrom": "ECONNRESET:when=5+9", "sendto": "EPIPE:when=4+9", "setsockopt": "ENOPROTOOPT:when=4+2",
              "getsockname": "ENOBUFS:when=5+3", "accept4": "EMFILE:when=2+5", "epoll_ctl": "ENOMEM:when=9+4",
              "epoll_wait": "EINTR:when=3+2"}
    inject = [word for call, how in faults.items() for word in ("-e", f"inject={call}:error={how}")]
    with tempfile.TemporaryDirectory(prefix="weir-failing-") as folder:
        trace, socket_path = os.path.join(folder, "trace"), os.path.join(folder, "socket")
        # The tracer is the child of the traced one (-D): signals meet the program.
        wrapper = os.path.join(folder, "weir")
        with open(wrapper, "w", encoding="ascii") as file:
            file.write("#!/bin/sh\nexec strace -D -f -o %s %s %s \"$@\"\n" % (trace, " ".join(inject), WEIR))
        os.chmod(wrapper, 0o755)
        # A sanitizer's search for leaks would trace the process itself.
        env = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}
        with Demo("--listen", f"127.0.0.1:0,unix:{socket_path}", program=wrapper, env=env) as demo:
            check(demo.is_up(), "it did not start: %s", demo.said())
            answered = sum(b"Hello" in demo.get(unix=socket_path if i % 4 == 0 else None) for i in range(80))
            check(demo.stop() == 0, "not drained: %s", demo.said())
            check("the ledger balances" in demo.said(), "%s", demo.said())
        check(40 <= answered < 80, "%d of 80 answered", answered)
        with open(trace, encoding="utf-8", errors="replace") as file:
            check(file.read().count("(INJECTED)") > 5, "hardly anything was injected")
