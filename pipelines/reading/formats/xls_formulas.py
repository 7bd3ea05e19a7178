"""Which formulas of an .xls hold a result that was never calculated: xlrd gives their values without a word.

Read record by record after [MS-XLS]; what is not in order there is left to xlrd, which has read the workbook before.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Sequence

from pipelines.reading.formats.cell_values import Place

_COMPOUND = b"\xd0\xcf\x11\xe0"
_BEGIN, _END, _FORMULA, _UNCALCULATED, _RECALCULATED = 0x0809, 0x000A, 0x0006, 0x005E, 0x01C1
_CALCULATE_ON_LOAD = 0x02  # of a formula's flags
# The result of a formula that a program wrote without calculating it: 0, or a text without letters.
_NOTHING = (bytes(8), b"\x03\0\0\0\0\0\xff\xff")


def stale_formulas(data: bytes, begins: Sequence[int]) -> list[frozenset[Place]]:
    """The formulas of each sheet whose results cannot be trusted, by where the sheets begin in the workbook's stream.

    Of a sheet saved before it was calculated all; else those marked to be calculated on opening, and those that say 0
    or nothing in a workbook that no version of Excel has calculated.
    """
    stream = _stream(data)
    is_calculated = any(kind == _RECALCULATED for kind, _ in _records(stream, 0))
    return [_of_sheet(stream, begin, is_calculated) for begin in begins]


def _of_sheet(stream: bytes, begin: int, is_calculated: bool) -> frozenset[Place]:
    every: set[Place] = set()
    stale: set[Place] = set()
    depth, is_stale = 0, False
    for kind, body in _records(stream, begin):
        depth += (kind == _BEGIN) - (kind == _END)
        if depth <= 0:
            break
        is_stale = is_stale or (kind == _UNCALCULATED and depth == 1)
        if kind == _FORMULA and len(body) >= 16 and depth == 1:
            row, column = struct.unpack_from("<HH", body)
            every.add((row + 1, column + 1))
            if body[14] & _CALCULATE_ON_LOAD or (not is_calculated and body[6:14] in _NOTHING):
                stale.add((row + 1, column + 1))
    return frozenset(every if is_stale else stale)


def _stream(data: bytes) -> bytes:
    """The workbook's stream; nothing where xlrd had to forgive the container."""
    from xlrd.compdoc import CompDoc, CompDocError

    if not data.startswith(_COMPOUND):
        return b""
    try:
        container = CompDoc(data, logfile=io.StringIO())
        found = next((one for name in ("Workbook", "Book") if (one := container.locate_named_stream(name))[0]), None)
    except CompDocError:
        return b""
    return bytes(found[0][found[1] : found[1] + found[2]]) if found else b""


def _records(stream: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    while 0 <= at <= len(stream) - 4:
        kind, size = struct.unpack_from("<HH", stream, at)
        yield kind, stream[at + 4 : at + 4 + size]
        at += 4 + size
