#!/usr/bin/env python3
"""The acts of a stranger by Python's http.client: python_http.py ACT URL FILE prints one line of JSON."""
import hashlib
import http.client
import json
import sys
import urllib.parse

act, url, path = sys.argv[1:4]
parts = urllib.parse.urlsplit(url)
target = parts.path + ("?" + parts.query if parts.query else "")
conn = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)


def pieces(file):
    while piece := file.read(65536):
        yield piece


def ask(method, body=None, chunked=False, fields=None):
    fields = dict(fields or {})
    if method == "POST" and not chunked:
        fields["Content-Length"] = str(len(body))
    try:
        conn.request(method, target, body=body, headers=fields, encode_chunked=chunked)
    except (BrokenPipeError, ConnectionResetError) as failure:
        # What the documentation of http.client leaves to its user: an answer may be there all the same.
        print("sending ended early: %s" % failure, file=sys.stderr)
    return conn.getresponse()


def tell(r, **more):
    body = r.read()
    told = {"status": r.status, "octets": len(body), "sha256": hashlib.sha256(body).hexdigest()}
    if len(body) < 1000:
        told["body"] = body.decode()
    print(json.dumps(dict(told, **more)))


if act in ("small", "large", "chunked", "hints"):
    tell(ask("GET"))
elif act == "head":
    tell(ask("HEAD"))
elif act in ("upload", "refuse", "expect"):
    with open(path, "rb") as file:
        tell(ask("POST", file.read(), fields={"Expect": "100-continue"} if act == "expect" else {}))
elif act == "streamed":
    with open(path, "rb") as file:
        tell(ask("POST", pieces(file), chunked=True, fields={"Transfer-Encoding": "chunked"}))
elif act == "keep_alive":
    statuses = []
    for _ in range(100):
        r = ask("GET")
        r.read()
        statuses.append(r.status)
    print(json.dumps({"statuses": statuses}))
elif act == "abrupt":
    r = ask("GET")
    r.read(65536)
    conn.close()
    r.close()
    print(json.dumps({"status": r.status}))
