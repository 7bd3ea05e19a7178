"""The automatic numbers of a DOCX, counted as Word prints them: '1.', 'II', '2.1.', 'a)'."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

from docx.oxml.ns import qn

_ROMAN = ((1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL"), (10, "X"),
          (9, "IX"), (5, "V"), (4, "IV"), (1, "I"))  # fmt: skip


class Numbering:
    """Counts the numbered paragraphs of one document, in the order they are asked for."""

    def __init__(self, document: Any) -> None:
        self._levels: dict[str, dict[int, Any]] = {}
        self._abstract: dict[str, str] = {}
        self._starts: dict[str, dict[int, int]] = defaultdict(dict)
        self._counts: dict[str, dict[int, int]] = defaultdict(dict)
        self._styles = {style.style_id: style.element for style in document.styles}
        try:
            root = document.part.numbering_part.element
        except (KeyError, NotImplementedError):
            return
        for abstract in root.iterchildren(qn("w:abstractNum")):
            key = abstract.get(qn("w:abstractNumId"))
            self._levels[key] = {int(level.get(qn("w:ilvl"))): level for level in abstract.iterchildren(qn("w:lvl"))}
        for number in root.iterchildren(qn("w:num")):
            key = number.get(qn("w:numId"))
            self._abstract[key] = number.find(qn("w:abstractNumId")).get(qn("w:val"))
            for override in number.iterchildren(qn("w:lvlOverride")):
                start = override.find(qn("w:startOverride"))
                if start is not None:
                    self._starts[key][int(override.get(qn("w:ilvl")))] = int(start.get(qn("w:val")))

    def _of(self, paragraph: Any) -> tuple[str, int] | None:
        """The list and the level a paragraph belongs to, by itself or by its style."""
        properties = paragraph.find(qn("w:pPr"))
        if properties is None:
            return None
        found = properties.find(qn("w:numPr"))
        style = properties.find(qn("w:pStyle"))
        if found is None and style is not None and (element := self._styles.get(style.get(qn("w:val")))) is not None:
            found = element.find(f"{qn('w:pPr')}/{qn('w:numPr')}")
        if found is None or (number := found.find(qn("w:numId"))) is None:
            return None
        level = found.find(qn("w:ilvl"))
        key = number.get(qn("w:val"))
        return (key, int(level.get(qn("w:val"))) if level is not None else 0) if key in self._abstract else None

    def is_numbered(self, paragraph: Any) -> bool:
        return self._of(paragraph) is not None

    def next(self, paragraph: Any) -> str:
        """The number printed before this paragraph, '' where there is none or it is a bullet."""
        if (of := self._of(paragraph)) is None:
            return ""
        key, level = of
        levels = self._levels.get(self._abstract[key], {})
        if level not in levels:
            return ""
        counts = self._counts[self._abstract[key] if key not in self._starts else key]
        counts[level] = counts[level] + 1 if level in counts else self._start(key, level, levels)
        for deeper in [one for one in counts if one > level]:
            del counts[deeper]
        pattern = levels[level].find(qn("w:lvlText"))
        text = pattern.get(qn("w:val")) or "" if pattern is not None else ""
        if _format(levels[level]) in ("bullet", "none"):
            return "-" if _format(levels[level]) == "bullet" else ""

        def shown(found: re.Match[str]) -> str:
            at = int(found[1]) - 1
            return _written(counts.get(at, self._start(key, at, levels)), _format(levels.get(at)))

        return re.sub(r"%(\d)", shown, text)

    def _start(self, key: str, level: int, levels: dict[int, Any]) -> int:
        if (given := self._starts.get(key, {}).get(level)) is not None:
            return given
        start = levels[level].find(qn("w:start")) if level in levels else None
        return int(start.get(qn("w:val"))) if start is not None else 1


def _format(level: Any) -> str:
    found = level.find(qn("w:numFmt")) if level is not None else None
    return str(found.get(qn("w:val"))) if found is not None else "decimal"


def _written(number: int, fmt: str) -> str:
    if fmt in ("lowerLetter", "upperLetter"):
        letter = chr(ord("a") + (number - 1) % 26) * ((number - 1) // 26 + 1)
        return letter.upper() if fmt == "upperLetter" else letter
    if fmt in ("lowerRoman", "upperRoman"):
        text = ""
        for value, roman in _ROMAN:
            text, number = text + roman * (number // value), number % value
        return text.lower() if fmt == "lowerRoman" else text
    return f"{number:02}" if fmt == "decimalZero" else str(number)
