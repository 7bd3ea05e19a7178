"""Deadlines as Vietnamese offices write them: dates, spans, recurrences, and what waits for an event.

A text is cut into pieces, from its beginning to its end; what no piece fits is asked, never skipped. Then the order of
the pieces decides, as a pattern over their letters: what fits no pattern is asked too.
"""

from __future__ import annotations

import calendar
import itertools
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from pipelines.vietnamese.text import DASHES, clean


@dataclass(frozen=True)
class Deadline:
    """When a task is due.

    due_on: the last day of what the text names; the first such day where a recurrence follows; None where it names no
    day. recurrence: once, weekly, monthly, quarterly, half_yearly, yearly, continuous, on_request (after an event, or
    as somebody directs); '' where question says why the text is not understood. starts_on: the day it begins, where
    the text says so. recurs_on: the day of every year ('11-30') or month ('25'). earlier: days due before due_on.
    """

    due_on: date | None
    recurrence: str
    starts_on: date | None = None
    recurs_on: str = ""
    earlier: tuple[date, ...] = ()
    question: str = ""


@dataclass(frozen=True)
class _Piece:
    """kind: d days named, n days named without a year, m a day of a month, r a recurrence, q waits for an event,
    F from, T to, B before, s a separator. days: what is named, each as first and last day; without a year under the
    leap year 2000. word: what days are counted in, or how it recurs. spans: one span with its end ('6-8/2026')."""

    kind: str
    days: tuple[tuple[date, date], ...] = ()
    word: str = ""
    spans: bool = False


class _Asked(Exception):  # noqa: N818 - an answer, not a failure of the program
    """The text leaves something open: the name of the question."""


def month_end(year: int, month: int) -> date:
    return date(year, month, calendar.monthrange(year, month)[1])


# ---------------------------------------------------------------- pieces

_NO_YEAR = 2000  # a leap year: 29/02 without a year is a day
_ROMAN = {"i": 1, "ii": 2, "iii": 3, "iv": 4}
_Y = r"(20\d\d)(?!\d)"
_OF_YEAR = rf"(?:\s*(?:/|-|,?\s?năm)\s*{_Y})"
_AND = r"\s*(?:,|;|\+|&|-|\bvà\b|\bđến\b)\s*"
_M, _Q = r"\d{1,2}(?!\d)", r"(?:iv|i{1,3}|[1-4])(?![\w])"


def _day(year: int, month: int, day: int) -> tuple[date, date]:
    try:
        on = date(year, month, day)
    except ValueError:
        raise _Asked("no_such_day") from None
    return on, on


def _months(year: int, first: int, last: int) -> tuple[date, date]:
    if not (1 <= first <= last <= 12):
        raise _Asked("no_such_day")
    return date(year, first, 1), month_end(year, last)


def _listed(text: str, number: str) -> list[tuple[int, int]]:
    """'i, iii' gives (1, 1), (3, 3); 'i-ii' gives (1, 2)."""
    found: list[tuple[int, int]] = []
    at = 0
    for one in re.finditer(number, text):
        value = _ROMAN.get(one[0]) or int(one[0])
        if found and re.search(r"-|đến", text[at : one.start()]):
            found[-1] = (found[-1][0], value)
        else:
            found.append((value, value))
        at = one.end()
    if any(a > b for a, b in found) or [a for a, _ in found] != sorted({a for a, _ in found}):
        raise _Asked("order")
    return found


def _spans(listed: list[tuple[int, int]]) -> bool:
    return len(listed) == 1 and listed[0][0] < listed[0][1]


def _of_full_day(m: re.Match[str]) -> _Piece:
    return _Piece("d", (_day(int(m[3]), int(m[2]), int(m[1])),))


def _of_day(m: re.Match[str]) -> _Piece:
    return _Piece("n", (_day(_NO_YEAR, int(m[2]), int(m[1])),))


def _of_months(m: re.Match[str]) -> _Piece:
    year, listed = int(m[2]) if m[2] else _NO_YEAR, _listed(m[1], _M)
    return _Piece("d" if m[2] else "n", tuple(_months(year, a, b) for a, b in listed), "months", _spans(listed))


def _of_quarters(m: re.Match[str]) -> _Piece:
    year, listed = int(m[2]) if m[2] else _NO_YEAR, _listed(m[1], _Q)
    days = tuple(_months(year, 3 * a - 2, 3 * b) for a, b in listed)
    return _Piece("d" if m[2] else "n", days, "quarters", _spans(listed))


