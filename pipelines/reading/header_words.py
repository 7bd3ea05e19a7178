"""The texts under which the form's columns are known: as the form prints them, under aliases, with or without accents,
and with words around that are understood ('Tử số tháng 10/2026'). Where they are does not belong here (header.py).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from pipelines.reading.context import ContextWords, Phrases
from pipelines.reading.sheet import Sheet
from pipelines.vietnamese import clean, code_key, fold
from pipelines.vietnamese.period_names import plain

_LONGER = 60  # letters a header may have beyond the form's longest: explanations in brackets
_LONGEST_PERIOD = 30  # letters of a header that is a period alone
_KEPT = 20_000  # texts remembered
_BRACKETS = re.compile(r"\([^()]*\)$")
_NUMBERING = re.compile(r"^(?:\(?\d{1,2}\)|\d{1,2}\.)\s*")
_BEHIND_CODE = re.compile(r"\s*[-\u2010-\u2015:.,;(]\s*\S|\s+\S", re.DOTALL)


class Match(NamedTuple):
    """The column a text is the header of, and what else it says ('' for nothing)."""

    name: str
    around: str


class TableForm:
    """One kind of table of the form: its headers under all their aliases, and which of them it needs."""

    def __init__(self, layout: Mapping[str, Any], also: list[dict[str, Any]], context: ContextWords) -> None:
        columns = [*(c for c in layout["columns"] if not c.get("shown")), *also]
        self.kind: str = layout["kind"]
        self.context = context
        aliases = {fold(text): c["name"] for c in reversed(columns) for text in c.get("aliases", [])}
        self.names: dict[str, str] = aliases | {fold(c["header"]): c["name"] for c in reversed(columns)}
        self.own = {c["name"]: fold(c["header"]) for c in columns}  # the header the form prints
        self.headers = {c["name"]: c["header"] for c in columns}
        self.required = [c["name"] for c in columns if c.get("required")]
        self.answers = [c["name"] for c in columns if c.get("answer")]
        self.prefilled = {c["name"] for c in columns if c.get("prefilled")}
        self.figures = [name for name in self.answers if name not in layout["remarks"]]
        self.chosen = [name for name in self.figures if name in self.required]  # the text around them matters
        self.key = self.required[0]
        self.named_by: str = layout["named_by"]
        self.by_period: str | None = layout.get("by_period")  # what columns are that only a period is over
        self.enough: list[list[str]] = layout["enough"]
        self.code = re.compile(layout["code"])
        self.longest = max(map(len, self.names)) + _LONGER
        texts = {c["name"]: [c["header"], *c.get("aliases", [])] for c in reversed(columns)}
        self._bare = {" ".join(plain(clean(text)).split()): name for name, some in texts.items() for text in some}
        self._figures = Phrases({name: texts[name] for name in self.chosen})
        self._known: dict[str, Match | None] = {}
        self._is_code = lru_cache(maxsize=_KEPT)(self._looks_like_code)

    def name_of(self, text: str) -> str | None:
        """The column a text is the header of, or None."""
        return found.name if (found := self.match(text)) else None

    def is_period(self, text: str) -> bool:
        """Whether a text is a period and nothing else, in a kind of table that may have a column for each."""
        if not self.by_period or len(text) > _LONGEST_PERIOD:
            return False
        said = self.context.understand(text, True)
        return bool(said.periods) and not (said.rest or said.kinds or said.scales)

    def match(self, text: str) -> Match | None:
        """The column a text is the header of, and what the text says besides; or None."""
        if len(text) > self.longest:
            return None
        if text not in self._known:
            if len(self._known) > _KEPT:
                self._known.clear()
            self._known[text] = self._find(text)
        return self._known[text]

    def _find(self, text: str) -> Match | None:
        """Under the text itself, else without a remark in brackets behind it, else without a number before it, else
        with words before or behind it of which every one is understood."""
        key = fold(text).rstrip("*")
        bare = " ".join(plain(clean(text)).split()) if text.isascii() else ""
        for known, typed in ((self.names, key), (self._bare, bare)):
            whole = _BRACKETS.sub("", typed)
            for shorter in (typed, whole, _NUMBERING.sub("", whole)):
                if name := known.get(shorter.strip(" .,;:-*")):
                    remark = _BRACKETS.search(clean(text).rstrip("* "))
                    return Match(name, remark[0] if remark and shorter != typed and name in self.chosen else "")
        return self._with_words(text)

    def _with_words(self, text: str) -> Match | None:
        typed = unicodedata.normalize("NFKC", clean(text))
        for name, begin, end in self._figures.find(typed, plain(typed)):
            around = f"{typed[:begin]} {typed[end:]}".strip(" .,;:-*")
            said = self.context.understand(around, True)
            if not said.rest and not said.is_silent and "(" not in typed[:begin]:
                return Match(name, around)
        return None

    def is_code(self, text: str) -> bool:
        """Whether a text looks like the code of a line, known or not, perhaps with a name behind it."""
        return len(text) <= 2 * self.longest and self._is_code(text)

    def _looks_like_code(self, text: str) -> bool:
        return self.code.fullmatch(code_key(text)) is not None or bool(split_code(self.code, text)[1])


def split_code(code: re.Pattern[str], text: str) -> tuple[str, str]:
    """A code and the name behind it in one cell: 'XHS-02 - Tỷ lệ ...'. The name is '' where there is none."""
    typed = clean(text)
    for mark in _BEHIND_CODE.finditer(typed):
        head, name = typed[: mark.start()], typed[mark.end() - 1 :]
        if (" " not in head or "-" in head) and code.fullmatch(code_key(head)) and re.search(r"[^\W\d_]{2}", name):
            return head, name
        if mark.start() > 40:
            break
    return typed, ""


class HeaderWords:
    """The headers of all tables of the form, to be looked up quickly."""

    def __init__(self, tables: list[TableForm]) -> None:
        self.tables = tables
        self._longest = max(table.longest for table in tables)
        self._known: dict[str, list[tuple[TableForm, str]]] = {}

    def named(self, sheet: Sheet) -> dict[TableForm, dict[int, set[str]]]:
        """The columns each row names, by table."""
        found: dict[TableForm, dict[int, set[str]]] = {table: {} for table in self.tables}
        known = self._known  # most texts are known to be no header
        candidates = [(row, cell) for (row, _), cell in sheet.cells.items() if known.get(cell[1], True)]
        for row, (kind, text) in candidates:
            if kind == "t" and len(text) <= self._longest:
                for table, name in self._meanings(text):
                    found[table].setdefault(row, set()).add(name)
        return found

    def _meanings(self, text: str) -> list[tuple[TableForm, str]]:
        meanings = self._known.get(text)
        if meanings is None:
            if len(self._known) > _KEPT:
                self._known.clear()
            meanings = self._known[text] = [(table, n) for table in self.tables if (n := table.name_of(text))]
            meanings += [(of, of.by_period) for of in self.tables if of.by_period and of.is_period(text)]
        return meanings
