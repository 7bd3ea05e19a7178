"""What the words around a figure say of it: another period, a plan, an estimate, a sum since January, thousands.

Which words there are is data (the form's 'context'). Which period a file is of is not known here, so what is said is
only named; whether it fits the file is for checking/context.py.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from pipelines.vietnamese import clean, fold
from pipelines.vietnamese.period_names import periods_in, plain

LOOKED_AT = 200  # letters of a text
_KEPT = 20_000  # texts remembered
_SMALL = re.compile(r"(?<![^\W_])(?:[a-zđ]|\d{1,2})(?![^\W_])")  # a letter or number of a column
_LETTERS = re.compile(r"[^\W_]+|[%\u2030]")


class Said(NamedTuple):
    """What a text says: periods by code ('?-09' is a month of no year), kinds of figure, scales of numbers, and what
    is left that nobody knows."""

    periods: tuple[str, ...]
    kinds: tuple[str, ...]
    scales: tuple[str, ...]
    rest: str

    @property
    def is_silent(self) -> bool:
        """Whether it says nothing about figures, whatever else it may say."""
        return not (self.periods or self.kinds or self.scales)


class Phrases:
    """Phrases by what they mean, found in a text with or without its accents, the longest first."""

    def __init__(self, phrases: Mapping[str, list[str]]) -> None:
        self._meanings: dict[str, list[tuple[str, str]]] = {}
        for meaning, some in phrases.items():
            for phrase in some:
                self._meanings.setdefault(_key(plain(clean(phrase))), []).append((fold(phrase), meaning))
        longest = sorted(self._meanings, key=len, reverse=True)
        self._pattern = re.compile(rf"(?<![a-z0-9])(?:{'|'.join(map(re.escape, longest))})(?![a-z0-9])")

    def find(self, text: str, bare: str) -> list[tuple[str, int, int]]:
        """Meaning, begin and end of each phrase. text: in NFKC; bare: as period_names.plain has it, equally long."""
        found = []
        for match in self._pattern.finditer(_key(bare)):
            begin, end = match.span()
            typed = text[begin:end].lower()
            for folded, meaning in self._meanings[match.group()]:
                if typed.isascii() or fold(typed) == folded:
                    found.append((meaning, begin, end))
                    break
        return found


def _key(bare: str) -> str:
    return bare.replace("y", "i")


class ContextWords:
    """The words of the form's 'context', prepared once."""

    def __init__(self, context: Mapping[str, Any]) -> None:
        self._kinds = Phrases(context["words"])
        scales = {scale: [scale, *others] for scale, others in context["scales"].items()}
        self._others = Phrases(scales | {"": context["remarks"]})
        self.understand = lru_cache(maxsize=_KEPT)(self._understand)

    def _understand(self, text: str, short: bool = False) -> Said:
        """What a text says. short: it is a header or a name, where 'T9' is a month and a year alone that year."""
        typed = unicodedata.normalize("NFKC", clean(text[:LOOKED_AT])).replace("_", " ")
        codes, rest = periods_in(typed, short=short)
        kinds, rest = _take(self._kinds, typed, rest)
        scales, rest = _take(self._others, typed, rest)
        left = _SMALL.sub(" ", rest)
        return Said(
            tuple(codes), tuple(filter(None, kinds)), tuple(filter(None, scales)), " ".join(_LETTERS.findall(left))
        )


def _take(phrases: Phrases, typed: str, rest: str) -> tuple[list[str], str]:
    """The meanings of the phrases in what is left of a text, and what is left then."""
    found = phrases.find(typed, rest)
    for _, begin, end in found:
        rest = rest[:begin] + "|" * (end - begin) + rest[end:]
    return list(dict.fromkeys(meaning for meaning, _, _ in found)), rest
