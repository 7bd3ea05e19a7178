"""Number formats that show another number than the cell holds: scaled by thousands, hidden, with digits of their own.

How a format shows a number otherwise (percentage, date) is in cell_values.py; what is made of it in checking/.
"""

from __future__ import annotations

import re
from functools import lru_cache

SCALED, HIDDEN, ADDED, STRUCK, STALE = "scaled", "hidden", "added", "struck", "stale"
_LITERAL = re.compile(r'"[^"]*"?|\\.|_.|\*.')
_BRACKETS = re.compile(r"\[[^\]]*\]")
_SCALES = re.compile(r"[0#?],+(?![0#?,])")
_DIGITS = re.compile(r"(?<![^\W\d_])\d")
_SHOWS = re.compile(r"[0#?@]|general|[dmyhs]", re.IGNORECASE)
_THOUSANDS = re.compile(r"nghìn|ngàn|triệu|(?<!\w)tỷ(?! lệ)|(?<!\w)tỉ(?! lệ)|thousand|million", re.IGNORECASE)


@lru_cache(maxsize=512)
def odd_format(code: str, is_negative: bool = False, is_zero: bool = False) -> str:
    """What is odd about how a format shows a number: 'scaled', 'hidden', 'added', or ''."""
    sections = _sections(code)
    for section in sections[:3]:
        literals = "".join(_literals(section))
        plain = _BRACKETS.sub("", _LITERAL.sub("", section))
        if not _SHOWS.search(plain):
            continue
        if _SCALES.search(plain) or _THOUSANDS.search(literals):
            return SCALED
        if _DIGITS.search(literals):
            return ADDED
    number = 1 if is_negative and len(sections) > 1 else 2 if is_zero and len(sections) > 2 else 0
    shown = _BRACKETS.sub("", _LITERAL.sub("", sections[number]))
    return HIDDEN if code.strip() and not _SHOWS.search(shown) else ""


def _sections(code: str) -> list[str]:
    """The parts between semicolons that are outside quotes."""
    masked = _LITERAL.sub(lambda found: "\0" * len(found[0]), code)
    parts, begin = [], 0
    for end in [*(n for n, char in enumerate(masked) if char == ";"), len(code)]:
        parts.append(code[begin:end])
        begin = end + 1
    return parts


def _literals(section: str) -> list[str]:
    """What a section shows literally: quoted or escaped, not the widths it only skips."""
    return [one[0].strip('"\\') for one in _LITERAL.finditer(section) if one[0][0] in '"\\']
