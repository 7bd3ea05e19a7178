"""Tables in plain text: .csv, .tsv, .txt, in the encodings and with the delimiters Vietnamese offices have used.

Everything is text here, and whether a file is text at all is decided here too. What a number in Vietnamese notation
says does not belong here (vietnamese/).
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Collection
from itertools import pairwise

from pipelines.reading.formats.cell_values import Place, UnreadableError, check_room, displayed_cell
from pipelines.reading.formats.tcvn3 import to_unicode, vietnamese_syllables
from pipelines.reading.sheet import Cell, Sheet
from pipelines.vietnamese import fold

SHEET_NAME = "CSV"
SPLIT = "split"  # the mark of a record whose fields may not be where they belong
DELIMITERS = (",", ";", "\t")
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_SAMPLE = 100_000  # characters looked at to tell encoding and delimiter
_HEADER_WITHIN = 60  # rows in which the form's headers may be
_CONTROL = re.compile("[\x00-\x08\x0e-\x19\x1c-\x1f]")
_OTHER_TEXT = re.compile(r"%pdf|\{\\rtf|%!ps")
_OTHER_TABLE = re.compile(r"<(?:!doctype|html|head|body|table|\?xml|\?mso|workbook|style|meta|div)|mime-version:|id;p")
_LINE_END = re.compile(r"\r\n|\r|\n")
_SEPARATOR_LINE = re.compile(r"sep=(.)\r?\n|sep=(.)\r")
_DIGITS = re.compile(r"\s*\d+\s*")
_CUT = re.compile(r"\s*0\d\d\s*")  # the rest of a number whose thousands are in the field before
_KEPT_AS_TEXT = re.compile(r'="([^"]*)"')  # how programs keep Excel from making a number of '0123'


def read_text(data: bytes, headers: Collection[str]) -> list[Sheet]:
    """The table of a text file as one sheet. headers: the form's, folded, by which the delimiter is known.

    Raises UnreadableError empty, not_a_workbook, not_supported (HTML, XML or SYLK named .xls), damaged.
    """
    text = decode(data)
    head = text[:2048].lstrip().lower()
    if not head and not text.strip():
        raise UnreadableError("empty")
    if _OTHER_TABLE.match(head):
        raise UnreadableError("not_supported")
    if _OTHER_TEXT.match(head) or _CONTROL.search(text):
        raise UnreadableError("not_a_workbook")
    if separated := _SEPARATOR_LINE.match(text):  # Excel hides this line and begins to count after it
        text, delimiter = text[separated.end() :], separated[1] or separated[2]
    else:
        delimiter = _delimiter(text[:_SAMPLE], headers)
    rows, odd = _split(text, delimiter)
    odd |= _shifted(rows, delimiter, headers)
    cells: dict[Place, Cell] = {}
    for row, fields in enumerate(rows, 1):
        for column, field in enumerate(fields, 1):
            if (cell := displayed_cell(_KEPT_AS_TEXT.sub(r"\1", field) if field[:1] == "=" else field)) is not None:
                cells[row, column] = cell
        check_room(len(cells))
    if len(cells) == 1:  # a remark, not a table
        raise UnreadableError("not_a_workbook")
    marks = {place: SPLIT for place in cells if place[0] - 1 in odd}
    return [Sheet(SHEET_NAME, cells, marks=marks)]


# ---------------------------------------------------------------- encoding


def decode(data: bytes) -> str:
    """Text from bytes: UTF-8, UTF-16, Windows-1258 (in NFC), else Windows-1252.

    TCVN3 comes back as the Latin letters of Windows-1252; tcvn3.repair makes Vietnamese of it.
    """
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return _decode_unicode(data[len(mark) :], encoding)
    if b"\0" in data[:4096]:
        if not data.strip(b"\0"):  # what a broken copy leaves
            raise UnreadableError("damaged")
        return _decode_unicode(data, _utf16_order(data[:4096]))
    data = data.rstrip(b"\x1a")  # how DOS programs end a text
    try:
        return _decode_unicode(data, "utf-8")
    except UnicodeDecodeError:
        return _decode_one_byte(data)


def _decode_unicode(data: bytes, encoding: str) -> str:
    decoder = codecs.getincrementaldecoder(encoding)(errors="strict" if encoding == "utf-8" else "replace")
    text = decoder.decode(data)
    if decoder.getstate()[0]:  # ends within a character
        raise UnreadableError("damaged")
    return text


def _utf16_order(sample: bytes) -> str:
    """Which UTF-16 a text without mark is: ASCII letters have their zero byte second or first."""
    first, second = (sample[n::2].count(0) / max(len(sample[n::2]), 1) for n in (0, 1))
    if min(first, second) > 0.02 or max(first, second) < 0.2:
        raise UnreadableError("not_a_workbook")
    return "utf-16-le" if second > first else "utf-16-be"


def _decode_one_byte(data: bytes) -> str:
    sample = data[:_SAMPLE]
    in_1258 = unicodedata.normalize("NFC", sample.decode("cp1258", "replace"))
    in_tcvn3 = to_unicode(sample.decode("cp1252", "replace"))
    if vietnamese_syllables(in_1258) > max(vietnamese_syllables(in_tcvn3), 0):
        return unicodedata.normalize("NFC", data.decode("cp1258", "replace"))
    return data.decode("cp1252", "replace")


# ---------------------------------------------------------------- rows


def _delimiter(sample: str, headers: Collection[str]) -> str:
    """The delimiter under which most of the form's headers are found in one row, else most rows are alike.

    '' where there is none: one column.
    """

    def score(delimiter: str) -> tuple[int, float, int]:
        rows = [row for row in _split(sample, delimiter)[0] if any(field.strip() for field in row)]
        known = max((sum(fold(field) in headers for field in row if len(field) < 200) for row in rows[:_HEADER_WITHIN]),
                    default=0)  # fmt: skip
        widths = Counter(map(len, rows))
        width, times = max(widths.items(), key=lambda item: (item[1], item[0]), default=(1, 0))
        share = times / len(rows) if width > 1 else 0.0
        return (known if width > 1 or known > 1 else 0, share if share > 0.5 else 0.0, width)

    best = max(DELIMITERS, key=score)
    return best if any(score(best)[:2]) else ""


def _split(text: str, delimiter: str) -> tuple[list[list[str]], set[int]]:
    """The records, quoted line breaks kept, and the numbers of those with a quote out of order.

    Where quotes are not in order, each line is a record of its own: a quote left open would swallow all lines after it.
    """
    if not delimiter:
        return [[line] for line in _LINE_END.split(text)], set()
    csv.field_size_limit(2**31 - 1)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
        if not any("\n" in field and _swallows(field, delimiter) for row in rows for field in row):
            return rows, set()
    except csv.Error:
        pass
    rows, odd = [], set()
    for line in _LINE_END.split(text):
        try:
            found = list(csv.reader([line], delimiter=delimiter, strict=True))
        except csv.Error:  # every field as it is, the quote with it
            odd.add(len(rows))
            found = [line.split(delimiter)]
        rows += found or [[]]
    return rows, odd


def _swallows(field: str, delimiter: str) -> bool:
    """Whether a quoted text of several lines holds what looks like other records."""
    return any(line.count(delimiter) > 1 for line in field.splitlines()[1:])


def _shifted(rows: list[list[str]], delimiter: str, headers: Collection[str]) -> set[int]:
    """The numbers of records whose fields may be shifted by a decimal comma (or a comma between thousands) that is not
    quoted: they have more fields than the header, or a field no number begins with ('5,027')."""
    known = [sum(fold(field) in headers for field in row if len(field) < 200) for row in rows[:_HEADER_WITHIN]]
    if not known or max(known) < 2:
        return set()
    header = known.index(max(known))
    below = list(enumerate(rows))[header + 1 :]
    width = len(rows[header])
    if delimiter != ",":
        return {number for number, row in below if any(field.strip() for field in row[width:])}
    odd = {number for number, row in below if len(row) > width}
    pairs = {
        number for number, row in below if any(_DIGITS.fullmatch(a) and _DIGITS.fullmatch(b) for a, b in pairwise(row))
    }
    cut = {number for number, row in below if any(_DIGITS.fullmatch(a) and _CUT.fullmatch(b) for a, b in pairwise(row))}
    return odd | cut | (pairs if odd else set())
