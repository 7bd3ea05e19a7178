"""Targets as Vietnamese offices write them: a cell ('≥ 95', '80-90%') or a sentence around one figure.

The whole text is read or it is asked: a figure counts only if nothing around it can change what it means. What is asked
comes back with the name of the question (sources/forms/plan-workbook.yml words it) and without a figure.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from pipelines.vietnamese.deadlines import parse_deadline
from pipelines.vietnamese.numbers import NOTHING, parse_number
from pipelines.vietnamese.text import DASHES, clean


@dataclass(frozen=True)
class Target:
    """What a target cell sets.

    operator: '>=', '>', '=', '<=', '<', 'about', 'range', 'text' (words without a figure), '' where question says why
    it is not understood. unit, year, due_on: what the text itself says beside the figure, '' and None where it does
    not; due_on is the last day of what it names ('đến quý II/2027').
    """

    operator: str
    value: Decimal | None = None
    value_high: Decimal | None = None
    is_aspirational: bool = False
    question: str = ""
    unit: str = field(default="", compare=False)
    year: int | None = field(default=None, compare=False)
    due_on: date | None = field(default=None, compare=False)


# What comes right before a figure, and what it makes of it. FROM and UP_TO say half a range: see _operator.
_FROM, _UP_TO, _SAYS_NOTHING = "from", "up_to", ""
_BEFORE: dict[str, str] = {
    **dict.fromkeys((
        "≥", ">=", "> =", "ít nhất", "tối thiểu", "thấp nhất", "không dưới", "không thấp hơn", "không ít hơn",
        "không nhỏ hơn", "không kém", "đạt và vượt", "đạt hoặc vượt", "lớn hơn hoặc bằng", "cao hơn hoặc bằng",
        "bằng hoặc lớn hơn", "bằng hoặc cao hơn", "trên hoặc bằng", "bằng hoặc trên"), ">="),
    **dict.fromkeys((">", "trên", "hơn", "cao hơn", "lớn hơn", "nhiều hơn", "vượt", "vượt trên", "vượt mức"), ">"),
    **dict.fromkeys((
        "≤", "<=", "< =", "=<", "tối đa", "nhiều nhất", "cao nhất", "không quá", "không vượt quá", "không vượt",
        "không hơn", "không cao hơn", "không lớn hơn", "không nhiều hơn", "không trên", "nhỏ hơn hoặc bằng",
        "thấp hơn hoặc bằng", "bằng hoặc thấp hơn", "bằng hoặc nhỏ hơn", "dưới hoặc bằng"), "<="),
    **dict.fromkeys((
        "<", "dưới", "thấp hơn", "nhỏ hơn", "ít hơn", "chưa đến", "chưa tới", "không đến", "không tới"), "<"),
    **dict.fromkeys(("khoảng", "xấp xỉ", "chừng", "~", "≈"), "about"),
    "từ": _FROM,
    **dict.fromkeys(("đến", "tới"), _UP_TO),
    **dict.fromkeys((
        "đạt", "đạt được", "đạt tỷ lệ", "đạt tỉ lệ", "tỷ lệ", "tỉ lệ", "mức", "ở mức", "là", "bằng", "=", ":", "được",
        "chiếm", "phấn đấu", "có", "duy trì", "đảm bảo", "bảo đảm", "giữ vững", "cho", "với", "lên", "bố trí",
        "cung cấp", "hoàn thành"), _SAYS_NOTHING),
}  # fmt: skip
_PHRASES = sorted(_BEFORE, key=len, reverse=True)
_SIGNS = str.maketrans("≧⩾≦⩽", "≥≥≤≤")
_AFTER = (("trở lên", ">="), ("trở xuống", "<="), ("hoặc hơn", ">="), ("hoặc cao hơn", ">="), ("hoặc thấp hơn", "<="))

_YEAR = r"20\d\d(?!\d)"
_DATED = re.compile(
    rf"""(?:\b(?:trước|đến|hết|vào|trong|từ|cuối|chậm\ nhất)\s+)*
    (?: (?:ngày\s+)?\d{{1,2}}\s?/\s?\d{{1,2}}\s?/\s?{_YEAR}
      | ngày\s+\d{{1,2}}\s+tháng\s+\d{{1,2}}\s+năm\s+{_YEAR}
      | ngày\s+\d{{1,2}}\s?/\s?\d{{1,2}}(?![\d/])
      | tháng\s+\d{{1,2}}\s*(?:/|năm)\s*{_YEAR}
      | quý\s+(?:iv|i{{1,3}}|[1-4])\s*(?:/|năm)\s*{_YEAR}
      | [369]\ tháng\ (?:đầu|cuối)\ năm(?:\ {_YEAR})?
      | (?:giai\ đoạn|các\ năm|năm)\s+{_YEAR}\s*-\s*{_YEAR}
      | năm\s+{_YEAR})""",
    re.VERBOSE,
)
# Numbers that count nothing: ages, ranks, document numbers, names with digits. Left out beside a percentage only.
_NUMBERED = re.compile(
    r"""\b(?:từ\s+)?(?:đủ\s+)?\d+(?:\s*(?:-|đến)\s*\d+)?\s+tuổi(?:\s+trở\s+(?:lên|xuống))?
    | \b(?:mức\ độ|mức|cấp\ độ|cấp|hạng|thứ|bậc|loại|nhóm|lớp|khối|điều|khoản|mục|phụ\ lục|giai\ đoạn|tiêu\ chí)
      \s+(?:số\s+)?\d+(?![\d.,]*\d|\s*(?:%|phần\ trăm))(?:\s+trở\s+(?:lên|xuống))?
    | (?<![\w/])(?:số\s+)?\d+(?:/20\d\d)?[-/][^\W\d_][^\W_]*(?:[-/][^\W_]+)*(?=\s|$|[,;:.)])
    | \b(?:đề\ án|nghị\ quyết|kế\ hoạch|quyết\ định|nghị\ định|thông\ tư|chỉ\ thị|top)\s+(?:số\s+)?\d+
      (?![\d.,]*\d|\s*(?:%|phần\ trăm))
    | (?<![\w/])24/(?:7|24)(?![\w/])
    | \b(?=\w*\d)(?=\w*[^\W\d_])\w+\b""",
    re.VERBOSE,
)
_NUMBER = re.compile(r"\d{1,3}(?: \d{3})+(?:,\d+)?(?![\d.,]*\d)|\d+(?:[.,]\d+)*")
_PERCENT = r"(?:%|phần trăm\b)"
_SPAN = re.compile(rf"\s*(?:{_PERCENT})?\s*(?:-|đến|tới)\s*")
_PER = re.compile(r"\s*(lần\s*)?(?:/\s*|\bmỗi\s+|\bmột\s+)(năm|tháng|quý|tuần)\b")
_TIME = re.compile(r"\s*(?:giờ|phút|ngày|tuần|tháng|quý|năm)\b")
_WORDS_ONLY = re.compile(r"""[^\W\d_]+|[\s.,;:()"'“”‘’§-]+""")
_UNIT = re.compile(r"[^\W\d_]+(?: [^\W\d_]+){0,2}")

