"""Chromium without a head, driven through its debugging pipe: a page of the server's own fetches, so that what ends the
connections is a browser's network stack."""
import contextlib
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

import harness
from harness import check

PROGRAM = next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "google-chrome"))), None)
ACTS = ("small", "large", "chunked", "head", "upload", "refuse", "keep_alive", "hints", "abrupt")
TELL = """
async function tell(path, options) {
    const r = await fetch(path, {cache: 'no-store', ...options});
    const body = new Uint8Array(await r.arrayBuffer());
    const sum = new Uint8Array(await crypto.subtle.digest('SHA-256', body));
    const hex = Array.from(sum, n => n.toString(16).padStart(2, '0')).join('');
    return {status: r.status, octets: body.length, sha256: hex,
            body: body.length < 1000 ? new TextDecoder().decode(body) : ''};
}
function octets() {
    const line = '0123456789abcde\\n', mebibyte = line.repeat(65536).slice(8);
    return Array.from({length: 32}, (_, i) => String(i).padStart(8, '0') + mebibyte).join('');
}
async function many(path) {
    const statuses = [];
    for (let i = 0; i < 100; i++) statuses.push((await tell(path)).status);
    return {statuses};
}
async function leave(path) {
    const abort = new AbortController();
    const r = await fetch(path, {signal: abort.signal, cache: 'no-store'});
    await r.body.getReader().read();
    abort.abort();
    return {status: r.status};
}
"""


class Browser:
    """Commands go to its descriptor 3 and answers come from its 4, each ended by a zero octet."""

    def __init__(self, folder):
        down, self.down = os.pipe()
        self.up, up = os.pipe()

        def place():
            """A descriptor may be the place of another: both are first moved out of the way."""
            far_down, far_up = os.dup(down), os.dup(up)
            high_down, high_up = 100, 101
            os.dup2(far_down, high_down), os.dup2(far_up, high_up)
            os.dup2(high_down, 3), os.dup2(high_up, 4)

        self.process = subprocess.Popen(
            [PROGRAM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server",
             "--remote-debugging-pipe", "--user-data-dir=" + folder, "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=place,
            close_fds=False)
        os.close(down), os.close(up)
        self.held, self.number = b"", 0

    def message(self):
        end = time.monotonic() + harness.DEADLINE
        while b"\0" not in self.held:
            ready, _, _ = select.select([self.up], [], [], max(0, end - time.monotonic()))
            check(ready, "Chromium said nothing")
            octets = os.read(self.up, 1 << 20)
            check(octets, "Chromium ended")
            self.held += octets
        text, self.held = self.held.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, session=None, **parameters):
        self.number += 1
        command = {"id": self.number, "method": method, "params": parameters}
        if session:
            command["sessionId"] = session
        os.write(self.down, json.dumps(command).encode() + b"\0")
        while True:
            message = self.message()
            if message.get("id") == self.number:
                check("error" not in message, "%s: %r", method, message)
                return message["result"]

    def evaluate(self, session, code):
        done = self.call("Runtime.evaluate", session, expression=code, awaitPromise=True, returnByValue=True)
        check("exceptionDetails" not in done, "%r", done.get("exceptionDetails"))
        return done["result"].get("value")

    def open(self, url):
        target = self.call("Target.createTarget", url=url)["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        harness.wait_for("the page", lambda: self.evaluate(session, "document.readyState == 'complete' && "
                                                           "location.href != 'about:blank'"))
        return session

    def close(self):
        with contextlib.suppress(harness.Failure, OSError):
            self.call("Browser.close")
        try:
            self.process.wait(harness.DEADLINE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.down), os.close(self.up)


def ask(act, url, file, server):
    path = "/" + url.split("/", 3)[3]
    code = {"keep_alive": "many('%s')", "abrupt": "leave('%s')", "head": "tell('%s', {method: 'HEAD'})",
            "upload": "tell('%s', {method: 'POST', body: octets()})",
            "refuse": "tell('%s', {method: 'POST', body: octets()})"}.get(act, "tell('%s')") % path
    with tempfile.TemporaryDirectory(prefix="strangers-", ignore_cleanup_errors=True) as folder:
        browser = Browser(folder)
        try:
            session = browser.open(url.split("/", 3)[0] + "//" + url.split("/", 3)[2] + "/")
            return browser.evaluate(session, TELL + code)
        finally:
            browser.close()
