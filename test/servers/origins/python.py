#!/usr/bin/env python3
"""An origin of Python's http.server: python.py LARGE_FILE SOCKET prints its ports, of HTTP/1.1 and of HTTP/1.0."""
import hashlib
import http.server
import shutil
import socket
import socketserver
import struct
import sys
import threading

LARGE, SOCKET = sys.argv[1:3]
SMALL = b"Hello, World!"


class Pages(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536

    def log_message(self, *_):
        pass

    def begin(self, status=200, **fields):
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def small(self, **fields):
        self.begin(Content_Length=len(SMALL), **fields)
        self.content(SMALL)

    def content(self, octets):
        if self.command != "HEAD":
            self.wfile.write(octets)

    def large(self):
        self.begin(Content_Length=33554432)
        if self.command != "HEAD":
            with open(LARGE, "rb") as file:
                shutil.copyfileobj(file, self.wfile, 1 << 20)

    def chunked(self):
        self.begin(Transfer_Encoding="chunked")
        with open(LARGE, "rb") as file:
            for piece in iter(lambda: file.read(100000), b""):
                self.wfile.write(b"%X;name=value\r\n%s\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def trailers(self):
        self.begin(Transfer_Encoding="chunked", Trailer="X-Mark, X-More")
        self.wfile.write(b"d\r\n%s\r\n0\r\nX-Mark: here\r\nX-More: there\r\n\r\n" % SMALL)

    def pieces(self):
        """Of the request's body."""
        if self.headers.get("Transfer-Encoding", "") != "chunked":
            left = int(self.headers.get("Content-Length", 0))
            while left > 0:
                piece = self.rfile.read(min(left, 1 << 20))
                if not piece:
                    return
                left -= len(piece)
                yield piece
            return
        while True:
            size = int(self.rfile.readline().split(b";")[0], 16)
            if size == 0:
                break
            yield self.rfile.read(size)
            self.rfile.readline()
        for line in iter(self.rfile.readline, b"\r\n"):
            if line.lower().startswith(b"x-mark:"):
                self.mark = line.partition(b":")[2].strip().decode()

    def digest(self):
        self.mark, octets, digest = "-", 0, hashlib.sha256()
        for piece in self.pieces():
            octets += len(piece)
            digest.update(piece)
        told = ("%d %s %s" % (octets, digest.hexdigest(), self.mark)).encode()
        self.begin(Content_Length=len(told))
        self.wfile.write(told)

    def empty(self):
        self.begin(204)

    def same(self):
        self.begin(304, ETag='"a"', Content_Length=13)

    def close(self):
        self.small(Connection="close")

    def hints(self):
        self.begin(102)
        self.begin(103, Link="</a.css>; rel=preload")
        self.small()

    def until_close(self):
        """No length, no chunks: the end is the connection's."""
        self.begin(Connection="close")
        with open(LARGE, "rb") as file:
            shutil.copyfileobj(file, self.wfile, 1 << 20)

    def cut(self, reset=False, **fields):
        self.begin(**fields)
        self.wfile.write(b"x" * 5000 if "Content_Length" in fields else b"2710\r\n" + b"x" * 5000)
        self.wfile.flush()
        self.vanish(reset)

    def vanish(self, reset=False):
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def handle_expect_100(self):
        if self.path in ("/refused-417", "/refused-413"):
            self.begin(int(self.path[-3:]), Content_Length=2, Connection="close")
            self.wfile.write(b"no")
            self.close_connection = True
            return False
        if self.path != "/unmentioned":
            self.send_response_only(100)
            self.end_headers()
            self.wfile.flush()
        return True

    def do_GET(self):
        page = {
            "/cut-length": lambda: self.cut(Content_Length=20000),
            "/cut-chunked": lambda: self.cut(Transfer_Encoding="chunked"),
            "/reset-length": lambda: self.cut(True, Content_Length=20000),
            "/reset-chunked": lambda: self.cut(True, Transfer_Encoding="chunked"),
            "/unmentioned": self.digest,
        }.get(self.path) or getattr(self, self.path[1:].replace("-", "_"))
        page()
        self.wfile.flush()

    do_HEAD = do_POST = do_GET


class Old(Pages):
    protocol_version = "HTTP/1.0"


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def shutdown_request(self, request):
        """Only closed: a FIN, or what SO_LINGER says."""
        self.close_request(request)

    def handle_error(self, *_):
        pass  # clients that leave are among the tests


class UnixServer(Server):
    address_family = socket.AF_UNIX

    def server_bind(self):
        self.server_name, self.server_port = "unix", 0
        socketserver.TCPServer.server_bind(self)

    def get_request(self):
        conn, _ = self.socket.accept()
        return conn, ("unix", 0)


servers = [Server(("127.0.0.1", 0), Pages), Server(("127.0.0.1", 0), Old), UnixServer(SOCKET, Pages)]
for server in servers:
    threading.Thread(target=server.serve_forever).start()
print("port %d %d" % (servers[0].server_port, servers[1].server_port), flush=True)
