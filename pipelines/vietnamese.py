"""Text, numbers, targets and deadlines as Vietnamese offices write them.

Pure functions from text to meaning. What a text can mean in two ways is never guessed: it comes back as a problem.
Reading files and applying rules do not belong here.
"""

from __future__ import annotations

import calendar
import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import lru_cache

_TONES = {"\u0300": "1", "\u0301": "2", "\u0303": "3", "\u0309": "4", "\u0323": "5"}
_DASHES = re.compile(r"[\u2010-\u2015\u2212\ufe58\ufe63\uff0d\xad]")
_SPACES = re.compile(r"[\s\u00a0\u2000-\u200b\u202f\u205f\u3000\ufeff]+")
_I_OR_Y = re.compile(r"^([hklmst])y(\d?)$")


def clean(text: str) -> str:
    """NFC, every run of white space (no-break and zero-width included) as one space, trimmed."""
    return _SPACES.sub(" ", unicodedata.normalize("NFC", text)).strip()


def _fold_word(word: str) -> str:
    letters, tone = [], ""
    for char in unicodedata.normalize("NFD", word):
        if char in _TONES:
            tone = _TONES[char]
        else:
            letters.append(char)
    folded = unicodedata.normalize("NFC", "".join(letters)) + tone
    return _I_OR_Y.sub(r"\1i\2", folded)


@lru_cache(maxsize=4096)
def fold(text: str) -> str:
    """The key under which two spellings of one name meet.

    Upper and lower case, dashes, spaces, Unicode form, old and new tone placement (hoá, hóa) and i for y after a
    single consonant (Tỉ, Tỷ) are alike. Accents are kept: Cẩm Giàng and Cẩm Giang stay two names.
    """
    plain = _DASHES.sub("-", clean(text).casefold())
    plain = re.sub(r"\s*([-/&,;:.()])\s*", r"\1", plain)
    return re.sub(r"[^\W\d_]+", lambda m: _fold_word(m.group()), plain).strip(" .,;:-")


def code_key(text: str) -> str:
    """A code whatever way it is typed: 'xhs – 02' gives 'XHS-02'."""
    return _DASHES.sub("-", _SPACES.sub("", unicodedata.normalize("NFKC", text))).upper()


def slug(text: str) -> str:
    """Lower-case ASCII with hyphens, for folder names: 'Xã Vĩnh Lại' gives 'xa-vinh-lai'."""
    bare = unicodedata.normalize("NFD", clean(text).casefold().replace("đ", "d"))
    return re.sub(r"[^a-z0-9]+", "-", "".join(c for c in bare if not unicodedata.combining(c))).strip("-")


# ---------------------------------------------------------------- numbers

_NOTHING = {"", "-"}
_PLAIN = re.compile(r"\d+")
_VIETNAMESE = re.compile(r"\d{1,3}(?:\.\d{3})+(?:,\d+)?|\d+,\d+")
_SPACED = re.compile(r"\d{1,3}(?: \d{3})+(?:,\d+)?")
_POINT = re.compile(r"\d+\.\d+")
_ENGLISH = re.compile(r"\d{1,3}(?:,\d{3})+\.\d+|\d{1,3}(?:,\d{3}){2,}")
_NO_DIGIT = re.compile(r"[^\W0-9\uff10-\uff19]")  # letters, and digits that are marks: 20¹ is not 201
_COMMA_OF_THREE = re.compile(r"[1-9]\d{0,2},\d{3}")


@dataclass(frozen=True)
class Number:
    """A number read from text: a value, or nothing, or a problem ('not_a_number', 'ambiguous')."""

    value: Decimal | None
    problem: str = ""
    is_percent: bool = False


def parse_number(text: str) -> Number:
    """Read a number in Vietnamese notation.

    '85,5', '85,5%', '1.234' (1234), '1 234,5', full-width digits. '' and '-' are no number (value None, no problem).
    '85.5' and '1,234.5' have one reading only and are taken. '1,234' has two (1.234 here, 1234 in English notation)
    and is 'ambiguous'.
    """
    plain = _DASHES.sub("-", clean(unicodedata.normalize("NFKC", text)))
    if plain in _NOTHING:
        return Number(None)
    if _NO_DIGIT.search(text):
        return Number(None, "not_a_number")
    is_percent = plain.endswith("%")
    plain = plain.removesuffix("%").rstrip()
    sign = "-" if plain.startswith("-") else ""
    plain = plain[len(sign) :].lstrip()
    if _COMMA_OF_THREE.fullmatch(plain):
        return Number(None, "ambiguous", is_percent)
    if _PLAIN.fullmatch(plain):
        digits = plain
    elif _VIETNAMESE.fullmatch(plain) and not plain.startswith("0."):
        digits = plain.replace(".", "").replace(",", ".")
    elif _SPACED.fullmatch(plain):
        digits = plain.replace(" ", "").replace(",", ".")
    elif _POINT.fullmatch(plain):
        digits = plain
    elif _ENGLISH.fullmatch(plain):
        digits = plain.replace(",", "")
    else:
        return Number(None, "not_a_number", is_percent)
    try:
        return Number(Decimal(sign + digits), "", is_percent)
    except InvalidOperation:
        return Number(None, "not_a_number", is_percent)


