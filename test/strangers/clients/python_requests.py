#!/usr/bin/env python3
"""The acts of a stranger by python3-requests: python_requests.py ACT URL FILE prints one line of JSON."""
import hashlib
import json
import sys

import requests

act, url, path = sys.argv[1:4]
session = requests.Session()
session.trust_env = False


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
    tell(session.get(url, timeout=60))
elif act == "head":
    tell(session.head(url, timeout=60))
elif act in ("upload", "refuse", "expect"):
    with open(path, "rb") as file:
        tell(session.post(url, data=file, timeout=60, headers={"Expect": "100-continue"} if act == "expect" else {}))
elif act == "streamed":
    with open(path, "rb") as file:
        tell(session.post(url, data=pieces(file), timeout=60))
elif act == "keep_alive":
    print(json.dumps({"statuses": [session.get(url, timeout=60).status_code for _ in range(100)]}))
elif act == "abrupt":
    r = session.get(url, stream=True, timeout=60)
    r.raw.read(65536)
    r.close()
    print(json.dumps({"status": r.status_code}))
session.close()
