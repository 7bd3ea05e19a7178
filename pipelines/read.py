"""From an untrusted file to a reading: in worker processes with a time and a memory limit.

A hang, an abort or a panic of a library costs one file its reading, never the run. The formats are the modules
read_*.py; what a cell means does not belong here (layout.py, validate.py). This module is imported by the workers, so
it imports little.
"""

from __future__ import annotations

import logging
import multiprocessing
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import TimeoutError as FutureTimeout
from concurrent.futures import wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pebble import ProcessExpired, ProcessFuture, ProcessPool

from pipelines import tcvn3
from pipelines.layout import Form, Sheet, lay_out
from pipelines.read_cells import UnreadableError
from pipelines.vietnamese import fold

SECONDS_A_FILE = 20
BYTES_A_WORKER = 512 * 1024**2  # of address space; two workers and one that repeats stay below 2 GiB with the run
BYTES_A_FILE = 64 * 1024**2
WORKERS = 2
FILES_A_TASK = 16  # handing over a file alone costs as much as reading it
_ZIP, _COMPOUND = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_BARE_XLS = (b"\x09\x00\x04\x00", b"\x09\x02\x06\x00", b"\x09\x04\x06\x00")  # Excel 2, 3 and 4 had no container
_log = logging.getLogger(__name__)

Reading = dict[str, Any]
_Future = ProcessFuture[list[Reading | None]]


@dataclass(frozen=True)
class Job:
    """One file to read: its key (returned with the result) and where it lies."""

    key: str
    path: Path


# ---------------------------------------------------------------- many files, in workers


def read_all(jobs: Iterable[Job], form: dict[str, Any]) -> Iterator[tuple[Job, Reading]]:
    """Read files in workers; yields each job with its reading (see layout.lay_out), in the order given.

    A file that cannot be read yields {"problem": <code>}: empty, not_a_workbook, not_supported, protected, damaged,
    unsafe, too_large, too_many_cells, too_slow (codes of the form's 'problems').
    """
    pending = list(jobs)
    tasks = deque(pending[n : n + FILES_A_TASK] for n in range(0, len(pending), FILES_A_TASK))
    while tasks:  # once, unless the pool itself is lost
        with _pool(min(WORKERS, len(tasks)), form) as pool:
            yield from _read_tasks(tasks, pool, form)


def _read_tasks(tasks: deque[list[Job]], pool: ProcessPool, form: dict[str, Any]) -> Iterator[tuple[Job, Reading]]:
    """Take tasks while the pool lives. What a worker did not give back is read again, each file alone."""
    running: deque[tuple[list[Job], _Future]] = deque()
    while running or (tasks and pool.active):
        while tasks and pool.active and len(running) < 2 * WORKERS:  # no more, or readings would pile up
            task = tasks.popleft()
            running.append((task, pool.schedule(_read_task, args=[[job.path for job in task]], timeout=SECONDS_A_FILE)))
        task, future = running.popleft()
        if not wait([future], SECONDS_A_FILE * 4 * WORKERS).done:
            pool.stop()  # a worker was killed from outside while it held the queue
        for job, reading in zip(task, _outcome(task, future), strict=True):
            yield job, _read_alone(job, form) if reading is None else reading


def _pool(workers: int, form: dict[str, Any], tasks_a_worker: int = 0) -> ProcessPool:
    context = multiprocessing.get_context("spawn")
    return ProcessPool(workers, tasks_a_worker, _start_worker, [BYTES_A_WORKER, form], context)


def _outcome(task: Sequence[Job], future: _Future) -> list[Reading | None]:
    """The readings of a task; None for those to be read again alone, all of them where the worker was lost."""
    try:
        return future.result(timeout=0)
    except Exception as error:  # noqa: BLE001 - whatever happened to the worker, its files get another one
        _log.info("%d files are read again one by one: %r", len(task), error)
        return [None] * len(task)


def _read_alone(job: Job, form: dict[str, Any]) -> Reading:
    """Read a file in a worker of its own that has done nothing before, with our own readers only."""
    with _pool(1, form, tasks_a_worker=1) as pool:
        try:
            return pool.schedule(_read_carefully, args=[job.path], timeout=SECONDS_A_FILE).result()
        except FutureTimeout:
            problem = "too_slow"
        except (ProcessExpired, MemoryError):
            problem = "too_large"
        except Exception:  # a mistake of ours must not cost the run its other files
            _log.exception("%s (%s) could not be read", job.key, job.path)
            problem = "damaged"
    _log.warning("%s (%s) could not be read: %s", job.key, job.path, problem)
    return {"problem": problem}