def format_number(value: Decimal | float | int, places: int = 2) -> str:
    """A number as Vietnamese offices write it: 1234.5 gives '1.234,5'; no trailing zeros."""
    text = f"{Decimal(str(value)):,.{places}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    text = "0" if text == "-0" else text
    return text.translate(str.maketrans(",.", ".,"))


# ---------------------------------------------------------------- targets


@dataclass(frozen=True)
class Target:
    """What a target cell sets: operator '>=', '>', '=', 'range' or 'text'."""

    operator: str
    value: Decimal | None = None
    value_high: Decimal | None = None
    is_aspirational: bool = False


_WORDS = (("phấn đấu", ""), ("đạt", ""), ("ít nhất", ">="), ("tối thiểu", ">="), ("trên", ">"))
_SIGNS = {"≥": ">=", ">=": ">=", ">": ">", "": "="}
_RANGE = re.compile(r"([\d.,]+)\s*%?\s*-\s*([\d.,]+)\s*%?")
_SIGNED = re.compile(r"(≥|>=|>|)\s*([\d.,]+\s*%?)")


def parse_target(text: str) -> Target | None:
    """Read a target cell: '≥ 95', '80-90%', 'phấn đấu ít nhất 3%', 'Đạt trên 3%'. '-' and '' set no target."""
    plain = _DASHES.sub("-", clean(text))
    if plain in _NOTHING:
        return None
    rest, operator = plain.casefold(), ""
    for word, meaning in _WORDS:
        if rest.startswith(word):
            rest = rest[len(word) :].strip()
            operator = meaning or operator
    aspirational = plain.casefold().startswith("phấn đấu")
    if spanned := _RANGE.fullmatch(rest):
        low, high = (parse_number(part).value for part in spanned.groups())
        if low is not None and high is not None:
            return Target("range", low, high, aspirational)
    if signed := _SIGNED.fullmatch(rest):
        value = parse_number(signed[2]).value
        if value is not None:
            return Target(operator or _SIGNS[signed[1]], value, None, aspirational)
    return Target("text", is_aspirational=aspirational)


# ---------------------------------------------------------------- deadlines


@dataclass(frozen=True)
class Deadline:
    """When a task is due: the last day of what the text names, and how it recurs."""

    due_on: date | None
    recurrence: str


_QUARTERS = {"i": 1, "ii": 2, "iii": 3, "iv": 4}
_DAY = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
_MONTH = re.compile(r"(?:\d{1,2}\s*,\s*)*(\d{1,2})\s*/\s*(\d{4})")
_QUARTER = re.compile(r"quý\s+(iv|iii|ii|i)\s*/\s*(\d{4})")
_YEARS = re.compile(r"(?:(20\d\d)\s*-\s*)?(20\d\d)")
_RECURRENCES = (
    (("hằng tháng", "hàng tháng"), "monthly"),
    (("hằng năm", "hàng năm", "những năm tiếp theo"), "yearly"),
    (("thường xuyên",), "continuous"),
    (("khi có", "theo dự án", "theo chỉ đạo", "theo hướng dẫn"), "on_request"),
)


def month_end(year: int, month: int) -> date:
    return date(year, month, calendar.monthrange(year, month)[1])


def parse_deadline(text: str) -> Deadline:
    """Read a deadline: 'Tháng 12/2026', 'Quý II/2026', 'Trước ngày 20/12/2026', '2025-2027', 'Thường xuyên', ...

    due_on is the last day of what is named, the first such date where a recurrence follows, None where no date is.
    recurrence: once, monthly, yearly, continuous, on_request.
    """
    plain = _DASHES.sub("-", clean(text)).casefold()
    recurrence = next((kind for words, kind in _RECURRENCES if any(w in plain for w in words)), "once")
    due: date | None = None
    if found := _DAY.search(plain):
        due = date(int(found[3]), int(found[2]), int(found[1]))
    elif found := _QUARTER.search(plain):
        due = month_end(int(found[2]), 3 * _QUARTERS[found[1]])
    elif found := _MONTH.search(plain):
        due = month_end(int(found[2]), int(found[1]))
    elif found := _YEARS.search(plain):
        due = date(int(found[2]), 12, 31)
    return Deadline(due, "once" if due and recurrence == "on_request" else recurrence)


def in_sentence(name: str) -> str:
    """'Xã Vĩnh Lại' within a sentence: 'xã Vĩnh Lại'."""
    return name[:1].lower() + name[1:]


def place_in_plan(appendix: str | None, row_number: str | None, section: str | None = None) -> str:
    """Where a target or a task stands in its document: 'Phụ lục II, dòng 27'."""
    named = (("Phụ lục", appendix), ("mục", section), ("dòng", row_number))
    text = ", ".join(f"{word} {printed}" for word, printed in named if printed)
    return text[:1].upper() + text[1:]
