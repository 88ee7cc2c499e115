"""What all of the harness shares: how to fail, how to wait, for how long."""
import os
import time

PATIENCE = float(os.environ.get("WEIR_PATIENCE", "1"))
DEADLINE = 30.0 * PATIENCE


class Failure(AssertionError):
    pass


class Skip(Exception):
    pass


def check(condition, text, *values):
    if not condition:
        raise Failure(text % values if values else text)


def wait_for(what, condition, seconds=None):
    """Calls `condition` until it gives something true, which is returned."""
    end = time.monotonic() + (seconds or DEADLINE)
    pause = 0.002
    while True:
        value = condition()
        if value:
            return value
        check(time.monotonic() < end, "waited in vain for: %s", what)
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)
