"""A client that is exact about its octets and about its end."""
import re
import socket
import struct

from common import DEADLINE, Failure, check


class Closed(Exception):
    """The peer ended the connection where a message was awaited; `octets` is what came of it."""

    def __init__(self, what, octets=b""):
        super().__init__("%s after %r" % (what, octets[-200:]))
        self.what, self.octets = what, octets


class Response:
    def __init__(self):
        self.status = 0
        self.version = ""
        self.reason = ""
        self.fields = []    # (name, value) in order, as they came
        self.body = b""
        self.trailers = []
        self.interim = []   # Responses before this one
        self.framing = ""   # none, length, chunked, close

    def get(self, name, default=None):
        values = [v for n, v in self.fields if n.lower() == name.lower()]
        return ", ".join(values) if values else default

    def says_close(self):
        return "close" in [t.strip().lower() for t in self.get("Connection", "").split(",")]

    def __repr__(self):
        return "<%d %s %r %d octets %s>" % (self.status, self.reason, self.fields, len(self.body), self.framing)


class Conn:
    """One connection. What was read and not used stays in `held`."""

    def __init__(self, address, source=None, rcvbuf=None, timeout=None):
        self.held = b""
        self.eof = False
        self.sent = self.received = 0    # octets
        if address.startswith("unix:"):
            self.sock = socket.socket(socket.AF_UNIX)
            target = address[5:]
        else:
            host, port = address.rsplit(":", 1)
            host = host.strip("[]")
            self.sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            target = (host, int(port))
        try:
            if rcvbuf:
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
            if source:
                self.sock.bind((source, 0))
            self.sock.settimeout(timeout or DEADLINE)
            self.sock.connect(target)
        except BaseException:
            self.sock.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, octets):
        self.sock.sendall(octets)
        self.sent += len(octets)

    def send_and_fin(self, octets):
        """Over TCP both in one segment, so that no answer can come between them."""
        unix = self.sock.family == socket.AF_UNIX
        self.sock.sendall(octets, 0 if unix else socket.MSG_MORE)
        self.sock.shutdown(socket.SHUT_WR)
        self.sent += len(octets)

    def send_slowly(self, octets):
        """An octet a send. Stops, and says so, when the peer has ended the connection."""
        for i in range(len(octets)):
            try:
                self.sock.sendall(octets[i:i + 1])
            except (BrokenPipeError, ConnectionResetError):
                return False
        return True

    def get(self, path, fields=""):
        self.send(request("GET", path, fields))
        return self.read_response()

    def _more(self):
        if self.eof:
            raise Closed("EOF", self.held)
        try:
            octets = self.sock.recv(262144)
        except ConnectionResetError:
            self.eof = True
            raise Closed("reset", self.held)
        except socket.timeout:
            raise Failure("no octet came in %.0f s, after %r" % (self.sock.gettimeout(), self.held[-200:]))
        if not octets:
            self.eof = True
            raise Closed("EOF", self.held)
        self.held += octets
        self.received += len(octets)

    def read_until(self, mark):
        at = 0
        while True:
            found = self.held.find(mark, at)
            if found >= 0:
                taken, self.held = self.held[:found + len(mark)], self.held[found + len(mark):]
                return taken
            at = max(0, len(self.held) - len(mark))
            self._more()

    def read_exactly(self, count):
        if len(self.held) >= count:
            taken, self.held = self.held[:count], self.held[count:]
            return taken
        pieces, have = [self.held], len(self.held)
        self.held = b""
        while have < count:
            try:
                self._more()
            except Closed as end:
                raise Closed(end.what, b"".join(pieces))
            pieces.append(self.held)
            have += len(self.held)
            self.held = b""
        octets = b"".join(pieces)
        self.held = octets[count:]
        return octets[:count]

    def read_to_eof(self):
        """What is left up to an orderly end; a reset is a Closed."""
        pieces = [self.held]
        while not self.eof:
            self.held = b""
            try:
                self._more()
            except Closed as end:
                if end.what == "reset":
                    raise Closed("reset", b"".join(pieces))
                break
            pieces.append(self.held)
        self.held = b""
        return b"".join(pieces)

    def expect_eof(self):
        rest = self.read_to_eof()
        check(rest == b"", "octets after the last answer: %r", rest[:200])

    def _fields(self):
        fields = []
        while True:
            line = self.read_until(b"\r\n")[:-2]
            if not line:
                return fields
            check(re.fullmatch(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\x00-\x08\x0a-\x1f\x7f]*", line),
                  "a field that is none: %r", line)
            name, value = line.split(b":", 1)
            fields.append((name.decode(), value.strip().decode("latin-1")))

    def _head(self):
        r = Response()
        line = self.read_until(b"\r\n")
        match = re.fullmatch(rb"(HTTP/1\.[01]) ([1-9][0-9][0-9]) ([^\x00-\x08\x0a-\x1f\x7f]*)\r\n", line)
        check(match, "a status line that is none: %r", line[:200])
        r.version, r.status, r.reason = match[1].decode(), int(match[2]), match[3].decode("latin-1")
        r.fields = self._fields()
        return r

    def _chunked(self, r):
        pieces = []
        while True:
            line = self.read_until(b"\r\n")[:-2]
            check(re.fullmatch(rb"[0-9a-fA-F]{1,16}", line), "a chunk size that is none: %r", line[:100])
            size = int(line, 16)
            if size == 0:
                break
            pieces.append(self.read_exactly(size))
            check(self.read_exactly(2) == b"\r\n", "no CRLF after a chunk")
        r.trailers = self._fields()
        return b"".join(pieces)

    def read_head(self, method="GET"):
        """The final response without its body, which is left to read."""
        interim = []
        r = self._head()
        while r.status < 200 and r.status != 101:
            interim.append(r)
            r = self._head()
        r.interim = interim
        coding, length = r.get("Transfer-Encoding"), r.get("Content-Length")
        check(coding is None or length is None, "Transfer-Encoding beside Content-Length: %r", r.fields)
        if method == "HEAD" or r.status in (101, 204, 304) or r.status < 200:
            r.framing = "none"
        elif coding is not None:
            check(coding.lower() == "chunked", "an odd transfer coding: %r", coding)
            check(r.version == "HTTP/1.1", "chunked in %s", r.version)
            r.framing = "chunked"
        elif length is not None:
            check(re.fullmatch("[0-9]+", length), "an odd Content-Length: %r", length)
            r.framing = "length"
        else:
            r.framing = "close"
        return r

    def read_response(self, method="GET"):
        r = self.read_head(method)
        if r.framing == "length":
            r.body = self.read_exactly(int(r.get("Content-Length")))
        elif r.framing == "chunked":
            r.body = self._chunked(r)
        elif r.framing == "close":
            r.body = self.read_to_eof()
        return r

    def await_unread(self):
        """Until there is something to read, which is left unread: a close is then a reset."""
        check(self.sock.recv(1, socket.MSG_PEEK), "EOF, where octets were awaited")

    def fin(self):
        """Half-close: no more from us, but we still read."""
        self.sock.shutdown(socket.SHUT_WR)

    def close(self):
        """An orderly end; the kernel makes it a reset if octets were left unread."""
        self.sock.close()

    def rst(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


def request(method, path, fields="", version="HTTP/1.1", host="localhost"):
    text = "%s %s %s\r\n" % (method, path, version)
    if host is not None:
        text += "Host: %s\r\n" % host
    return (text + fields + "\r\n").encode("latin-1")


def post(path, body, fields=""):
    return request("POST", path, "Content-Length: %d\r\n" % len(body) + fields) + body
