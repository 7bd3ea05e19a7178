"""TCVN3 (ABC) text: Vietnamese typed with the fonts .VnTime, .VnArial ..., where a letter is one byte above 127.

In files it survives as Latin-looking letters: 'TØnh' for 'Tỉnh', 'H¶i Phßng' for 'Hải Phòng'. TCVN3 has no capital
vowels with tones: they were typed as small letters in a font of capitals, and come out as small letters here.
Recognising it is by syllable: what becomes Vietnamese and was not before is TCVN3. Reading files does not belong here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from functools import lru_cache

from pipelines.reading.sheet import Sheet

# TCVN 5712:1993, VN3: runs of bytes and their letters. 0xCD, 0xE0 and 0xF0 are capitals of VN1 and VN2 only.
_TABLE = {
    0xA1: "ĂÂÊÔƠƯĐăâêôơưđ",
    0xB5: "àảãáạ",
    0xBB: "ằẳẵắ",
    0xC6: "ặầẩẫấậè",
    0xCE: "ẻẽéẹềểễếệìỉ",
    0xDC: "ĩíịò",
    0xE1: "ỏõóọồổỗốộờởỡớợù",
    0xF1: "ủũúụừửữứựỳỷỹýỵ",
}
BYTES = {first + n: letter for first, letters in _TABLE.items() for n, letter in enumerate(letters)}
# The bytes as Western Windows shows them, and as Vietnamese Windows does.
_SEEN_AS = {bytes([byte]).decode(page): letter for page in ("cp1258", "cp1252") for byte, letter in BYTES.items()}
_TO_UNICODE = str.maketrans(_SEEN_AS)
_IN_VIETNAMESE = "ÀÁÂÃÈÉÊÌÍÒÓÔÕÙÚÝàáâãèéêìíòóôõùúýĂăĐđƠơƯư\u0300\u0301\u0303\u0309\u0323"
_NOT_VIETNAMESE = re.compile("[" + "".join(sorted(set(_SEEN_AS) - set(_IN_VIETNAMESE))) + "]")
_ONLY_UNICODE = re.compile("[\u1ea0-\u1ef9ĨĩŨũ]")  # letters no code page of one byte has


def to_unicode(text: str) -> str:
    """TCVN3 text, as Latin letters, in Unicode."""
    return text.translate(_TO_UNICODE)


SIGN = b"\xc2"  # begins ă, â, ê, ô, ơ, ư, đ and a with a tone in UTF-8: no sheet in TCVN3 lacks all of them


def may_have_signs(xml: bytes) -> bool:
    """Whether any text in a part can be TCVN3: its signs in UTF-8, or characters written by their numbers."""
    return SIGN in xml or b"&#" in xml


def in_unicode(sheet: Sheet) -> Sheet:
    """The sheet with its TCVN3 texts in Unicode."""
    repaired = repair([text for _, text in sheet.cells.values()])
    if not repaired:
        return sheet
    return sheet._replace(
        cells={place: cell._replace(text=repaired.get(cell.text, cell.text)) if cell.kind == "t" else cell
               for place, cell in sheet.cells.items()}
    )  # fmt: skip


def repair(texts: Collection[str]) -> Mapping[str, str]:
    """Which of a sheet's texts are TCVN3, and what they say in Unicode: {as found: repaired}.

    What is Vietnamese either way ('Cã' is 'Cã' or 'Có'), or a mere sign ('×'), goes with the majority of the others.
    """
    if SIGN not in "\n".join(texts).encode("utf-8", "replace"):
        return {}
    beyond_ascii = {text for text in texts if not text.isascii()}
    if not any(map(_NOT_VIETNAMESE.search, beyond_ascii)):
        return {}
    clear: dict[str, str] = {}
    unclear: dict[str, str] = {}
    in_unicode = syllables = foreign = 0
    for text in beyond_ascii:
        repaired = to_unicode(text)
        before, after = vietnamese_syllables(text), vietnamese_syllables(repaired)
        if _ONLY_UNICODE.search(text) or after < before:
            in_unicode += 1
        elif after > max(before, 0):
            clear[text] = repaired
            syllables += after
        elif repaired != text:
            unclear[text] = repaired
            foreign += max(-after, 0)  # words that are no Vietnamese either way: of another language
    if syllables < 2 or syllables <= foreign:
        return {}
    return clear | unclear if len(clear) > in_unicode else clear


# ---------------------------------------------------------------- syllables

_TONES = re.compile("[\u0300\u0301\u0303\u0309\u0323]")
_SYLLABLE = re.compile(
    "(?:ngh|ng|nh|gh|gi|kh|ph|qu|th|tr|ch|[bcdđghklmnprstvx])?"
    "(?:iêu|yêu|oai|oay|oao|oeo|uây|uôi|uyê|uya|uyu|ươi|ươu|ai|ao|au|ay|âu|ây|eo|êu|ia|iê|iu|oa|oă|oe|oi|ôi|ơi|oo|ua|uâ|"
    "uê|ui|uô|uơ|uy|ưa|ưi|ươ|ưu|yê|[aăâeêioôơuưy])"
    "(?:ch|ng|nh|[cmnpt])?"
)
_WORD = re.compile(r"[^\s\d_.,;:!?()\[\]{}<>/\\|\"'“”‘’%+*=&#@~^$-]+")


def vietnamese_syllables(text: str) -> int:
    """How many of a text's words beyond ASCII are Vietnamese syllables, less those that are not.

    Single letters and signs do not count: 'à' and '×' prove nothing.
    """
    words = [word for word in _WORD.findall(text) if len(word) > 1 and not word.isascii()]
    return sum(1 if _is_syllable(word.lower()) else -1 for word in words)


@lru_cache(maxsize=4096)
def _is_syllable(word: str) -> bool:
    spread = unicodedata.normalize("NFD", word)
    bare = _TONES.sub("", spread)
    return len(spread) - len(bare) <= 1 and _SYLLABLE.fullmatch(unicodedata.normalize("NFC", bare)) is not None
