"""Reporting periods as offices name them in a text: 'Tháng 10/2026', 'T10-2026', 'Quý III năm 2026', '2026-10'.

Pure functions from text to codes, and to what is left of the text without them. Which periods there are and when they
are due does not belong here (registry/periods.py).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

LOOKED_AT = 200  # letters of a text
PERIOD = re.compile(r"(?P<year>\d{4})(?:-(?P<part>\d{2}|Q[1-4]|H[12]|9M))?")
_DASHES = re.compile(r"[\u2010-\u2015\u2212]")
_YEAR = r"(?P<year>20\d\d)(?!\d)"
_GAP = r"[\s_./,-]*"
_OF_YEAR = rf"{_GAP}(?:nam)?{_GAP}{_YEAR}"
_NUMBERS = {"i": 1, "ii": 2, "iii": 3, "iv": 4, "dau": 1, "cuoi": 2,
            # months in words, as far as these are nothing else without accents
            "bay": 7, "chin": 9, "muoi": 10, "muoi mot": 11, "muoi hai": 12}  # fmt: skip
# Days and numbers of documents, which name no period: 14/10/2026, 2026-10-14, 20261014, ngày 14 tháng 10 năm 2026,
# ngày ... tháng 10 năm 2026, 05/2026/QĐ-UBND.
_DAYS = re.compile(
    r"\d{1,5}\s?/(?:20\d\d/)?(?!thang|quy|nam|ky)[a-z]{2,}(?:-[a-z]+)*|/\s?[a-z]{2,}-[a-z]{2,}|"
    r"(?<!\d)\d{1,2}[/._-]\d{1,2}[/._-]20\d\d(?!\d)|(?<!\d)20\d\d[/._-]\d{1,2}[/._-]\d{1,2}(?!\d)"
    r"|(?<!\d)20\d{6}(?!\d)|ngay[\s._]*\d{0,2}[\s._]*(?:thang|[/.-])\s*\d{1,2}(?:" + _OF_YEAR + r")?"
    r"|(?:ngay|den)\s*\d{1,2}/\d{1,2}(?![/\d])"
)
_NO_YEAR = "?"
# What comes first wins the text it covers: in '6 tháng đầu năm 2026' there is no year of its own. A number of months
# from January on that is no period anybody reports ('10 tháng năm 2026') is '2026-10M'.
_NAMED = [
    (re.compile(pattern), code)
    for pattern, code in (
        (rf"(?<![a-z0-9])(?:6|sau){_GAP}(?:thang|t){_GAP}(?P<part>dau|cuoi)?{_OF_YEAR}", "{year}-H{part}"),
        (rf"(?<![a-z0-9])h(?P<part>[12]){_GAP}{_YEAR}", "{year}-H{part}"),
        (rf"(?<!\d){_YEAR}{_GAP}h(?P<part>[12])(?![a-z0-9])", "{year}-H{part}"),
        (rf"(?<![a-z0-9])(?:9|chin){_GAP}(?:thang|t){_GAP}(?:dau)?{_OF_YEAR}", "{year}-9M"),
        (rf"(?<!\d){_YEAR}{_GAP}9m(?![a-z0-9])", "{year}-9M"),
        (rf"(?<![a-z0-9/.,-])(?P<part>\d{{1,2}}){_GAP}thang{_GAP}(?:dau|cuoi)?{_OF_YEAR}", "{year}-{part}M"),
        (rf"(?<![a-z])(?:quy|q){_GAP}(?P<part>iv|iii|ii|i|\d)(?![a-z0-9]){_OF_YEAR}", "{year}-Q{part}"),
        (rf"(?<!\d){_YEAR}{_GAP}(?:quy|q){_GAP}(?P<part>iv|iii|ii|i|\d)(?![a-z0-9])", "{year}-Q{part}"),
        (rf"(?<![a-z])(?:thang|t){_GAP}(?P<part>\d{{1,2}})(?!\d){_OF_YEAR}", "{year}-{part:02}"),
        (rf"(?<!\d){_YEAR}{_GAP}(?:thang|t){_GAP}(?P<part>\d{{1,2}})(?!\d)", "{year}-{part:02}"),
        # '2026.1' is what Excel makes of 2026.10, and of 2026.1
        (r"(?<!\d)(?P<year>20\d\d)\s?[.,]\s?1(?![\d.,])", "?"),
        (r"(?<!\d)(?P<year>20\d\d)[-_. /]?(?P<part>0[1-9]|1[0-2])(?!\d)", "{year}-{part:02}"),
        (r"(?<!\d)(?P<year>20\d\d)[-_./](?P<part>[1-9])(?!\d)", "{year}-{part:02}"),
        (rf"(?<![a-z0-9])(?P<part>\d{{1,2}})[-_./]{_YEAR}", "{year}-{part:02}"),
        (rf"(?<![a-z])nam{_GAP}{_YEAR}(?!\s*-\s*20\d\d)", "{year}"),
        # of a year not named
        (rf"(?<![a-z0-9])(?:6|sau){_GAP}thang{_GAP}(?P<part>dau|cuoi)(?:{_GAP}nam)?(?![a-z])", "?-H{part}"),
        (r"(?<![a-z0-9/.,-])(?P<part>\d{1,2})\s*thang(?:\s*dau)?(?:\s*nam)?(?![a-z0-9]|\s*\d)", "?-{part}M"),
        (r"(?<![a-z])thang\s*(?P<part>\d{1,2})(?![a-z0-9])", "?-{part:02}"),
        (r"(?<![a-z])(?:quy\s*|q)(?P<part>\d|iv|iii|ii|i)(?![a-z0-9])", "?-Q{part}"),
        (r"(?<![a-z])thang\s*(?:iv|iii|ii|i)(?![a-z0-9])", "?"),
        (r"(?<![a-z])thang\s*(?P<part>muoi mot|muoi hai|muoi|chin|bay)(?![a-z0-9])", "?-{part:02}"),
    )
]
_SHORT_MONTH = re.compile(r"(?<![a-z0-9])t[._ -]?(?P<part>0?[1-9]|1[0-2])(?![a-z0-9])")
_BARE_YEAR = re.compile(r"(?<!\d)(?P<year>20\d\d)(?![\d/])")
# Words that may be beside the period where one is stated, and say nothing of their own.
_BESIDE = re.compile(
    r"(?<![a-z0-9])(?:\d{1,2}/\d{1,2}|ky|bao cao|so lieu|cua|den|tu|ngay|het|tinh|trong|thang|quy|nam)(?![a-z0-9])"
)


class Named(NamedTuple):
    """The periods a text names, as codes without repeats, and the text with blanks in their place.

    '?-10' is a month of no year, '?' one that cannot be told; '2026-10M' the ten months of a year, which is no period
    that is reported. rest has every letter in its place.
    """

    codes: list[str]
    rest: str


def plain(text: str) -> str:
    """Small letters without accents, each in its place: as long as the text in NFKC."""
    return _DASHES.sub("-", "".join(map(_bare, unicodedata.normalize("NFKC", text))).replace("đ", "d"))


@lru_cache(maxsize=4096)
def _bare(char: str) -> str:
    bare = [c for c in unicodedata.normalize("NFD", char.lower()) if not unicodedata.combining(c)]
    return bare[0] if bare else " "


def periods_in(text: str, *, short: bool = False) -> Named:
    """The periods a text names. short: 'T9' and a year alone name one too (in a header, not in a sentence)."""
    rest = _blank(_DAYS, plain(text[:LOOKED_AT]))
    found: list[str] = []
    for pattern, code in _NAMED:
        for match in pattern.finditer(rest):
            found.append(_code(code, match.groupdict()))
        rest = _blank(pattern, rest)
    if short:
        for pattern, code in ((_SHORT_MONTH, "?-{part:02}"), (_BARE_YEAR, "{year}")):
            found += [_code(code, match.groupdict()) for match in pattern.finditer(rest)]
            rest = _blank(pattern, rest)
    return Named(list(dict.fromkeys(found)), rest)


def _code(form: str, given: dict[str, str | None]) -> str:
    part = given.get("part") or "dau"
    return form.format(year=given.get("year"), part=_NUMBERS.get(part) or int(part))


def _blank(pattern: re.Pattern[str], text: str) -> str:
    return pattern.sub(lambda match: " " * (match.end() - match.start() - 1) + "|", text)


def named_periods(text: str) -> list[str]:
    """Codes of the periods a text names: '2026-10', 'Tháng 10/2026', 'T10-2026', 'Quý III năm 2026', '6 tháng đầu năm
    2026', '9 tháng năm 2026', 'Năm 2026'; without repeats. Accents do not matter, days are no periods.

    Whether there is such a period ('2026-13') is for the caller to see. '?' is a month or quarter of no year.
    """
    return list(dict.fromkeys("?" if code.startswith(_NO_YEAR) else code for code in periods_in(text).codes))


def stated_period(text: str) -> str:
    """The code of the one period a text states, else ''. A date cell ('2026-10-01') is its month, '2026' the year.

    What is left of the text beside the period must say nothing else: 'tháng mười năm 2026' is not the year.
    """
    typed = " ".join(text.split())
    if re.fullmatch(r"20\d\d-\d\d-01", typed):
        return typed[:7]
    if PERIOD.fullmatch(typed.upper()):
        return typed.upper()
    codes, rest = periods_in(typed)
    if len(codes) != 1 or codes[0].startswith(_NO_YEAR):
        return ""
    return "" if re.search(r"[^\W_]", _BESIDE.sub(" ", rest)) else codes[0]
