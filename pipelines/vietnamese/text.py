"""Text and names as Vietnamese offices write them: one Unicode form, one key for every spelling of a name."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_TONES = {"\u0300": "1", "\u0301": "2", "\u0303": "3", "\u0309": "4", "\u0323": "5"}
DASHES = re.compile(r"[\u2010-\u2015\u2212\ufe58\ufe63\uff0d\xad]")
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
    plain = DASHES.sub("-", clean(text).casefold())
    plain = re.sub(r"\s*([-/&,;:.()])\s*", r"\1", plain)
    return re.sub(r"[^\W\d_]+", lambda m: _fold_word(m.group()), plain).strip(" .,;:-")


def code_key(text: str) -> str:
    """A code whatever way it is typed: 'xhs – 02' gives 'XHS-02'."""
    return DASHES.sub("-", _SPACES.sub("", unicodedata.normalize("NFKC", text))).upper()


def slug(text: str) -> str:
    """Lower-case ASCII with hyphens, for folder names: 'Xã Vĩnh Lại' gives 'xa-vinh-lai'."""
    return re.sub(r"[^a-z0-9]+", "-", without_marks(clean(text).casefold())).strip("-")


def without_marks(text: str) -> str:
    """A text without its accents and marks: 'Đại Sơn' gives 'Dai Son'."""
    bare = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return "".join(char for char in bare if not unicodedata.combining(char))


def in_sentence(name: str) -> str:
    """'Xã Vĩnh Lại' within a sentence: 'xã Vĩnh Lại'."""
    return name[:1].lower() + name[1:]