# Words that can change what a figure beside them means, but not in these company.
_HARMLESS = re.compile(
    r"""\b(?:trên\s+(?:địa\ bàn|tổng\ số|tổng|môi\ trường|cơ\ sở|các|toàn|hệ\ thống|nền|cổng|mạng|không\ gian|thiết\ bị
    |internet|phạm\ vi|cả|thị\ trường|dữ\ liệu|ứng\ dụng|phần\ mềm|trang|kênh|tinh\ thần|lĩnh\ vực|máy)
    | dưới\s+(?:dạng|hình\ thức|sự) | quá\ (?:trình|hạn) | tăng\ cường | (?:và\ )?tăng\ dần(?=\ theo)
    | lên\s+(?:hệ\ thống|môi\ trường|cổng|mạng|không\ gian|trục|kho|phần\ mềm|nền\ tảng) | gần\ dân | gần\ gũi)\b""",
    re.VERBOSE,
)
_CHANGES = re.compile(
    r"""\b(?:ít\ nhất|tối\ thiểu|tối\ đa|nhiều\ nhất|thấp\ nhất|cao\ nhất|trở\ lên|trở\ xuống|trên|dưới|hơn|vượt|quá
    |khoảng|xấp\ xỉ|gần|ước|tăng|giảm|gấp|lần|so\ với|trừ|riêng|nếu|trong\ đó|nửa|còn|tiến\ tới|hướng\ tới|lên|xuống
    |thêm|bớt|bình\ quân|trung\ bình|mỗi|từng|cộng|nhân\ với|chênh\ lệch|tương\ đương|phần\ nghìn|phần\ vạn)\b""",
    re.VERBOSE,
)
_COMPARED = re.compile(r"\b(?:so|nhân) với$")
_GROWS = re.compile(r"\btăng(?: trưởng)?(?: trung bình| bình quân)?$")
_NEGATED = re.compile(r"\b(?:không|chưa|chẳng)(?:\s+\w+){0,2}$")
_IN_WORDS = re.compile(
    r"""\b(?:toàn\ bộ|toàn\ thể|toàn\ xã|toàn\ phường|tất\ cả|mọi|mỗi|cả\ nước|hầu\ hết|đa\ số|phần\ lớn|phần\ ba|nửa
    |gấp|lần|(?:một(?!\ cửa|\ số)|hai|ba|bốn|sáu|bảy|tám|chín|mười|trăm|nghìn))\b""",
    re.VERBOSE,
)
_NONE_OF = re.compile(r"không(?: để)?(?: phát sinh| xảy ra)+ ([^\W\d_]+(?: [^\W\d_]+){0,7})")
_CHANGES_NONE = re.compile(r"\b(?:mới|thêm|quá|hoặc|ngoài|trừ|lớn|nghiêm trọng)\b")


