"""The answer of a query as text: a table to read, CSV or JSON to go on with.

What is asked does not belong here (commands/ask.py, shell.py), nor how the warehouse is opened (warehouse.py).
"""

from __future__ import annotations

import csv
import io
import json
import math
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from itertools import accumulate, islice
from typing import Any

import duckdb

from pipelines.office.workbook import plain

FORMATS = ("table", "csv", "json")
_AT_ONCE = 5000  # rows fetched together


@dataclass(frozen=True)
class Answer:
    """Column names, and the rows as they come: to be gone through once."""

    names: list[str]
    rows: Iterator[tuple[Any, ...]]


def answer(con: duckdb.DuckDBPyConnection, sql: str, values: Mapping[str, Any] | None = None) -> Answer:
    """Ask, and go through the rows without holding them all. Of several statements the last one answers.

    Raises ValueError where nothing is asked, and duckdb.Error, here or on the way through, where DuckDB refuses.
    """
    if not con.extract_statements(sql):
        raise ValueError("there is no statement to run")
    cursor = con.execute(sql, values)
    names = [column[0] for column in cursor.description or []]

    def rows() -> Iterator[tuple[Any, ...]]:
        while some := cursor.fetchmany(_AT_ONCE):
            yield from some

    return Answer(names, rows())


def written(got: Answer, form: str, limit: int | None = None, widest: int = 80) -> Iterator[str]:
    """The answer in pieces of text, in one of FORMATS; at most limit rows. widest: of a column of a table, whose longer
    texts end in '…'."""
    rows = islice(got.rows, limit)
    if form == "csv":
        return _csv(got.names, rows)
    if form == "json":
        return _json(got.names, rows)
    held = list(rows)
    shown = [[_shown(value, widest) for value in row] for row in held]
    more = limit is not None and next(got.rows, None) is not None
    return _table(got.names, shown, [_is_number_column(column) for column in zip(*held, strict=True)], more=more)


# ---------------------------------------------------------------- for machines


def _csv(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """RFC 4180, lines ended by CR LF; null is empty, and a text that looks like a formula stays text."""
    held = io.StringIO()
    writer = csv.writer(held, lineterminator="\r\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow([_in_words(plain(value)) for value in row])
        yield held.getvalue()
        held.seek(0)
        held.truncate()
    yield held.getvalue()  # the heading alone where there are no rows, else nothing more


def _json(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """A list of objects, one a line: dates as text, decimals as numbers with the digits they have."""
    keys = [json.dumps(name, ensure_ascii=False) for name in names]
    between = "[\n"
    for row in rows:
        pairs = (f"{key}: {_in_json(value)}" for key, value in zip(keys, row, strict=True))
        yield f"{between}  {{{', '.join(pairs)}}}"
        between = ",\n"
    yield "\n]\n" if between == ",\n" else "[]\n"


def _in_json(value: Any) -> str:
    if isinstance(value, Decimal):
        return _digits(value)
    if isinstance(value, float) and not math.isfinite(value):
        return "null"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_in_json(one) for one in value)}]"
    if isinstance(value, dict):
        pairs = (f"{json.dumps(str(name), ensure_ascii=False)}: {_in_json(one)}" for name, one in value.items())
        return f"{{{', '.join(pairs)}}}"
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    return json.dumps(_in_words(value), ensure_ascii=False)


def _in_words(value: Any) -> str:
    """A value as text; null is nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return _digits(value)
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list | tuple | dict):
        return _in_json(value)
    return str(value)


def _digits(value: Decimal) -> str:
    """Without exponent and without zeros that say nothing: 85.5000 is 85.5."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


# ---------------------------------------------------------------- for people


def _table(names: Sequence[str], cells: Sequence[Sequence[str]], right: Sequence[bool], *, more: bool) -> Iterator[str]:
    """Columns under their names; right: which of them stand to the right."""
    widths = [max(map(width, column)) for column in zip(names, *cells, strict=True)]
    yield _line(names, widths, right)
    yield "  ".join("─" * wide for wide in widths) + "\n"
    for row in cells:
        yield _line(row, widths, right)
    counted = "1 row" if len(cells) == 1 else f"{len(cells)} rows"
    yield f"({counted}{', and there are more' if more else ''})\n"


def _line(row: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    sides = right or [False] * len(widths)
    padded = (_padded(text, wide, side) for text, wide, side in zip(row, widths, sides, strict=True))
    return "  ".join(padded).rstrip() + "\n"


def _padded(text: str, wide: int, right: bool) -> str:
    room = " " * (wide - width(text))
    return room + text if right else text + room


def _is_number_column(values: Sequence[Any]) -> bool:
    return all(value is None or _is_number(value) for value in values) and any(value is not None for value in values)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _shown(value: Any, widest: int) -> str:
    """A value on one line of a terminal: what would move the cursor or turn the line round is shown as a sign."""
    if value is None:
        return "NULL"
    text = "".join(map(_sign, _in_words(value)))
    if width(text) <= widest:
        return text
    places = accumulate(map(width, text))
    return "".join(letter for letter, upto in zip(text, places, strict=True) if upto < widest) + "…"


def _sign(letter: str) -> str:
    kind = unicodedata.category(letter)
    if kind == "Cc":
        return chr(0x2400 + ord(letter)) if ord(letter) < 0x20 else "␡"
    return "�" if kind in ("Cf", "Cs", "Zl", "Zp") else letter


def width(text: str) -> int:
    """Places a text takes on a terminal: accents of their own take none, wide letters two."""
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )
