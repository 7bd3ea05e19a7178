"""Agency names by rule: what is left of a name without the commune it belongs to, its dashes and its abbreviations.

The table of aliases goes before; a rule that would give two agencies gives none (plan_folders.AgencyNames).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from pipelines.vietnamese import clean, fold

_MARKS = re.compile(r"[-\u2010-\u2015/&.,;:()]")
# At the end alone, and no mark after it: 'Phòng Kinh tế xã, Công an xã' are two.
_OF_COMMUNE = re.compile(r"\s(?:của\s)?(?:ubnd\s)?(?:xã|phường|đặc khu)(?:\s[^\s,;/&()-]+){0,3}$")


class NameRules:
    """words: abbreviations and what they stand for ('VH-XH': 'Văn hóa - Xã hội')."""

    def __init__(self, words: Iterable[Mapping[str, str]] = ()) -> None:
        spaced = [(_spaced(row["word"]), _spaced(row["means"])) for row in words]
        self._words = sorted(spaced, key=lambda pair: -len(pair[0]))

    def plain(self, name: str) -> str:
        """'Văn phòng HĐND&UBND xã' and 'Văn phòng HĐND và UBND' are alike, and so are a name and its abbreviation."""
        small = clean(name).casefold().strip(" .,;")
        text = f" {_spaced(_OF_COMMUNE.sub('', small))} "
        for word, means in self._words:
            text = text.replace(f" {word} ", f" {means} ")
        return fold(clean(text if len(text.split()) > 1 else small))


def _spaced(text: str) -> str:
    """Small letters, words alone: no dash, no '&', no 'và'."""
    return clean(re.sub(r"\bvà\b", " ", _MARKS.sub(" ", clean(text).casefold())))
