"""The servers that nobody here wrote: how each is set up, started and stopped. Each runs in a directory of its own, on a
port (and, where it can, a unix socket) of its own. What a path answers is the same for all:

    /small 13 octets   /large 32 MiB   /chunked the same in chunks   /empty 204   /same 304   /close closes after it
"""
import contextlib
import functools
import hashlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile

from common import check, wait_for
from peers import PATH, free_ports

HERE = os.path.dirname(os.path.abspath(__file__))
SMALL = b"Hello, World!"
LARGE_SIZE = 32 << 20
EVERY = ("keep_alive", "bodies", "upload", "close")
OWN = EVERY + ("hints", "trailers", "refusals", "unmentioned", "cuts", "vanish", "unix")

NGINX = """daemon off; master_process off; user root; pid DIR/pid; error_log DIR/log;
events { worker_connections 256; }
http {
    access_log off;
    client_body_temp_path DIR/body; proxy_temp_path DIR/proxy; fastcgi_temp_path DIR/fastcgi;
    uwsgi_temp_path DIR/uwsgi; scgi_temp_path DIR/scgi;
    root DIR/www; client_max_body_size 64m; keepalive_requests 10000;
    server {
        listen 127.0.0.1:PORT;
        listen unix:DIR/socket;
        location = /chunked { ssi on; ssi_types *; }
        location = /empty { return 204; }
        location = /same { return 304; }
        location = /close { keepalive_timeout 0; }
        location /put/ { dav_methods PUT; }
        location /refused-413 { client_max_body_size 1k; dav_methods PUT; }
    }
}
"""
APACHE = """ServerRoot DIR
ServerName localhost
PidFile DIR/pid
ErrorLog DIR/log
DefaultRuntimeDir DIR
LoadModule mpm_event_module MODULES/mod_mpm_event.so
LoadModule authz_core_module MODULES/mod_authz_core.so
LoadModule alias_module MODULES/mod_alias.so
LoadModule include_module MODULES/mod_include.so
LoadModule setenvif_module MODULES/mod_setenvif.so
LoadModule dav_module MODULES/mod_dav.so
LoadModule dav_fs_module MODULES/mod_dav_fs.so
StartServers 1
Listen 127.0.0.1:PORT
MaxKeepAliveRequests 0
DocumentRoot DIR/www
DavLockDB DIR/www/put/lock
SetEnvIf Request_URI ^/close nokeepalive
RedirectMatch 204 ^/empty$
<Location /chunked>
    Options +Includes
    SetOutputFilter INCLUDES
</Location>
<Location /put/>
    Dav on
</Location>
<Location /put/refused-413>
    LimitRequestBody 1000
</Location>
"""
LIGHTTPD = """server.document-root = "DIR/www"
server.bind = "127.0.0.1"
server.port = PORT
server.errorlog = "DIR/log"
server.max-keep-alive-requests = 10000
server.modules = ( "mod_alias", "mod_cgi" )
server.stream-response-body = 1
server.upload-dirs = ( "DIR" )
alias.url = ( "/digest" => "DIR/cgi/digest", "/chunked" => "DIR/cgi/chunked", "/empty" => "DIR/cgi/empty",
              "/same" => "DIR/cgi/same" )
$HTTP["url"] =~ "^/(digest|chunked|empty|same)$" { cgi.assign = ( "" => "" ) }
$HTTP["url"] == "/close" { server.max-keep-alive-requests = 0 }
$SERVER["socket"] == "DIR/socket" { }
"""
HAPROXY = """global
    maxconn 256
defaults
    mode http
    timeout client 60s
    timeout server 60s
    timeout connect 20s
frontend front
    bind 127.0.0.1:PORT
    bind unix@DIR/socket
    http-request set-uri %[pathq] if { url_beg http:// }
    http-request set-var(txn.path) path
    http-after-response set-header Connection close if { var(txn.path) -m str /close }
    http-request early-hint Link "</a.css>; rel=preload" if { path /hinted }
    http-request set-path /small if { path /hinted }
    http-request deny deny_status 413 if { path /refused-413 }
    default_backend behind
backend behind
    http-reuse always
    server behind 127.0.0.1:BEHIND
"""
CGI = """#!PYTHON
import hashlib, os, shutil, sys
out = sys.stdout.buffer
out.write(%r)
out.flush()
%s
"""
CGI_PAGES = {
    "digest": (b"Content-Type: text/plain\r\n\r\n",
               "digest, octets = hashlib.sha256(), 0\n"
               "for piece in iter(lambda: sys.stdin.buffer.read(65536), b''):\n"
               "    digest.update(piece)\n    octets += len(piece)\n"
               "out.write(('%d %s -' % (octets, digest.hexdigest())).encode())"),
    "chunked": (b"Content-Type: text/plain\r\n\r\n",
                "with open('DIR/www/large', 'rb') as file:\n    shutil.copyfileobj(file, out, 65536)"),
    "empty": (b"Status: 204\r\n\r\n", ""),
    "same": (b"Status: 304\r\nETag: \"a\"\r\n\r\n", ""),
}


class Kind:
    """One program. `upload` says how a body gets there: `put` and is read back, or `digest` and it is told of."""

    def __init__(self, name, program, config, arguments, scenes, upload="digest", behind=None):
        self.name, self.program, self.config, self.arguments = name, program, config, arguments
        self.scenes, self.upload, self.behind = scenes, upload, behind

    def find(self):
        return shutil.which(self.program, path=PATH)