def _of_part(m: re.Match[str]) -> _Piece:
    """'6 tháng đầu năm', '9 tháng đầu năm 2026', 'nửa cuối năm'."""
    months = 6 if m[1] in ("nửa", "sáu") else int(m[1])
    if months not in (3, 6, 9):
        raise _Asked("not_understood")
    year = int(m[3]) if m[3] else _NO_YEAR
    span = (1, months) if m[2] == "đầu" else (13 - months, 12)
    return _Piece("d" if m[3] else "n", (_months(year, *span),), "months")


def _of_years(m: re.Match[str]) -> _Piece:
    listed = _listed(m[1], _Y)
    return _Piece("d", tuple((date(a, 1, 1), date(b, 12, 31)) for a, b in listed), "years", _spans(listed))


def _plain(kind: str, word: str = "") -> Callable[[re.Match[str]], _Piece | None]:
    return lambda m: _Piece(kind, (), word) if kind else None


_EVERY = r"(?:hằng|hàng|mỗi|từng|theo|các)\s+"
_ONCE_A = (
    r"(?:(?:0?1|một)\s+lần\s*(?:/|mỗi|một|trong)\s*(?:0?1\s+|một\s+)?{0}"
    r"|(?:0?1\s+|một\s+)?{0}\s*(?:/|một|mỗi)\s*(?:0?1\s+)?lần)"
)
_ONE_TIME = r"(?:\s+(?:0?1|một)\s+lần)?"
_FREE = r"(?:[^\W\d_]+|[\s,&/()-])*"
_TIME_WORDS = re.compile(
    r"\b(?:hằng|hàng|mỗi|quý|tháng|tuần|ngày|trước|đến hết|chậm nhất|định kỳ|lần|năm|kỳ|giai đoạn|thường xuyên)\b"
)
_DOCUMENT = re.compile(r"(?:số\s+)?\d+(?:/20\d\d)?[-/][^\W\d_][^\W_]*(?:[-/][^\W_]+)*")


def _recurs(pattern: str, word: str) -> tuple[str, Callable[[re.Match[str]], _Piece | None]]:
    return pattern, _plain("r", word)


