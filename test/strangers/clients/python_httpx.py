#!/usr/bin/env python3
"""The acts of a stranger by python3-httpx: python_httpx.py ACT URL FILE prints one line of JSON."""
import hashlib
import json
import sys

import httpx

act, url, path = sys.argv[1:4]
client = httpx.Client(trust_env=False, timeout=60)


def tell(r):
    body = r.content
    told = {"status": r.status_code, "octets": len(body), "sha256": hashlib.sha256(body).hexdigest()}
    if len(body) < 1000:
        told["body"] = body.decode()
    print(json.dumps(told))


def pieces(file):
    while piece := file.read(65536):
        yield piece


if act in ("small", "large", "chunked", "hints"):
    tell(client.get(url))
elif act == "head":
    tell(client.head(url))
elif act in ("upload", "refuse", "expect"):
    with open(path, "rb") as file:
        tell(client.post(url, content=file.read(), headers={"Expect": "100-continue"} if act == "expect" else {}))
elif act == "streamed":
    with open(path, "rb") as file:
        tell(client.post(url, content=pieces(file)))
elif act == "keep_alive":
    print(json.dumps({"statuses": [client.get(url).status_code for _ in range(100)]}))
elif act == "abrupt":
    with client.stream("GET", url) as r:
        next(r.iter_raw(65536))
    print(json.dumps({"status": r.status_code}))
client.close()
