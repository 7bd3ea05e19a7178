"""The answer to a file with its confirmations filled in: what its officer would type into it before sending it back.

Runs in a worker with limits (workers.py), as the answer holds a copy of a file that was sent. Which cells these are is
feedback.py's; how they are read again, reading/layout.py's.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from pipelines.office.figures import form
from pipelines.office.patching import Book, Value
from pipelines.reading.sheet import Sheet
from pipelines.vietnamese import clean

_ROW = re.compile(r"[A-Z]{1,3}(\d{1,7})")


class Confirmation(NamedTuple):
    """An answer, and for each line that is confirmed its sheet and row in the file that was sent, and the reason."""

    answer: Path
    reasons: tuple[tuple[str, int, str], ...]


def confirmed_copy(order: Confirmation) -> bytes:
    """The workbook with the confirmations in it, all else as it was. Raises ValueError where the answer does not ask
    about a line, UnreadableError (reading/formats) where it is no workbook any more."""
    book = Book(order.answer.read_bytes())
    sheet = next(iter(book.sheets.values()))  # the list of findings is in front
    asked = _asked(sheet)
    says, values = form()["confirmation"]["answers"][0], {}
    for of, row, reason in order.reasons:
        if (of, row) not in asked:
            raise ValueError(f"the answer asks nothing about row {row} of sheet '{of}'")
        for at, column in asked[of, row]:
            values[sheet.name, at, column] = Value(f"{says}: {reason}", overwrite=True)
    return book.filled(values)


def _asked(sheet: Sheet) -> dict[tuple[str, int], list[tuple[int, int]]]:
    """Where an answer goes, by sheet and row of the line: row and column of each finding of the line."""
    columns = form()["confirmation"]["columns"]
    texts = {place: clean(cell.text) for place, cell in sheet.cells.items()}
    [head] = {row for (row, _), text in texts.items() if text == columns["answer"]}
    at = {text: column for (row, column), text in texts.items() if row == head}
    found: dict[tuple[str, int], list[tuple[int, int]]] = {}
    for row in sorted({row for row, _ in texts if row > head}):
        cell = _ROW.fullmatch(texts.get((row, at[columns["cell"]]), ""))
        if cell:
            line = texts.get((row, at[columns["sheet"]]), ""), int(cell[1])
            found.setdefault(line, []).append((row, at[columns["answer"]]))
    return found