def parse_target(text: str) -> Target | None:
    """Read a target: '≥ 95', '80-90%', 'phấn đấu ít nhất 3%', 'Tỷ lệ ... đạt tối thiểu 98%'. '-' and '' set none."""
    plain = re.sub(r"^[-+•*]\s+(?=[^\W\d_])", "", DASHES.sub("-", clean(text)))
    if plain in NOTHING:
        return None
    if any(unicodedata.category(char) == "No" for char in plain):  # 20¹, ½
        return _asked("odd_digits", plain)
    plain = clean(unicodedata.normalize("NFKC", plain)).casefold().translate(_SIGNS)
    years = [int(year) for found in _DATED.finditer(plain) for year in re.findall(_YEAR, found[0])]
    said = _figure(_DATED.sub(" § ", plain))
    return Target(said.operator, said.value, said.value_high, "phấn đấu" in plain, said.question, said.unit,
                  years[-1] if years else None, named_day(plain) if years else None)  # fmt: skip


def named_day(text: str) -> date | None:
    """The last day of what a heading or a sentence names last: 'Mục tiêu quý I/2027' is 31/03/2027. None where it names
    no day, or one that is not understood."""
    plain = clean(unicodedata.normalize("NFKC", text)).casefold()
    dated = [found[0] for found in _DATED.finditer(plain)]
    said = parse_deadline(dated[-1] if dated else plain, None)
    if not said.question and said.recurrence == "once":
        return said.due_on
    years = re.findall(rf"(?<!\d){_YEAR}", plain)
    is_year = len(years) == 1 and not dated and not re.search(r"quý|tháng|ngày|/", plain)
    return date(int(years[0]), 12, 31) if is_year else None


def split_targets(text: str) -> list[tuple[str, Target]]:
    """Several targets in one cell, each with its words: '≤ 3 Đông Nam Á; ≤ 50 Thế giới'. [] where it is not that."""
    parts = [
        clean(part)
        for part in re.split(r"[;\n]\s*|\s+(?=[≥≤]\s*\d)|,\s+(?=(?:và\s+)?[≥≤<>]?=?\s*\d)", text)
        if clean(part)
    ]
    found = [(part, parse_target(part)) for part in parts]
    targets = [(part, said) for part, said in found if said and said.value is not None]
    return targets if len(targets) == len(parts) > 1 else []


def _asked(question: str, plain: str = "") -> Target:
    return Target("", None, None, "phấn đấu" in plain.casefold(), question)


def _figure(plain: str) -> Target:
    """The one figure of a text in small letters in which dates are written '§'."""
    if not re.search(r"\d", plain):
        return _words(plain)
    cut = _NUMBERED.sub(" § ", plain)
    numbers = list(_NUMBER.finditer(cut))
    if not numbers:
        return _asked("no_figure")
    first, last = numbers[0], numbers[-1]
    spans = len(numbers) == 2 and _SPAN.fullmatch(cut, first.end(), last.start())
    if len(numbers) > 1 and not spans:
        return _asked("two_targets")
    percent = re.match(rf"\s*{_PERCENT}", cut[last.end() :])
    if cut != plain and not percent:
        return _asked("numbered")
    after = cut[last.end() + (percent.end() if percent else 0) :]
    low, high = parse_number(first[0]), parse_number(last[0])
    if low.value is None or high.value is None:
        return _asked("ambiguous")
    is_year = not percent and all(re.fullmatch(_YEAR, number[0]) for number in numbers)
    if is_year:
        return _asked("year")
    return _held(cut[: first.start()], after, [low.value, high.value] if spans else [low.value], bool(percent))


