"""What lines of every kind make of cells that hold text: what is wrong with them, and what of them is kept."""

from __future__ import annotations

from pipelines.checking.figures import LONGEST_TEXT, Typed, text_of
from pipelines.files import Row


def problems(typed: Typed, names: tuple[str, ...]) -> Row:
    """Errors and formulas never calculated in cells that hold text."""
    return {f"{name}_problem": _NO_TEXT.get(typed[name][1], "") if name in typed else None for name in names}


_NO_TEXT = {"e": "error", "f": "formula"}


def texts_of(typed: Typed, names: tuple[str, ...]) -> Row:
    """Texts as they are kept, and whether they were cut."""
    facts: Row = {}
    for name in names:
        text = text_of(typed, name)
        facts[name] = text[:LONGEST_TEXT] or None
        facts[f"{name}_length"] = len(text)
        facts[f"{name}_is_whole"] = len(text) <= LONGEST_TEXT
    return facts
