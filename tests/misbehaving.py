"""Functions that do to a worker process what libraries do on hostile files."""

import ctypes
import os
import time


class PanicException(BaseException):
    """What a panic in Rust becomes."""


class OddError(Exception):
    """Cannot be unpickled: its constructor takes more than its message."""

    def __init__(self, place, why):
        super().__init__(f"{place}: {why}")


def behave(how):
    if how.startswith("good"):
        return f"{how} read"
    match how:
        case "abort":
            os.abort()
        case "crash":
            ctypes.string_at(0)
        case "exit":
            os._exit(3)
        case "hang":
            time.sleep(3600)
        case "wait":
            time.sleep(2)
            return f"{how} read"
        case "spin":
            while True:
                pass
        case "eat":
            return len([bytes(1024**2) for _ in range(100_000)])
        case "panic":
            raise PanicException("index out of bounds")
        case "raise":
            raise ValueError("no such thing")
        case "odd":
            raise OddError("B7", "no such thing")
    raise AssertionError(how)
