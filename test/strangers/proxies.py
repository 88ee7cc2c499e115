"""The strangers that stand in front: each keeps its connections to Weir for the next request. A proxy is started on a
unix socket for a server that runs, and stopped; what goes through it is asked by the exact client of test/e2e."""
import contextlib
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading

import harness
from acts import PATHS
from harness import Conn, check, request

NGINX = """
daemon off;
master_process off;
user root;
pid %(dir)s/pid;
error_log stderr warn;
events { worker_connections 512; }
http {
    access_log off;
    client_body_temp_path %(dir)s/body;
    proxy_temp_path %(dir)s/proxy;
    fastcgi_temp_path %(dir)s/fastcgi;
    uwsgi_temp_path %(dir)s/uwsgi;
    scgi_temp_path %(dir)s/scgi;
    upstream weir { server %(server)s; keepalive 16; }
    server {
        listen unix:%(dir)s/front;
        client_max_body_size 0;
        location / {
            proxy_pass http://weir;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_request_buffering off;
            proxy_max_temp_file_size 0;
        }
    }
}
"""
HAPROXY = """
global
    maxconn 256
defaults
    mode http
    timeout connect 10s
    timeout client 60s
    timeout server 60s
    http-reuse always
frontend front
    bind unix@%(dir)s/front
    default_backend weir
backend weir
    server weir %(server)s
"""
VARNISH = """
vcl 4.1;
backend weir { .host = "%(host)s"; .port = "%(port)s"; }
sub vcl_recv { return (pass); }
"""


class Proxy:
    def __init__(self, program, settings, command, stop=signal.SIGTERM):
        self.program, self.settings, self.command, self.stop = program, settings, command, stop

    def here(self):
        return shutil.which(self.program, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")

    @contextlib.contextmanager
    def before(self, server):
        """Yields the address of the front; the proxy is gone afterwards."""
        with tempfile.TemporaryDirectory(prefix="strangers-", ignore_cleanup_errors=True) as folder:
            os.chmod(folder, 0o755)
            host, port = server.address.rsplit(":", 1)
            values = {"dir": folder, "server": server.address, "host": host, "port": port}
            with open(os.path.join(folder, "settings"), "w", encoding="utf-8") as file:
                file.write(self.settings % values)
            said = os.path.join(folder, "said")
            with open(said, "wb") as log:
                process = subprocess.Popen([self.here()] + [word % values for word in self.command],
                                           stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            try:
                harness.wait_for("the front of " + self.program, lambda: accepts(folder + "/front", process, said))
                yield "unix:" + folder + "/front"
            finally:
                process.send_signal(self.stop)
                try:
                    process.wait(harness.DEADLINE)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def accepts(path, process, said):
    if process.poll() is not None:
        with open(said, encoding="utf-8", errors="replace") as log:
            raise harness.Failure("a proxy did not start: %s" % log.read()[-2000:])
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(path) == 0


PROXIES = {
    "nginx": Proxy("nginx", NGINX, ["-p", "%(dir)s", "-e", "stderr", "-c", "%(dir)s/settings"], signal.SIGQUIT),
    "HAProxy": Proxy("haproxy", HAPROXY, ["-db", "-f", "%(dir)s/settings"]),
    "Varnish": Proxy("varnishd", VARNISH, ["-F", "-n", "%(dir)s/work", "-a", "%(dir)s/front", "-f", "%(dir)s/settings",
                                           "-s", "malloc,16m"]),
}


def sender(conn, octets):
    """Sends from another thread, so that an early answer is read while the body is on its way."""
    def send():
        with contextlib.suppress(OSError):
            conn.sock.sendall(octets)
    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    return thread


def in_chunks(octets, size=65536):
    pieces = []
    for at in range(0, len(octets), size):
        piece = octets[at:at + size]
        pieces += [b"%x\r\n" % len(piece), piece, b"\r\n"]
    return b"".join(pieces) + b"0\r\n\r\n"


def told(response):
    text = response.body.decode() if len(response.body) < 1000 else ""
    return {"status": response.status, "octets": len(response.body), "body": text,
            "sha256": hashlib.sha256(response.body).hexdigest(), "interim": [r.status for r in response.interim]}


def sent(conn, act, path):
    with open(path, "rb") as file:
        octets = file.read()
    length = "Content-Length: %d\r\n" % len(octets)
    if act == "streamed":
        head, octets = request("POST", PATHS[act], "Transfer-Encoding: chunked\r\n"), in_chunks(octets)
    elif act == "expect":
        conn.send(request("POST", PATHS[act], length + "Expect: 100-continue\r\n"))
        check(conn._head().status == 100, "no 100")
        head = b""
    else:
        head = request("POST", PATHS[act], length)
    thread = sender(conn, head + octets)
    response = conn.read_response()
    if act != "refuse":
        thread.join(harness.DEADLINE)
    return told(response)


def ask(front, act, path):
    with Conn(front) as conn:
        if act == "head":
            conn.send(request("HEAD", PATHS[act]))
            return told(conn.read_response("HEAD"))
        if act in ("upload", "streamed", "expect", "refuse"):
            return sent(conn, act, path)
        if act == "keep_alive":
            return {"statuses": [conn.get(PATHS[act]).status for _ in range(100)]}
        if act == "closing":
            return {"complete": sum(one_each(front) == 200 for _ in range(50)), "failed": 0}
        if act == "abrupt":
            conn.send(request("GET", PATHS[act]))
            conn.read_exactly(65536)
            return {"status": 200}
        return told(conn.get(PATHS[act]))


def one_each(front):
    with Conn(front) as conn:
        return conn.get("/", "Connection: close\r\n").status
