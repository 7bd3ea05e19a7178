"""From an untrusted file to cells: reading in worker processes with a time and a memory limit.

A hang, an abort or a panic of a library costs one file its reading, never the run. What a cell means does not belong
here (layout.py, validate.py). This module is imported by the workers, so it imports little.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterable, Iterator
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from pebble import ProcessExpired, ProcessPool

from pipelines.layout import Cell, Form, Sheet, lay_out

SECONDS_A_FILE = 30
BYTES_A_WORKER = 2 * 1024**3
WORKERS = 2
_SIGNATURES = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")  # zip (xlsx, ods), compound file (xls)


@dataclass(frozen=True)
class Job:
    """One file to read: its key (returned with the result) and where it lies."""

    key: str
    path: Path


def read_all(jobs: Iterable[Job], form: dict[str, Any]) -> Iterator[tuple[Job, dict[str, Any]]]:
    """Read files in workers; yields each job with its reading (see layout.lay_out), in the order given.

    A file that cannot be read yields {"problem": <code>}: empty, not_a_workbook, protected, damaged, too_slow,
    too_large (codes of the form's 'problems').
    """
    pending = list(jobs)
    if not pending:
        return
    context = multiprocessing.get_context("spawn")
    workers = min(WORKERS, len(pending))
    with ProcessPool(workers, initializer=_start_worker, initargs=[BYTES_A_WORKER, form], context=context) as pool:
        futures = [(job, pool.schedule(_read_in_worker, args=[job.path], timeout=SECONDS_A_FILE)) for job in pending]
        for job, future in futures:
            try:
                yield job, future.result()
            except FutureTimeout:
                yield job, {"problem": "too_slow"}
            except (ProcessExpired, MemoryError):
                yield job, {"problem": "too_large"}


_worker_form: Form | None = None


def _start_worker(size: int, form: dict[str, Any]) -> None:
    global _worker_form
    _worker_form = Form(form)
    try:
        import resource
    except ImportError:  # Windows has no address-space limit; the time limit still holds there
        return
    resource.setrlimit(resource.RLIMIT_AS, (size, size))


def _read_in_worker(path: Path) -> dict[str, Any]:
    if _worker_form is None:
        raise RuntimeError("the worker was not started with a form")
    return read_file(path, _worker_form)


def read_file(path: Path, form: Form) -> dict[str, Any]:
    """Read one file in this process. Returns a reading (layout.lay_out) or {"problem": code}."""
    if path.stat().st_size == 0:
        return {"problem": "empty"}
    try:
        sheets = read_sheets(path)
    except (MemoryError, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 - calamine panics with a PanicException, which is no Exception
        return {"problem": _problem_of(error, path)}
    return lay_out(sheets, form)


def _problem_of(error: BaseException, path: Path) -> str:
    text = str(error)
    with path.open("rb") as handle:
        begins_as_workbook = handle.read(8).startswith(_SIGNATURES)
    if "password" in text.casefold() or "encrypt" in text.casefold():
        return "protected"
    return "damaged" if begins_as_workbook else "not_a_workbook"


def read_sheets(path: Path) -> list[Sheet]:
    """Every worksheet of a workbook with its non-empty cells."""
    import python_calamine

    with path.open("rb") as handle:
        workbook = python_calamine.load_workbook(handle)
        sheets = []
        for meta in workbook.sheets_metadata:
            if meta.typ != python_calamine.SheetTypeEnum.WorkSheet:
                continue
            rows = workbook.get_sheet_by_name(meta.name).to_python(skip_empty_area=False)
            cells = {
                (r, c): cell
                for r, row in enumerate(rows, 1)
                for c, value in enumerate(row, 1)
                if value != "" and (cell := _cell(value)) is not None
            }
            sheets.append(Sheet(meta.name, cells))
    return sheets


def _cell(value: Any) -> Cell | None:
    """A calamine value as what was typed: kind n (number), t (text), b (yes/no), d (date), and its text."""
    if isinstance(value, str):
        return Cell("t", value) if value.strip() else None
    if isinstance(value, bool):
        return Cell("b", "1" if value else "0")
    if isinstance(value, (int, float)):
        return Cell("n", repr(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value)))
    if isinstance(value, (datetime, date)):
        return Cell("d", value.isoformat()[:10])
    if isinstance(value, (time, timedelta)):
        return Cell("t", str(value))
    return None
