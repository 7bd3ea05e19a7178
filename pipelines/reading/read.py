"""From an untrusted file to a reading: its format known by content, its cells, its lines.

Read in worker processes with limits (workers.py): a file can cost itself its reading, never the run. The formats are
the modules beside it; what a cell means does not belong here (layout.py, checking/). This module is imported by the
workers, so it imports little.
"""

from __future__ import annotations

import gc
import json
import logging
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from pipelines.reading.form import Form
from pipelines.reading.formats.cell_values import UnreadableError
from pipelines.reading.formats.tcvn3 import in_unicode
from pipelines.reading.layout import lay_out
from pipelines.reading.sheet import Sheet
from pipelines.vietnamese import fold
from pipelines.workers import LimitError, run_limited

BYTES_A_FILE = 64 * 1024**2
_ZIP, _COMPOUND = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_BARE_XLS = (b"\x09\x00\x04\x00", b"\x09\x02\x06\x00", b"\x09\x04\x06\x00")  # Excel 2, 3 and 4 had no container
_OTHER_COMPOUNDS = ("PowerPoint Document", "__properties_version1.0")  # the last: a message of Outlook
# What is no workbook, and officers send all the same, by how it begins.
_OTHERS = ((b"%PDF", "pdf"), (b"\x89PNG", "picture"), (b"\xff\xd8\xff", "picture"), (b"GIF8", "picture"),
           (b"Rar!", "archive"), (b"7z\xbc\xaf\x27\x1c", "archive"), (b"{\\rtf", "word"))  # fmt: skip
_log = logging.getLogger(__name__)

Reading = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """One file to read: its key (returned with the result) and where it lies."""

    key: str
    path: Path


# ---------------------------------------------------------------- many files, in workers


class Written(NamedTuple):
    """A reading as the warehouse keeps it, in JSON: the layout without its lines, and [{table, row, kind, typed}]."""

    problem: str
    layout: str
    lines: str


def written(reading: Reading) -> Written:
    tables = reading.get("tables", [])
    lines = [{"table": number, **line} for number, table in enumerate(tables) for line in table["lines"]]
    layout = {**reading, "tables": [{**table, "lines": []} for table in tables]}
    return Written(reading["problem"], _json(layout), _json(lines))


def restored(layout: str, lines: str) -> Reading:
    """The reading that was written."""
    reading: Reading = json.loads(layout)
    for line in json.loads(lines):
        reading["tables"][line.pop("table")]["lines"].append(line)
    return reading


