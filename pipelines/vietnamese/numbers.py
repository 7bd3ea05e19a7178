"""Numbers as Vietnamese offices write them, read and written. What can be read in two ways is never guessed."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from pipelines.vietnamese.text import DASHES, clean

NOTHING = {"", "-"}
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

    '85,5', '85,5%', '1.234' (1234), '1 234,5', '+5', '5.' (5), full-width digits. '' and '-' are no number (value None,
    no problem).
    '85.5' and '1,234.5' have one reading only and are taken. '1,234' has two (1.234 here, 1234 in English notation)
    and is 'ambiguous'.
    """
    plain = DASHES.sub("-", clean(unicodedata.normalize("NFKC", text)))
    if plain in NOTHING:
        return Number(None)
    if _NO_DIGIT.search(text):
        return Number(None, "not_a_number")
    is_percent = plain.endswith("%")
    plain = plain.removesuffix("%").rstrip()
    sign = "-" if plain.startswith("-") else ""
    plain = plain[1 if sign or plain.startswith("+") else 0 :].lstrip()
    if plain.endswith(".") and _PLAIN.fullmatch(plain[:-1]):
        plain = plain[:-1]
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