_PIECES: list[tuple[re.Pattern[str], Callable[[re.Match[str]], _Piece | None]]] = [
    (re.compile(pattern), make) for pattern, make in [
        # what waits for an event runs to the end of its clause
        (rf"(?:trong vòng\s+|chậm nhất\s+|sau\s+)?\d+\s+ngày(?:\s+làm việc)?\s*,?\s+(?:sau khi|kể từ(?: khi| ngày)?)"
         rf"\s+(?P<free>{_FREE})", _plain("q")),
        (rf"(?:ngay\s+)?(?:sau khi|khi)\s+(?P<free>{_FREE})", _plain("q")),
        (rf"(?:(?:tổ chức|triển khai|thực hiện|khảo sát|rà soát|báo cáo)\s+)?(?:định kỳ\s+|thường xuyên\s+)?theo\s+"
         rf"(?:chỉ đạo|hướng dẫn|yêu cầu|dự án|đề án|kế hoạch|tiến độ|lộ trình|quy định|chương trình|thời gian|văn bản"
         rf"|phân công|thông báo|lịch)\b(?P<free>{_FREE})", _plain("q")),
        # recurrences
        _recurs(r"(?:và\s+)?(?:những|các)\s+năm\s+(?:tiếp theo|sau)", "yearly"),
        _recurs(rf"{_EVERY}tuần\b{_ONE_TIME}|{_ONCE_A.format('tuần')}|định kỳ\s+tuần\b", "weekly"),
        _recurs(rf"{_EVERY}quý\b(?!\s+[iv\d]){_ONE_TIME}|{_ONCE_A.format('quý')}|(?:định kỳ\s+)?(?:0?3|ba)\s+tháng\s*"
                rf"(?:/|một|mỗi)\s*(?:0?1\s+)?lần|định kỳ\s+(?:quý\b(?!\s+[iv\d])|(?:0?3|ba)\s+tháng\b(?!\s+đầu))",
                "quarterly"),
        _recurs(r"(?:định kỳ\s+)?(?:0?6|sáu)\s+tháng\s*(?:/|một|mỗi)\s*(?:0?1\s+)?lần|(?:hằng|hàng|mỗi|định kỳ)\s+"
                r"(?:0?6|sáu)\s+tháng\b(?!\s+(?:đầu|cuối))", "half_yearly"),
        _recurs(rf"(?:hằng|hàng|mỗi|từng)\s+tháng\b{_ONE_TIME}|{_ONCE_A.format('tháng')}"
                r"|định kỳ\s+tháng\b(?!\s+\d)", "monthly"),
        _recurs(rf"(?:hằng|hàng|mỗi|từng)\s+năm\b{_ONE_TIME}|(?:các|định kỳ)\s+năm\b(?!\s+20)"
                rf"|{_ONCE_A.format('năm')}", "yearly"),
        _recurs(r"(?:nhiệm vụ\s+)?thường xuyên(?:\s*,\s*liên tục|\s+liên tục)?|liên tục(?:\s*,\s*thường xuyên)?",
                "continuous"),
        # days with a year, then without
        (rf"(?:ngày\s+)?(\d{{1,2}})\s*[/.-]\s*(\d{{1,2}})\s*(?:[/.-]|\s?năm)\s*{_Y}", _of_full_day),
        (rf"(?:ngày\s+)?(\d{{1,2}})\s+tháng\s+(\d{{1,2}})\s*(?:,?\s?năm|/)\s*{_Y}", _of_full_day),
        (rf"(?:(?:các\s+)?tháng\s+)?((?:{_M}(?:{_AND}(?:tháng\s+)?{_M})*))\s*/\s*{_Y}", _of_months),
        (rf"(?:các\s+)?tháng\s+((?:{_M}(?:{_AND}(?:tháng\s+)?{_M})*)){_OF_YEAR}", _of_months),
        (rf"(?:các\s+)?quý\s+((?:{_Q}(?:{_AND}(?:quý\s+)?{_Q})*)){_OF_YEAR}", _of_quarters),
        (rf"(0?[369]|sáu|nửa)\s+(?:tháng\s+)?(đầu|cuối)\s+năm(?:\s+{_Y})?", _of_part),
        (rf"(?:giai đoạn\s+|(?:các\s+)?năm\s+(?!học))?((?:20\d\d)(?!\d)(?:{_AND}(?:năm\s+)?20\d\d(?!\d))*)", _of_years),
        (r"(?:ngày\s+)?(\d{1,2})\s*/\s*(\d{1,2})(?![\d/])", _of_day),
        (r"ngày\s+(\d{1,2})\s+tháng\s+(\d{1,2})(?!\d)", _of_day),
        (rf"(?:các\s+)?tháng\s+({_M}(?:{_AND}(?:tháng\s+)?{_M})*)()", _of_months),
        (rf"(?:các\s+)?quý\s+({_Q}(?:{_AND}(?:quý\s+)?{_Q})*)()", _of_quarters),
        (r"ngày\s+(\d{1,2})(?!\s*[\d/])", lambda m: _Piece("m", (), m[1])),
        # words that hold them together
        (r"(?:kể\s+)?từ\s+(?:nay|khi ban hành)\b", _plain("")),
        (r"(?:bắt đầu\s+)?(?:kể\s+)?từ\b", _plain("F")),
        (r"(?:cho\s+)?(?:đến|tới)(?:\s+hết)?\b|-", _plain("T")),
        (r"trước\b", _plain("B")),
        (r"[,;()]|và\b", _plain("s")),
        (r"\d{1,2}\s?(?:h|g|giờ)(?:\s?\d{2}(?:\s?phút)?)?(?=\s+ngày)", _plain("")),
        (r"(?:trong|hết|vào|cuối|ngay|hoàn thành|thời gian|thời hạn|thực hiện|triển khai|tổ chức|xong|chậm nhất"
         r"|muộn nhất|duy trì|báo cáo|tổng hợp|gửi|ngày|định kỳ|kết quả|khảo sát|rà soát|cập nhật|nhiệm vụ|là)\b|[.:]",
         _plain("")),
    ]
]  # fmt: skip


def _pieces(plain: str) -> list[_Piece]:
    found: list[_Piece] = []
    at = 0
    while at < len(plain):
        if plain[at].isspace():
            at += 1
            continue
        for pattern, make in _PIECES:
            match = pattern.match(plain, at)
            if match and match.end() > at and (at == 0 or not (plain[at].isalnum() and plain[at - 1].isalnum())):
                free = match.groupdict().get("free")
                if free is not None and _TIME_WORDS.search(free):
                    raise _Asked("not_understood")
                piece = make(match)
                if piece:
                    found.append(piece)
                at = match.end()
                break
        else:
            raise _Asked("not_understood")
    return found


# ---------------------------------------------------------------- the whole


def parse_deadline(text: str, year: int | None = None) -> Deadline:
    """Read a deadline: 'Tháng 12/2026', 'Quý II/2026', 'Trước ngày 20/12/2026', '2025-2027', 'Thường xuyên', ...

    year: of the plan, for a day written without one. An empty text is due once, nobody says when.
    """
    if any(unicodedata.category(char) == "No" for char in text):
        return Deadline(None, "", question="not_understood")
    plain = re.sub(r"^[-+•*]\s+(?=\S)", "", DASHES.sub("-", clean(unicodedata.normalize("NFKC", text)))).casefold()
    if plain in ("", "-"):
        return Deadline(None, "once")
    try:
        return _deadline(_pieces(_DOCUMENT.sub("văn bản", plain)), year)
    except _Asked as asked:
        return Deadline(None, "", question=str(asked))