def _json(value: Any) -> str:
    """As JSON that any database takes: a lone surrogate cannot be encoded and is replaced."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), check_circular=False)
    return text.encode("utf-8", "replace").decode()


def read_all(jobs: Iterable[Job], form: dict[str, Any]) -> Iterator[tuple[Job, Reading]]:
    """Read files in workers; yields each job with its reading (see layout.lay_out), in the order given.

    A file that cannot be read yields {"problem": <code>}: empty, not_a_workbook, not_supported, protected, damaged,
    unsafe, too_large, too_many_cells, too_slow (codes of the form's 'problems').
    """
    for job, got in read_written(jobs, form, is_last=True):
        yield job, restored(got.layout, got.lines)


def read_written(jobs: Iterable[Job], form: dict[str, Any], *, is_last: bool) -> Iterator[tuple[Job, Written]]:
    """read_all with readings as the warehouse keeps them: the workers write the JSON, nobody else looks into it.

    Where time or memory did not suffice, the problem is 'read_again', and only in the last try 'too_slow', 'too_large'.
    """
    for job, outcome in run_limited(_read_job, jobs, start=_start, start_with=[form]):
        if not isinstance(outcome, Exception):
            yield job, outcome
        elif isinstance(outcome, LimitError):
            _log.warning("%s (%s) could not be read: %s", job.key, job.path, outcome)
            yield job, written({"problem": str(outcome) if is_last else "read_again"})
        else:  # a mistake of ours must not cost the run its other files
            _log.error("%s (%s) could not be read", job.key, job.path, exc_info=outcome)
            yield job, written({"problem": "damaged"})


_form: Form | None = None
_headers: Collection[str] = ()


def _start(form: dict[str, Any]) -> None:
    global _form, _headers
    _form, _headers = Form(form), known_headers(form)


def _read_job(job: Job) -> Written:
    if _form is None:
        raise RuntimeError("the worker was not started with a form")
    return written(read_file(job.path, _form, _headers))


# ---------------------------------------------------------------- one file


def known_headers(form: dict[str, Any]) -> frozenset[str]:
    """All headers of the form under all their aliases, folded."""
    columns = (column for sheet in form["sheets"] for column in sheet["columns"])
    return frozenset(fold(text) for column in columns for text in [column["header"], *column.get("aliases", [])])


def read_file(path: Path, form: Form, headers: Collection[str] = ()) -> Reading:
    """Read one file in this process. Returns a reading (layout.lay_out) or {"problem": code}.

    headers: see known_headers.
    """
    with no_collecting():
        try:
            sheets = read_sheets(path, headers)
        except UnreadableError as error:
            return {"problem": error.code}
        return lay_out(sheets, form)


@contextmanager
def no_collecting() -> Iterator[None]:
    """Without the cyclic garbage collector: readings contain no cycles, so collecting only costs time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def read_sheets(path: Path, headers: Collection[str] = ()) -> list[Sheet]:
    """Every worksheet of a file with its non-empty cells, the format known by content. Raises UnreadableError.

    TCVN3 texts are in Unicode already.
    """
    size = path.stat().st_size
    if size == 0:
        raise UnreadableError("empty")
    if size > BYTES_A_FILE:
        raise UnreadableError("too_large")
    sheets = _sheets(path.read_bytes(), headers)
    if len({sheet.name.casefold() for sheet in sheets}) < len(sheets):  # no spreadsheet opens such a workbook
        raise UnreadableError("damaged")
    return sheets


def _sheets(data: bytes, headers: Collection[str]) -> list[Sheet]:
    if data.startswith(_ZIP):
        return _from_zip(data)
    if data.startswith(_COMPOUND) and _holds(data, "EncryptedPackage"):
        raise UnreadableError("protected")
    for begin, code in _OTHERS:
        if data.startswith(begin):
            raise UnreadableError(code)
    if data.startswith(_COMPOUND) and not _holds(data, "Workbook", "Book") and _holds(data, "WordDocument"):
        raise UnreadableError("word")
    if data.startswith(_COMPOUND) and not _holds(data, "Workbook", "Book") and _holds(data, *_OTHER_COMPOUNDS):
        raise UnreadableError("not_a_workbook")
    if data.startswith((_COMPOUND, *_BARE_XLS)):
        from pipelines.reading.formats.xls import read_xls

        return [in_unicode(sheet) for sheet in read_xls(data)]
    from pipelines.reading.formats.csv_text import read_text

    return [in_unicode(sheet) for sheet in read_text(data, headers)]


def _holds(data: bytes, *streams: str) -> bool:
    """Whether one of the names is in a compound file's directory."""
    return any(name.encode("utf-16-le") in data for name in streams)


def _from_zip(data: bytes) -> list[Sheet]:
    from pipelines.reading.formats.package import Package

    package = Package(data)
    names = package.names
    if any(name.endswith("workbook.bin") for name in names):
        from pipelines.reading.formats.xlsb import read_xlsb

        return [in_unicode(sheet) for sheet in read_xlsb(package)]
    if any(name.startswith("xl/") or name.endswith("workbook.xml") for name in names):
        from pipelines.reading.formats.xlsx import read_xlsx

        return read_xlsx(package)
    kind = package.read("mimetype") if "mimetype" in package else b"spreadsheet"
    if "content.xml" in package and b"spreadsheet" in kind:
        from pipelines.reading.formats.ods import read_ods

        return [in_unicode(sheet) for sheet in read_ods(package)]
    if any(name.startswith("word/") for name in names):
        raise UnreadableError("word")
    if any(name.startswith("ppt/") for name in names) or "mimetype" in package:
        raise UnreadableError("not_a_workbook")
    raise UnreadableError("archive")