# ---------------------------------------------------------------- in the worker

_worker_form: Form | None = None
_worker_headers: Collection[str] = ()


def _start_worker(size: int, form: dict[str, Any]) -> None:
    global _worker_form, _worker_headers
    _worker_form, _worker_headers = Form(form), known_headers(form)
    try:
        import resource
    except ImportError:  # Windows has no address-space limit; the time limit still holds there
        return
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _read_task(paths: Sequence[Path]) -> list[Reading | None]:
    return [_read_or_none(path) for path in paths]


def _read_or_none(path: Path) -> Reading | None:
    """A reading, or None where something unforeseen happened that another worker should try."""
    try:
        return _read_in_worker(path)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # noqa: BLE001 - MemoryError among them
        return None


def _read_carefully(path: Path) -> Reading:
    return _read_in_worker(path, careful=True)


def _read_in_worker(path: Path, careful: bool = False) -> Reading:
    if _worker_form is None:
        raise RuntimeError("the worker was not started with a form")
    return read_file(path, _worker_form, _worker_headers, careful)


# ---------------------------------------------------------------- one file


def known_headers(form: dict[str, Any]) -> frozenset[str]:
    """All headers of the form under all their aliases, folded."""
    columns = (column for sheet in form["sheets"] for column in sheet["columns"])
    return frozenset(fold(text) for column in columns for text in [column["header"], *column.get("aliases", [])])


def read_file(path: Path, form: Form, headers: Collection[str] = (), careful: bool = False) -> Reading:
    """Read one file in this process. Returns a reading (layout.lay_out) or {"problem": code}.

    headers: see known_headers. careful: without calamine, which can take the process down.
    """
    try:
        sheets = read_sheets(path, headers, careful)
    except UnreadableError as error:
        return {"problem": error.code}
    return lay_out(sheets, form)


def read_sheets(path: Path, headers: Collection[str] = (), careful: bool = False) -> list[Sheet]:
    """Every worksheet of a file with its non-empty cells, the format known by content. Raises UnreadableError."""
    size = path.stat().st_size
    if size == 0:
        raise UnreadableError("empty")
    if size > BYTES_A_FILE:
        raise UnreadableError("too_large")
    return [_in_unicode(sheet) for sheet in _sheets(path.read_bytes(), headers, careful)]


def _sheets(data: bytes, headers: Collection[str], careful: bool) -> list[Sheet]:
    if data.startswith(_ZIP):
        return _from_zip(data, careful)
    if data.startswith(_COMPOUND) and "EncryptedPackage".encode("utf-16-le") in data:
        raise UnreadableError("protected")
    if data.startswith(_COMPOUND) and not any(name.encode("utf-16-le") in data for name in ("Workbook", "Book")):
        raise UnreadableError("not_a_workbook")  # a document, a presentation, a message
    if data.startswith((_COMPOUND, *_BARE_XLS)):
        from pipelines.read_xls import read_xls

        return read_xls(data)
    from pipelines.read_text import read_text

    return read_text(data, headers)


def _from_zip(data: bytes, careful: bool) -> list[Sheet]:
    from pipelines.read_zip import Package

    package = Package(data)
    names = package.names
    if any(name.endswith("workbook.bin") for name in names):
        from pipelines.read_xlsb import read_xlsb

        return read_xlsb(package)
    if any(name.startswith("xl/") or name.endswith("workbook.xml") for name in names):
        from pipelines.read_xlsx import read_xlsx

        return read_xlsx(package, data, careful)
    if "content.xml" in package and b"spreadsheet" in package.read("mimetype" if "mimetype" in package else "content.xml"):
        from pipelines.read_ods import read_ods

        return read_ods(package)
    raise UnreadableError("not_a_workbook")


def _in_unicode(sheet: Sheet) -> Sheet:
    """The sheet with its TCVN3 texts in Unicode."""
    repaired = tcvn3.repair(cell.text for cell in sheet.cells.values() if cell.kind == "t")
    if not repaired:
        return sheet
    return sheet._replace(
        cells={place: cell._replace(text=repaired.get(cell.text, cell.text)) if cell.kind == "t" else cell
               for place, cell in sheet.cells.items()}
    )  # fmt: skip
