"""Running a function on untrusted files in worker processes, each call with a limit on time and memory.

A hang, an abort or a panic costs the one call its result, never the run. What the functions do belongs to read.py and
marked_copy.py. This module is imported by the workers, so it imports little.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any, TypeVar

from pebble import ProcessExpired, ProcessPool

Argument = TypeVar("Argument")
Result = TypeVar("Result")

SECONDS_A_CALL = 20
BYTES_A_WORKER = 1536 * 1024**2
WORKERS = 2


class LimitError(RuntimeError):
    """A call that took too long ('too_slow'), too much memory or its process with it ('too_large')."""


def run_limited(
    function: Callable[[Argument], Result], arguments: Iterable[Argument]
) -> Iterator[tuple[Argument, Result | Exception]]:
    """Call a function once for each argument; yields the argument with the result or the exception, in the order given.

    The function must be importable by name (it runs in another process).
    """
    pending = list(arguments)
    if not pending:
        return
    context = multiprocessing.get_context("spawn")
    workers = min(WORKERS, len(pending))
    with ProcessPool(workers, initializer=_limit_memory, initargs=[BYTES_A_WORKER], context=context) as pool:
        futures = [(one, pool.schedule(function, args=[one], timeout=SECONDS_A_CALL)) for one in pending]
        for one, future in futures:
            yield one, _outcome(future)


def _outcome(future: Any) -> Any:
    try:
        return future.result()
    except FutureTimeout:
        return LimitError("too_slow")
    except (ProcessExpired, MemoryError):
        return LimitError("too_large")
    except Exception as error:  # noqa: BLE001 - whatever a library raises in the worker is the call's outcome
        return error


def _limit_memory(size: int) -> None:
    try:
        import resource
    except ImportError:  # Windows has no address-space limit; the time limit still holds there
        return
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
