"""Running a function on untrusted files in worker processes, each call with a limit on processor time and memory.

Processor time, as a busy machine is no fault of a file; time on the clock is a last resort, far beyond it. A hang, an
abort or a panic costs the one call its result, never the run nor another call. Calls are handed over a few at a time,
as that costs as much as a call; where a worker is lost, each of its calls is repeated alone in a worker that has done
nothing else. What the functions do belongs to read.py and agencies/marked_copy.py. This module is imported by the
workers, so it imports little.
"""

from __future__ import annotations

import logging
import math
import multiprocessing
import pickle
import signal
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import TimeoutError as FutureTimeout
from concurrent.futures import wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from typing import Any, TypeVar

from pebble import ProcessExpired, ProcessFuture, ProcessPool

Argument = TypeVar("Argument")
Result = TypeVar("Result")
Start = Callable[[], object]

SECONDS_A_CALL = 20  # of processor time
WAIT_A_CALL = 15  # so many times as long on the clock, for what waits and does nothing
BYTES_A_WORKER = 640 * 1024**2  # of address space; two workers and one that repeats a call stay below 2 GiB
WORKERS = 2
CALLS_A_TASK = 16
_log = logging.getLogger(__name__)


_OUT_OF_TIME = getattr(signal, "SIGXCPU", 0)


class LimitError(RuntimeError):
    """A call that took too long ('too_slow'), too much memory or its process with it ('too_large')."""


class NoWorkerError(RuntimeError):
    """No worker process can do anything, whatever file it is given: the machine's trouble, and no file's."""


def _patience() -> float:
    """Seconds on the clock that a task may take."""
    return SECONDS_A_CALL * WAIT_A_CALL


def run_limited(
    function: Callable[[Argument], Result],
    arguments: Iterable[Argument],
    *,
    start: Callable[..., object] | None = None,
    start_with: Sequence[Any] = (),
) -> Iterator[tuple[Argument, Result | Exception]]:
    """Call a function once for each argument; yields the argument with the result or the exception, in the order given.

    start: called in each worker with start_with before anything else.
    All functions must be importable by name (they run in another process). Raises NoWorkerError.
    """
    pending = list(arguments)
    tasks = deque(pending[n : n + CALLS_A_TASK] for n in range(0, len(pending), CALLS_A_TASK))
    starting = [BYTES_A_WORKER, start, start_with]
    while tasks:  # once, unless the pool itself is lost
        with _pool(min(WORKERS, len(tasks)), starting) as pool:
            for one, outcome in _run_tasks(tasks, pool, function):
                yield one, _run_alone(function, one, starting) if outcome is None else outcome[0]


_Outcome = tuple[Any] | None  # the result or exception; None where memory ran out and the call must be repeated
_Future = ProcessFuture[list[_Outcome]]


def _pool(workers: int, starting: list[Any], tasks_a_worker: int = 0) -> ProcessPool:
    context = multiprocessing.get_context("spawn")
    return ProcessPool(workers, tasks_a_worker, _start_worker, starting, context)


def _run_tasks(
    tasks: deque[list[Argument]], pool: ProcessPool, function: Callable[[Argument], Result]
) -> Iterator[tuple[Argument, _Outcome]]:
    """Take tasks while the pool lives. All calls of a task that was lost must be repeated."""
    running: deque[tuple[list[Argument], _Future]] = deque()
    while running or (tasks and pool.active):
        while tasks and pool.active and len(running) < 2 * WORKERS:  # no more, or results would pile up
            running.append((tasks[0], _schedule(pool, function, tasks.popleft())))
        task, future = running.popleft()
        if not wait([future], _patience() * 4 * WORKERS).done:
            pool.stop()  # type: ignore[no-untyped-call]  # a worker was killed from outside while it held the queue
        try:
            outcomes = future.result(timeout=0)
        except Exception as error:  # noqa: BLE001 - whatever happened to the worker, its calls get another one
            _log.info("%d calls are repeated one by one: %r", len(task), error)
            outcomes = [None] * len(task)
        yield from zip(task, outcomes, strict=True)


def _schedule(pool: ProcessPool, function: Callable[[Argument], Result], task: list[Argument]) -> _Future:
    try:
        return pool.schedule(_call_each, args=[function, task, SECONDS_A_CALL], timeout=_patience())
    except RuntimeError as error:  # the pool broke this very moment
        lost: _Future = ProcessFuture()
        lost.set_exception(error)
        return lost


def _run_alone(function: Callable[[Argument], Result], one: Argument, starting: list[Any]) -> Result | Exception:
    """A call in a worker of its own that has done nothing else."""
    with _pool(1, starting, tasks_a_worker=1) as pool:
        try:
            [outcome] = _schedule(pool, function, [one]).result(timeout=4 * _patience())  # its start included
        except FutureTimeout:
            pool.stop()  # type: ignore[no-untyped-call]
            return LimitError("too_slow")
        except (ProcessExpired, BrokenProcessPool) as lost:
            _prove_workers(starting)
            return LimitError("too_slow" if getattr(lost, "exitcode", 0) == -_OUT_OF_TIME else "too_large")
        except Exception as error:  # noqa: BLE001 - the pool's own trouble is this call's outcome
            _prove_workers(starting)
            return error
    return LimitError("too_large") if outcome is None else outcome[0]


def _prove_workers(starting: list[Any]) -> None:
    """See that a worker lost with a file was lost by the file: another that is given nothing must live."""
    with _pool(1, starting, tasks_a_worker=1) as pool:
        try:
            _schedule(pool, bool, [None]).result(timeout=4 * _patience())
        except Exception as error:
            raise NoWorkerError(f"no worker process can be started: {error!r}") from error


# ---------------------------------------------------------------- in the worker


def _start_worker(size: int, start: Callable[..., object] | None, start_with: Sequence[Any]) -> None:
    if start:
        start(*start_with)
    try:
        import resource
    except ImportError:  # Windows has no address-space limit; the time limit still holds there
        return
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    size = size if most == resource.RLIM_INFINITY else min(size, most)
    with suppress(ValueError):  # macOS has the limit but not always the call
        resource.setrlimit(resource.RLIMIT_AS, (size, size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _call_each(function: Callable[[Argument], Result], arguments: Sequence[Argument], seconds: float) -> list[_Outcome]:
    outcomes = []
    for one in arguments:
        _allow(seconds)
        outcomes.append(_call(function, one))
    return outcomes


def _allow(seconds: float) -> None:
    """Let this process have so much processor time more; then the system ends it with SIGXCPU."""
    try:
        import resource
    except ImportError:  # Windows has no such limit; the one on the clock holds there
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    until = math.ceil(used.ru_utime + used.ru_stime + seconds)
    resource.setrlimit(resource.RLIMIT_CPU, (until if most == resource.RLIM_INFINITY else min(until, most), most))


def _call(function: Callable[[Argument], Result], one: Argument) -> _Outcome:
    try:
        return (function(one),)
    except MemoryError:
        return None
    except Exception as error:  # noqa: BLE001 - whatever a library raises is the call's outcome
        return (_portable(error),)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as panic:  # noqa: BLE001 - the panics of libraries in Rust are no Exception
        return (RuntimeError(repr(panic)),)


def _portable(error: Exception) -> Exception:
    """An exception that reaches the other process, where one that cannot be unpickled would break the pool."""
    error.add_note("".join(traceback.format_exception(error)))
    error.__cause__ = error.__context__ = error.__traceback__ = None
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001 - an exception's own constructor may raise anything
        return RuntimeError(repr(error))
    return error
