"""Other servers, as Debian has them, each with the least configuration: beside Weir (they answer by themselves) and in
front of it (they pass requests on). Each runs in a directory of its own, on ports of its own, until stop()."""
import contextlib
import os
import random
import re
import shutil
import socket
import subprocess
import tempfile

from client import Conn
from common import Failure, check, wait_for

# Where the administrator's programs are, which is not in everybody's path.
PATH = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"

NGINX = """daemon off; master_process off; pid DIR/pid; error_log DIR/log;
events { worker_connections 64; }
http {
    access_log off;
    client_body_temp_path DIR/body; proxy_temp_path DIR/proxy; fastcgi_temp_path DIR/fastcgi;
    uwsgi_temp_path DIR/uwsgi; scgi_temp_path DIR/scgi;
    server {
        listen 127.0.0.1:BESIDE;
        location / { return 200 "served"; }
        location = /status/418 { return 418; }
    }
    upstream weir { server 127.0.0.1:WEIR; keepalive 4; }
    server {
        listen 127.0.0.1:BEFORE;
        location / { proxy_pass http://weir; proxy_http_version 1.1; proxy_set_header Connection ""; }
    }
}
"""
HAPROXY = """global
    maxconn 64
defaults
    mode http
    timeout client 20s
    timeout server 20s
    timeout connect 20s
frontend beside
    bind 127.0.0.1:BESIDE
    http-request return status 418 if { path /status/418 }
    http-request return status 200 content-type text/plain string served
frontend before
    bind 127.0.0.1:BEFORE
    default_backend weir
backend weir
    http-reuse always
    server weir 127.0.0.1:WEIR
"""
LIGHTTPD = """server.document-root = "DIR/www"
server.bind = "127.0.0.1"
server.port = BESIDE
server.errorlog = "DIR/log"
server.modules = ( "mod_access", "mod_proxy" )
$HTTP["url"] == "/status/418" { url.access-deny = ( "" ) }
$SERVER["socket"] == "127.0.0.1:BEFORE" {
    url.access-deny := ( )
    proxy.server = ( "" => ( ( "host" => "127.0.0.1", "port" => WEIR ) ) )
}
"""
APACHE = """ServerRoot DIR
ServerName localhost
PidFile DIR/pid
ErrorLog DIR/log
DefaultRuntimeDir DIR
LoadModule mpm_event_module MODULES/mod_mpm_event.so
LoadModule authz_core_module MODULES/mod_authz_core.so
LoadModule rewrite_module MODULES/mod_rewrite.so
LoadModule proxy_module MODULES/mod_proxy.so
LoadModule proxy_http_module MODULES/mod_proxy_http.so
StartServers 1
Listen 127.0.0.1:BESIDE
Listen 127.0.0.1:BEFORE
DocumentRoot DIR/www
<VirtualHost 127.0.0.1:BESIDE>
    RewriteEngine on
    RewriteRule ^/status/418 - [R=410,L]
    RewriteRule . - [R=200,L]
</VirtualHost>
<VirtualHost 127.0.0.1:BEFORE>
    ProxyPass / http://127.0.0.1:WEIR/
</VirtualHost>
"""


class Kind:
    """One program: how it is started, and what it answers to the hidden request when it serves by itself."""

    def __init__(self, name, program, config, arguments, version, hidden):
        self.name, self.program, self.config, self.arguments = name, program, config, arguments
        self.version_arguments, self.hidden = version, hidden

    def find(self):
        return shutil.which(self.program, path=PATH)

    def version(self):
        done = subprocess.run([self.find()] + self.version_arguments, capture_output=True, text=True, check=False)
        found = re.search(r"\d+\.\d+\.\d+", done.stdout + done.stderr)
        return found.group() if found else "?"


KINDS = [
    Kind("nginx", "nginx", NGINX, ["-p", "DIR", "-c", "DIR/config"], ["-v"], 418),
    Kind("HAProxy", "haproxy", HAPROXY, ["-db", "-f", "DIR/config"], ["-v"], 418),
    Kind("lighttpd", "lighttpd", LIGHTTPD, ["-D", "-f", "DIR/config"], ["-v"], 403),
    Kind("Apache", "apache2", APACHE, ["-DFOREGROUND", "-f", "DIR/config"], ["-v"], 410),
]


def free_ports(count):
    """For programs that are told their port: free at this moment, and below those that the kernel gives to whoever asks
    for any, so that no connection of another suite takes one before the program does."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        first = int(file.read().split()[0])
    with contextlib.ExitStack() as stack:
        ports = []
        while len(ports) < count:
            sock = stack.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                sock.bind(("127.0.0.1", random.randrange(first // 2, first) if first > 2048 else 0))
                ports.append(sock.getsockname()[1])
        return ports


@contextlib.contextmanager
def unheard_port():
    """One that refuses: it is taken, so that nobody else comes to listen there, and nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


class Peer:
    def __init__(self, kind, weir_address):
        self.kind = kind
        self.dir = tempfile.mkdtemp(prefix="weir-peer-")
        os.chmod(self.dir, 0o755)    # it may drop its privileges
        os.mkdir(os.path.join(self.dir, "www"))
        with open(os.path.join(self.dir, "www", "digest"), "w", encoding="ascii") as file:
            file.write("served")
        beside, before = free_ports(2)
        self.beside, self.before = "127.0.0.1:%d" % beside, "127.0.0.1:%d" % before
        values = {"DIR": self.dir, "BESIDE": beside, "BEFORE": before, "WEIR": weir_address.rsplit(":", 1)[1],
                  "MODULES": "/usr/lib/apache2/modules"}
        with open(os.path.join(self.dir, "config"), "w", encoding="ascii") as file:
            file.write(self._fill(kind.config, values))
        with open(os.path.join(self.dir, "said"), "wb") as said:
            self.process = subprocess.Popen([kind.find()] + [self._fill(a, values) for a in kind.arguments],
                                            cwd=self.dir, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                                            start_new_session=True)
        try:
            wait_for("%s to listen" % kind.name, self._listens)
        except Failure:
            self.stop()
            raise

    @staticmethod
    def _fill(text, values):
        return re.sub(r"\b(%s)\b" % "|".join(values), lambda match: str(values[match.group()]), text)

    def _listens(self):
        check(self.process.poll() is None, "%s ended at its start: %s", self.kind.name, self.said())
        try:
            Conn(self.beside).close()
            Conn(self.before).close()
        except ConnectionRefusedError:
            return False
        return True

    def said(self):
        text = ""
        for name in ("said", "log"):
            path = os.path.join(self.dir, name)
            if os.path.exists(path):
                with open(path, errors="replace") as file:
                    text += file.read()[-1000:]
        return text

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def start(kind, weir_address, attempts=3):
    """A port that was free may be another's by the time that the program asks for it: then with others."""
    while True:
        attempts -= 1
        try:
            return Peer(kind, weir_address)
        except Failure:
            if attempts == 0:
                raise