def _words(plain: str) -> Target:
    """A target without a figure: words, or none of something, or a figure in words, which is asked."""
    none = _NONE_OF.fullmatch(plain.strip(" .;,"))
    if none and not _CHANGES_NONE.search(none[1]):
        return Target("=", Decimal(0), unit=none[1])
    return _asked("in_words") if none or _IN_WORDS.search(plain) else Target("text")


def _held(before: str, after: str, values: list[Decimal], is_percent: bool) -> Target:
    """What the words before and after make of a figure or a range."""
    lead, meanings, is_led = _meanings(before)
    if lead.endswith("-") or not (is_percent or is_led or not lead):  # '-80%', 'Đề án 06'
        return _asked("comparison")
    per = _PER.match(after)
    after = after[per.end() :] if per else after
    from_after, after = _bound_after(after, _FROM in meanings, is_percent)
    operator = _operator(meanings | from_after, values, is_percent)
    grows = _GROWS.search(lead)
    if grows and is_percent and per and len(values) == 1:
        lead = lead[: grows.start()]
    if not operator or (operator == "=" and not is_percent and _TIME.match(after)):  # '24 giờ': at most, or just so?
        return _asked("comparison")
    if _NEGATED.search(lead) or after.lstrip(" ,").startswith(("hoặc", "hay ", "/")):
        return _asked("comparison")
    if ">" in meanings and re.search(r"\b(?:kế hoạch|dự toán|chỉ tiêu)\b", after):  # vượt 5% kế hoạch
        return _asked("comparison")
    rest = _HARMLESS.sub(" ", f"{lead} § {after}")
    if _CHANGES.search(rest) or _WORDS_ONLY.sub("", rest):
        return _asked("sentence")
    unit = "%" if is_percent else _UNIT.fullmatch(after.strip(" .;,"))
    shown = unit if isinstance(unit, str) else unit[0] if unit else ""
    shown += f"{per[1] or ''}/{per[2]}".replace(" ", "") if per else ""
    if operator == "range":
        return Target("range", values[0], values[1], unit=shown) if values[0] < values[1] else _asked("bad_range")
    return Target(operator, values[0], unit=shown)


def _meanings(before: str) -> tuple[str, set[str], bool]:
    """The words before a figure without those that lead to it, what these say, and whether there are any."""
    meanings: set[str] = set()
    rest = before.rstrip()
    while not _COMPARED.search(rest):
        phrase = next((p for p in _PHRASES if re.search(rf"(?:^|(?<=\W)|(?<=\d)){re.escape(p)}$", rest)
                       or (rest.endswith(p) and not p[0].isalpha())), None)  # fmt: skip
        if phrase is None:
            break
        meanings.add(_BEFORE[phrase])
        rest = rest[: -len(phrase)].rstrip()
    return rest, meanings - {_SAYS_NOTHING}, bool(meanings)


def _bound_after(after: str, has_from: bool, is_percent: bool) -> tuple[set[str], str]:
    """'trở lên' belongs to the figure where it follows at once, or after the words a 'từ' opens: 'từ 2 giải pháp ...'.

    Elsewhere it may belong to the words between ('80% cơ sở đạt loại khá trở lên') and stays in the text.
    """
    for phrase, meaning in _AFTER:
        found = re.match(rf"\s*((?:[^\W\d_]+\s+){{0,5}}?){phrase}\b", after)
        if not found:
            continue
        between = found[1].split()
        plain_words = not {"đạt", "có", "được", "từ", "loại", "mức", "là", "cấp", "hạng"} & set(between)
        if not between or (plain_words and (has_from or (not is_percent and len(between) <= 2))):
            return {meaning}, f"{found[1]} {after[found.end() :]}"
    return set(), after


def _operator(meanings: set[str], values: list[Decimal], is_percent: bool) -> str:
    """The operator, '' where the words leave it open."""
    if len(values) == 2:
        return "range" if meanings <= {_FROM} else ""
    if _UP_TO in meanings:  # 'đến 100%' is all of them, 'đến 80%' may be at most
        return "=" if meanings == {_UP_TO} and is_percent and values[0] == 100 else ""
    if _FROM in meanings:
        meanings = meanings - {_FROM}
        return meanings.pop() if meanings in ({">="}, {"<="}) else ""
    if not meanings:
        return "="
    return meanings.pop() if len(meanings) == 1 else ""