def _deadline(pieces: list[_Piece], year: int | None) -> Deadline:
    letters = "".join(piece.kind for piece in pieces)
    letters = re.sub(r"^T|(?<=[sr])T(?=[dn])", "", letters)  # 'đến hết năm 2030': up to and with it
    kept = [piece for piece in pieces if piece.kind in "dnmrq"]
    recurrences = {piece.word for piece in kept if piece.kind == "r"}
    if not kept:
        raise _Asked("no_day")
    if len(recurrences) > 1:
        raise _Asked("several_recurrences")
    recurrence = next(iter(recurrences), "")
    named = [piece for piece in kept if piece.kind in "dnm"]
    if "B" in letters and any(piece.word in ("months", "quarters", "years") for piece in named):
        raise _Asked("before_span")
    if not named:
        if re.fullmatch(r"s*(?:r|q|rs*q|qs*r)s*", letters):
            return Deadline(None, recurrence or "on_request")
        raise _Asked("not_understood")
    if recurrence:
        return _recurring(letters, named, recurrence, year)
    return _once(letters, named, year)


def _once(letters: str, named: list[_Piece], year: int | None) -> Deadline:
    if re.fullmatch(r"F[dn]s*", letters) and not named[0].spans:
        raise _Asked("no_end")
    if re.fullmatch(r"F[dn](?:s*q)?s*", letters):
        [(starts, due)] = _dated(named[0], year)
        return Deadline(due, "once", starts)
    if re.fullmatch(r"F[dn]T[dn](?:s*q)?s*|[dn]T[dn](?:s*q)?s*", letters):
        first, last = named
        if first.word != last.word:
            raise _Asked("not_understood")
        [(_, due)] = _dated(last, year)[-1:]
        start_year = due.year if first.kind == "n" else None
        starts = _dated(first, start_year)[0][0]
        if starts > due:
            raise _Asked("order")
        return Deadline(due, "once", starts)
    if not re.fullmatch(r"s*B?[dn](?:s*q)?s*|qs*B?[dn]s*", letters) and not re.fullmatch(
        r"B?[dn](?:s+[dn])+s*", letters
    ):
        raise _Asked("not_understood")
    last_year = next((piece.days[-1][1].year for piece in reversed(named) if piece.kind == "d"), year)
    spans = [span for piece in named for span in _dated(piece, last_year)]
    days = [last for _, last in spans]
    if days != sorted(set(days)):
        raise _Asked("order")
    days = [last for (_, last), (first, _) in itertools.pairwise(spans) if (first - last).days > 1] + days[-1:]
    return Deadline(days[-1], "once", earlier=tuple(days[:-1]))


def _recurring(letters: str, named: list[_Piece], recurrence: str, year: int | None) -> Deadline:
    """'trước 30/11 hằng năm', 'Tháng 7/2025, duy trì hằng năm', 'Hằng năm (từ năm 2026)', 'ngày 25 hằng tháng'."""
    if len(named) != 1 or len(named[0].days) > 1:
        raise _Asked("not_understood")
    [piece] = named
    if re.fullmatch(r"s*rs*F[dn]s*|s*F[dn]s*rs*", letters):
        return Deadline(None, recurrence, _dated(piece, year)[0][0])
    before_or_after = re.fullmatch(r"s*(?:B?[dnm]s*r|rs*B?[nm])(?:s*q)?s*", letters)
    if not before_or_after or (piece.kind == "m") != (recurrence == "monthly" and piece.kind != "d"):
        raise _Asked("not_understood")
    if piece.kind == "m":
        if not 1 <= int(piece.word) <= 31:
            raise _Asked("no_such_day")
        return Deadline(None, recurrence, recurs_on=f"{int(piece.word):02}")
    [(_, last)] = piece.days
    if piece.kind == "d":
        return Deadline(last, recurrence)
    if recurrence != "yearly":
        raise _Asked("not_understood")
    if (last.month, last.day) == (2, 29):
        raise _Asked("no_such_day")
    return Deadline(None, recurrence, recurs_on=f"{last:%m-%d}")


def _dated(piece: _Piece, year: int | None) -> list[tuple[date, date]]:
    """The days a piece names, in the year given where it names none."""
    if piece.kind == "m":
        raise _Asked("not_understood")
    if piece.kind == "d":
        return list(piece.days)
    if year is None:
        raise _Asked("no_year")
    found = []
    for first, last in piece.days:
        if piece.word:
            found.append((date(year, first.month, 1), month_end(year, last.month)))
        else:
            found.append(_day(year, last.month, last.day))
    return found