KINDS = [
    Kind("nginx", "nginx", NGINX, ["-p", "DIR", "-c", "DIR/config"], EVERY + ("unix", "refused_413"), "put"),
    Kind("apache", "apache2", APACHE, ["-DFOREGROUND", "-f", "DIR/config"], EVERY + ("refused_413",), "put"),
    Kind("lighttpd", "lighttpd", LIGHTTPD, ["-D", "-f", "DIR/config"], EVERY + ("unix",)),
    Kind("haproxy", "haproxy", HAPROXY, ["-db", "-f", "DIR/config"],
         EVERY + ("trailers", "unix", "hinted", "refused_413", "cuts", "proxy"), behind="node"),
    Kind("node", "node", None, [os.path.join(HERE, "origins", "node.mjs"), "DIR/www/large", "DIR/socket"],
         OWN + ("idle",)),
    Kind("python", sys.executable, None, [os.path.join(HERE, "origins", "python.py"), "DIR/www/large", "DIR/socket"],
         OWN + ("old",)),
    Kind("go", "go", None, ["DIR/www/large", "DIR/socket"], tuple(s for s in OWN if s != "unmentioned")),
]


@functools.cache
def large():
    """32 MiB that no filter changes, made once; (path, digest)."""
    folder = tempfile.mkdtemp(prefix="weir-servers-")
    path = os.path.join(folder, "large")
    octets = os.urandom(1 << 20) * (LARGE_SIZE >> 20)
    with open(path, "wb") as file:
        file.write(octets)
    return path, hashlib.sha256(octets).hexdigest()


def forget_large():
    if large.cache_info().currsize:
        shutil.rmtree(os.path.dirname(large()[0]), ignore_errors=True)
        large.cache_clear()


@functools.cache
def go_program():
    folder = os.path.join(os.path.abspath(os.environ.get("BUILD", os.path.join(HERE, "..", "..", "build"))), "strangers")
    os.makedirs(folder, exist_ok=True)
    program = os.path.join(folder, "origin-go")
    env = dict(os.environ, GOCACHE=os.path.join(folder, "go"), GO111MODULE="off")
    subprocess.run(["go", "build", "-o", program, os.path.join(HERE, "origins", "origin.go")], check=True, env=env,
                   timeout=600)
    return program


class Stranger:
    """A running one; `with` stops it. `port`, `socket` (a path, or None), `dir`; `more` are further ports that it told."""

    def __init__(self, kind):
        self.kind = kind
        self.dir = tempfile.mkdtemp(prefix="weir-server-")
        self.stack = contextlib.ExitStack()
        self.stack.callback(shutil.rmtree, self.dir, True)
        self.process, self.more = None, []
        try:
            self._fill_folder()
            self._start()
        except BaseException:
            self.stop()
            raise

    def _fill_folder(self):
        os.chmod(self.dir, 0o755)    # it may drop its privileges
        www = os.path.join(self.dir, "www")
        os.makedirs(os.path.join(www, "put"))
        os.chmod(os.path.join(www, "put"), 0o777)
        for name in ("small", "close", "same"):
            with open(os.path.join(www, name), "wb") as file:
                file.write(SMALL)
        for name in ("large", "chunked"):
            os.link(large()[0], os.path.join(www, name))
        os.makedirs(os.path.join(self.dir, "cgi"))
        for name, (head, body) in CGI_PAGES.items():
            path = os.path.join(self.dir, "cgi", name)
            with open(path, "w", encoding="ascii") as file:
                file.write((CGI % (head, body)).replace("PYTHON", sys.executable).replace("DIR", self.dir))
            os.chmod(path, 0o755)

    def _start(self):
        kind = self.kind
        behind = self.stack.enter_context(Stranger(named(kind.behind))) if kind.behind else None
        self.port = free_ports(1)[0]
        values = {"DIR": self.dir, "PORT": self.port, "BEHIND": behind.port if behind else 0,
                  "MODULES": "/usr/lib/apache2/modules"}
        fill = lambda text: re.sub(r"\b(%s)\b" % "|".join(values), lambda found: str(values[found.group()]), text)
        if kind.config:
            with open(os.path.join(self.dir, "config"), "w", encoding="ascii") as file:
                file.write(fill(kind.config))
        program = go_program() if kind.name == "go" else kind.find()
        self.said = os.path.join(self.dir, "said")
        with open(self.said, "wb") as said:
            self.process = subprocess.Popen([program] + [fill(word) for word in kind.arguments], cwd=self.dir,
                                            stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True)
        wait_for("%s to listen" % kind.name, self._listens)
        path = os.path.join(self.dir, "socket")
        self.socket = path if os.path.exists(path) else None

    def _listens(self):
        check(self.process.poll() is None, "%s ended at its start: %s", self.kind.name, self.words())
        if self.kind.config is None:
            found = re.search(r"^port ([\d ]+)\n", self.words())
            if not found:
                return False
            self.port, *self.more = (int(n) for n in found[1].split())
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def words(self):
        text = ""
        for name in ("said", "log"):
            path = os.path.join(self.dir, name)
            if os.path.exists(path):
                with open(path, errors="replace", encoding="utf-8") as file:
                    text += file.read()[-2000:]
        return text

    def url(self, path):
        return "http://127.0.0.1:%d%s" % (self.port, path)

    def stop(self):
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.stack.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def named(name):
    return next(kind for kind in KINDS if kind.name == name)


def is_here(name):
    return named(name).find() is not None
