"""'kpi57 query': SQL that a person typed, answered from the published copy.

DuckDB prints the table and writes CSV and JSON. How the copy is sealed is warehouse/database.py.
"""

from __future__ import annotations

import io
import shutil
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

import duckdb

from pipelines.home import Home
from pipelines.office.wording import say
from pipelines.warehouse.copies import copy_csv, copy_json
from pipelines.warehouse.database import reading

FORMATS = ("table", "csv", "json")
SHOWN = 200  # rows of a table, unless a limit is given: from its beginning and its end
_ANY_WIDTH = 100_000  # of a table that goes into a file or another program
_WRITTEN = {"csv": copy_csv, "json": copy_json}


@contextmanager
def answered(
    home: Home, sql: str, form: str = "table", *, limit: int | None = None, seconds: float = 60
) -> Iterator[tuple[BinaryIO, str]]:
    """The answer as UTF-8 text in one of FORMATS, and the as-of date with the illustrative notice. Of several
    statements the last one answers. limit: only the first rows.

    Raises FileNotFoundError if nothing is published, ValueError where nothing is asked, TimeoutError where it takes
    longer than the seconds given, and duckdb.Error where DuckDB refuses.
    """
    with TemporaryDirectory() as folder:
        file = Path(folder) / "answer"
        with reading(home, sealed=True, writes=file if form in _WRITTEN else None) as con:
            notice = _notice(con)
            with _stopped_after(con, seconds):
                if not con.extract_statements(sql):
                    raise ValueError("there is no statement to run")
                asked = con.sql(sql)
                if asked is None:
                    raise ValueError("the statement returns no result")
                asked = asked if limit is None else asked.limit(limit)
                if form in _WRITTEN:
                    _WRITTEN[form](asked, file)
                else:
                    file.write_text(_table(asked, limit or SHOWN), encoding="utf-8", newline="\n")
        with file.open("rb") as handle:
            yield handle, notice


def _notice(con: duckdb.DuckDBPyConnection) -> str:
    [(day, illustrative)] = con.execute("SELECT as_of_on, is_illustrative FROM core.dim_build").fetchall()
    return f"as of {day}" + (f" · {say('labels.illustrative_figures')} (illustrative figures)" if illustrative else "")


@contextmanager
def _stopped_after(con: duckdb.DuckDBPyConnection, seconds: float) -> Iterator[None]:
    """Interrupt what the connection is at after so many seconds."""
    done = threading.Event()

    def watch() -> None:
        if not done.wait(seconds):
            while not done.wait(0.1):  # an interrupt between two statements is lost
                con.interrupt()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    except duckdb.InterruptException:
        raise TimeoutError(f"stopped after {seconds:g} seconds: ask for less, or give it longer (--seconds)") from None
    finally:
        done.set()
        watcher.join()


def _table(asked: duckdb.DuckDBPyRelation, most_rows: int) -> str:
    """As wide as the terminal. DuckDB shows control characters as escapes; what turns a line round becomes a sign."""
    width = shutil.get_terminal_size((_ANY_WIDTH, 24)).columns
    with redirect_stdout(io.StringIO()) as printed:
        asked.show(max_rows=most_rows, max_width=width)
    text = printed.getvalue().rstrip("\n") + "\n"
    return "".join("\ufffd" if unicodedata.category(letter) in ("Cf", "Cs", "Zl", "Zp") else letter for letter in text)
