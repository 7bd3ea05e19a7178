"""The workbook of an extract: a page a leader reads first, then progress, tasks and reporting, ready to print.

Only how an extract looks belongs here; what it says is extract.py, how it is sealed export.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from openpyxl import Workbook
from openpyxl.styles import Alignment
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from pipelines.outputs.extract import CITY, Extract, Row
from pipelines.outputs.heights import row_height
from pipelines.outputs.workbook import HEAD_FILL, SEVERITY_FILLS, banner, head, page, put


class Column(NamedTuple):
    """A column of a sheet: what it shows of a row, and the answer ('level', 'task' ...) whose severity colours it."""

    title: str
    width: float
    show: Callable[[Row, Extract], Any]
    answer: str = ""
    center: bool = False
    number: str | None = None


def _field(name: str) -> Callable[[Row, Extract], Any]:
    return lambda row, extract: row[name]


def _listed(name: str) -> Callable[[Row, Extract], Any]:
    """Targets that stand together, each on a line of its own."""
    return lambda row, extract: row[name].replace(" | ", "\n") if row[name] else None


def _indicator(row: Row, extract: Extract) -> str:
    return f"{row['indicator_name']} – {row['scope']}" if row["scope"] else str(row["indicator_name"])


def _period(row: Row, extract: Extract) -> str | None:
    return extract.periods.get(row["period_code"])


def _figure_period(row: Row, extract: Extract) -> str | None:
    return _period(row, extract) if row["actual_id"] else "Chưa có"


def _result(row: Row, extract: Extract) -> Any:
    if row["value"] is not None and extract.kinds[row["indicator_code"]] == "yes_no":
        return extract.answers["yes_no"].get(f"{row['value']:.0f}")
    return row["value_text"] if row["value"] is None else row["value"]


def _measured(name: str) -> Callable[[Row, Extract], Any]:
    """A figure of the pace; of a yes or no there is none to show."""
    return lambda row, extract: None if extract.kinds[row["indicator_code"]] == "yes_no" else row[name]


def _state(row: Row, extract: Extract) -> str | None:
    return extract.answers["state"].get(row["state"])


def _document(row: Row, extract: Extract) -> str | None:
    dated = f"{row['document_date']:%d/%m/%Y}" if row["document_date"] else None
    return " ngày ".join(part for part in (row["document_number"], dated) if part) or None


def _place_in_plan(appendix: str | None, row_number: str, section: str | None = None) -> str:
    named = (("Phụ lục", appendix), ("mục", section), ("dòng", row_number))
    text = ", ".join(f"{word} {number}" for word, number in named if number)
    return text[:1].upper() + text[1:]


def _task_place(row: Row, extract: Extract) -> str:
    return _place_in_plan(row["appendix"], row["row_number"], row["section"])


_ALIGNED = {center: Alignment(wrap_text=True, vertical="center", horizontal="center" if center else None)
            for center in (False, True)}  # fmt: skip
_NONE = {
    "Tiến độ chỉ tiêu": "Kế hoạch không giao chỉ tiêu đo được, hoặc chưa đến kỳ báo cáo của chỉ tiêu nào.",
    "Nhiệm vụ": "Kế hoạch không giao nhiệm vụ nào.",
    "Tình hình báo cáo": "Chưa có kỳ báo cáo nào đến hạn.",
}
_COMMUNE = Column("Xã, phường", 17, _field("commune_name"))
_SHEETS: dict[str, tuple[str, str, list[Column]]] = {
    "progress": ("Tiến độ chỉ tiêu", "TIẾN ĐỘ THỰC HIỆN CHỈ TIÊU", [
        _COMMUNE,
        Column("Mã chỉ tiêu", 9, _field("indicator_code"), center=True),
        Column("Chỉ tiêu", 38, _indicator),
        Column("Đơn vị", 7, _field("unit_of_measure"), center=True),
        Column("Kỳ số liệu", 10, _figure_period, center=True),
        Column("Tử số", 9, _field("numerator")),
        Column("Mẫu số", 9, _field("denominator")),
        Column("Kết quả", 9, _result),
        Column("Mốc đã đến hạn", 11, _field("in_force_on"), center=True),
        Column("Chỉ tiêu giao", 12, _listed("in_force_as_written"), center=True),
        Column("Đánh giá theo mốc", 13, _field("level_label"), "level", center=True),
        Column("Mốc tiếp theo", 11, _field("next_on"), center=True),
        Column("Chỉ tiêu giao", 12, _listed("next_as_written"), center=True),
        Column("Cần đạt đến kỳ này", 9, _measured("expected_value")),
        Column("So với mức cần tăng", 9, _measured("pace"), number="0%"),
        Column("Đánh giá tiến độ", 13, _field("pace_label"), "pace", center=True),
    ]),
    "tasks": ("Nhiệm vụ", "TÌNH HÌNH THỰC HIỆN NHIỆM VỤ", [
        _COMMUNE,
        Column("Vị trí trong kế hoạch", 13, _task_place),
        Column("Nhiệm vụ", 46, _field("title")),
        Column("Cơ quan chủ trì", 17, _field("lead_as_written")),
        Column("Sản phẩm đầu ra", 21, _field("deliverable")),
        Column("Thời hạn", 14, _field("deadline_as_written")),
        Column("Ngày đến hạn", 11, _field("due_on"), center=True),
        Column("Tình trạng", 13, _field("task_label"), "task", center=True),
        Column("Số ngày quá hạn", 8, _field("days_overdue")),
        Column("Cơ quan đã báo cáo", 12, _state, center=True),
        Column("Hoàn thành (%)", 9, _field("percent_done")),
        Column("Văn bản sản phẩm", 15, _document),
        Column("Kỳ báo cáo gần nhất", 10, _period, center=True),
        Column("Khó khăn, vướng mắc", 18, _field("difficulty")),
    ]),
    "reporting": ("Tình hình báo cáo", "TÌNH HÌNH GỬI BÁO CÁO", [
        Column("Kỳ báo cáo", 14, _field("period_label"), center=True),
        _COMMUNE,
        Column("Cơ quan", 36, _field("agency_name")),
        Column("Hạn gửi", 12, _field("due_on"), center=True),
        Column("Tình trạng", 19, _field("reporting_label"), "reporting", center=True),
        Column("Số ngày muộn", 9, lambda row, extract: row["days_late"] or None),
        Column("Nhận lần đầu", 16, _field("first_received_at"), center=True),
        Column("Nhận gần nhất", 16, _field("last_received_at"), center=True),
        Column("Số lần gửi", 9, _field("submissions")),
        Column("Dòng được nhận", 10, _field("lines_accepted")),
        Column("Dòng bị từ chối", 10, _field("lines_rejected")),
    ]),
}  # fmt: skip


def workbook(extract: Extract) -> Workbook:
    """The extract as a workbook of four sheets, the summary first."""
    book = Workbook()
    book.worksheets[0].title = "Tổng hợp"
    _summary(book.worksheets[0], extract)
    for name, (title, heading, columns) in _SHEETS.items():
        shown = [column for column in columns if extract.scope == CITY or column is not _COMMUNE]
        _fill(book.create_sheet(title), heading, shown, extract.tables[name].dicts(), extract)
    return book


def _opening(sheet: Worksheet, heading: str, widths: Sequence[float], extract: Extract) -> int:
    """Widths, page, banner, heading and what the sheet is about. Returns the first free row."""
    page(sheet, footer=f"{extract.periods[extract.period_code]} · {extract.place}")
    sheet.print_options.horizontalCentered = True
    for column, width in enumerate(widths, 1):
        sheet.column_dimensions[get_column_letter(column)].width = width
    row = 1
    if extract.is_illustrative:
        banner(sheet, row, len(widths))
        row += 1
    about = (f"{extract.place} · Kỳ báo cáo: {extract.periods[extract.period_code]} · "
             f"Tính đến ngày {extract.as_of_on:%d/%m/%Y}")  # fmt: skip
    for text, size, bold in ((heading, 15, True), (about, 11, False)):
        _across(sheet, row, text, widths, size=size, bold=bold, center=True)
        row += 1
    return row


def _across(sheet: Worksheet, row: int, text: str, widths: Sequence[float], *, size: int = 11, bold: bool = False,
            center: bool = False, severity: int | None = None) -> None:  # fmt: skip
    sheet.merge_cells(start_row=row, start_column=1, end_row=row, end_column=len(widths))
    put(sheet.cell(row, 1), text, size=size, bold=bold, center=center, border=False,
        fill=None if severity is None else SEVERITY_FILLS[severity])  # fmt: skip
    sheet.row_dimensions[row].height = row_height([(text, sum(widths))], size=size, bold=bold)


def _fill(sheet: Worksheet, heading: str, columns: list[Column], rows: Iterable[Row], extract: Extract) -> None:
    widths = [column.width for column in columns]
    titles = [column.title for column in columns]
    top = row = _opening(sheet, heading, widths, extract)
    head(sheet, row, titles)
    sheet.row_dimensions[row].height = row_height(zip(titles, widths, strict=True), bold=True)
    for one in rows:
        row += 1
        values = [column.show(one, extract) for column in columns]
        for number, (column, value) in enumerate(zip(columns, values, strict=True), 1):
            fill = None
            if column.answer:
                fill = SEVERITY_FILLS[extract.statuses[column.answer, one[f"{column.answer}_status"]][1]]
            cell = put(sheet.cell(row, number), value, number=column.number or _number_format(value), fill=fill)
            cell.alignment = _ALIGNED[column.center]
        sheet.row_dimensions[row].height = row_height(zip(values, widths, strict=True))
    if row == top:
        _across(sheet, row + 1, _NONE[sheet.title], widths)
    else:
        sheet.auto_filter.ref = f"A{top}:{get_column_letter(len(columns))}{row}"


def _number_format(value: Any) -> str | None:
    """How Excel shows a value: numbers grouped, with as many of two decimals as there are; dates day first."""
    if isinstance(value, datetime):
        return "dd/mm/yyyy hh:mm"
    if isinstance(value, date):
        return "dd/mm/yyyy"
    if isinstance(value, int | float | Decimal):
        decimals = len(f"{value:.2f}".rstrip("0").partition(".")[2])
        return "#,##0" + ("." + "0" * decimals if decimals else "")
    return None


# ---------------------------------------------------------------- the page a leader reads first

_SUMMARY_WIDTHS = (44, 12, 12, 2, 44, 12, 12)
# title, first and last column of the grid
_CONFLICT_COLUMNS = (("Chỉ tiêu", 1, 1), ("Xã, phường", 2, 2), ("Mốc", 3, 3), ("Chỉ tiêu giao thứ nhất", 4, 5),
                     ("Chỉ tiêu giao thứ hai", 6, 7))  # fmt: skip
_ONE_PAGE = 12  # conflicts that still leave the summary legible on one page
_WORRYING = 3  # the severity from which on a status is named under what needs attention


class Counted(NamedTuple):
    """How many things (noun) stand at each status of an answer."""

    title: str
    noun: str
    answer: str
    statuses: Counter[str]


def _summary(sheet: Worksheet, extract: Extract) -> None:
    row = _opening(sheet, "TỔNG HỢP TIẾN ĐỘ THỰC HIỆN NGHỊ QUYẾT SỐ 57-NQ/TW", _SUMMARY_WIDTHS, extract)
    counted = _counted(extract)
    worries = _worries(counted, extract)
    _across(sheet, row, _followed(extract), _SUMMARY_WIDTHS, size=12)
    text = f"Cần chú ý: {'; '.join(worries)}." if worries else "Không có nội dung nào cần chú ý đặc biệt."
    _across(sheet, row + 1, text, _SUMMARY_WIDTHS, size=12, bold=True, severity=_WORRYING if worries else 0)
    ends = []
    for column, stacked in ((1, counted[::2]), (5, counted[1::2])):
        below = row + 3
        for one in stacked:
            below = 1 + _block(sheet, below, column, one, extract)
        ends.append(below)
    _conflicts(sheet, max(ends), extract.tables["conflicts"].dicts())


def _counted(extract: Extract) -> list[Counted]:
    """By level, pace, task status, and reporting status of the newest period that was owed."""
    progress, tasks, reporting = (extract.tables[name].dicts() for name in ("progress", "tasks", "reporting"))
    owed = [one["period_code"] for one in reporting]
    newest = extract.period_code if extract.period_code in owed or not owed else owed[0]
    return [
        Counted("Chỉ tiêu so với mốc đã đến hạn", "chỉ tiêu", "level", Counter(p["level_status"] for p in progress)),
        Counted("Chỉ tiêu trên đường đến mốc tiếp theo", "chỉ tiêu", "pace",
                Counter(p["pace_status"] for p in progress)),
        Counted("Nhiệm vụ", "nhiệm vụ", "task", Counter(t["task_status"] for t in tasks)),
        Counted(f"Gửi báo cáo kỳ {extract.periods[newest]}", "báo cáo", "reporting",
                Counter(r["reporting_status"] for r in reporting if r["period_code"] == newest)),
    ]  # fmt: skip


def _followed(extract: Extract) -> str:
    progress, tasks = extract.tables["progress"].dicts(), extract.tables["tasks"].rows
    if not extract.targeted:
        return f"Kế hoạch không giao chỉ tiêu đo được; theo dõi {len(tasks)} nhiệm vụ."
    figures = sum(one["actual_id"] is not None for one in progress)
    return (
        f"Theo dõi {extract.targeted} chỉ tiêu ({figures} đã có số liệu, {len(progress) - figures} đã đến kỳ nhưng "
        f"chưa có số liệu, {extract.targeted - len(progress)} chưa đến kỳ báo cáo) và {len(tasks)} nhiệm vụ."
    )


def _worries(counted: list[Counted], extract: Extract) -> list[str]:
    """'5 chỉ tiêu chưa đạt mốc', '12 nhiệm vụ quá hạn' ..., and the conflicts between targets."""
    texts = [
        f"{count} {one.noun} {label.lower()}"
        for one in counted
        for severity, label, count in _gravest_first(one, extract)
        if severity >= _WORRYING
    ]
    conflicts = len(extract.tables["conflicts"].rows)
    return texts + ([f"{conflicts} cặp chỉ tiêu giao mâu thuẫn"] if conflicts else [])


def _gravest_first(counted: Counted, extract: Extract) -> list[tuple[int, str, int]]:
    """Severity, label and count of each status that occurs."""
    lines = [(*extract.statuses[counted.answer, status], count) for status, count in counted.statuses.items()]
    return sorted(((severity, label, count) for label, severity, count in lines), key=lambda x: (-x[0], x[1]))


def _block(sheet: Worksheet, row: int, column: int, counted: Counted, extract: Extract) -> int:
    """A small table of counts, the gravest status first. Returns the row after it."""
    for offset, text in enumerate((counted.title, "Số lượng", "Tỷ lệ")):
        put(sheet.cell(row, column + offset), text, bold=True, center=True, fill=HEAD_FILL, color="FFFFFF")
    total = counted.statuses.total()
    for severity, label, count in _gravest_first(counted, extract):
        row += 1
        put(sheet.cell(row, column), label, fill=SEVERITY_FILLS[severity])
        put(sheet.cell(row, column + 1), count, number="#,##0")
        put(sheet.cell(row, column + 2), count / total, number="0%")
    put(sheet.cell(row + 1, column), "Tổng số" if total else "Chưa có", bold=True)
    put(sheet.cell(row + 1, column + 1), total, bold=True, number="#,##0")
    put(sheet.cell(row + 1, column + 2), None)
    return row + 2


def _conflicts(sheet: Worksheet, row: int, conflicts: list[Row]) -> None:
    sheet.page_setup.fitToHeight = 1 if len(conflicts) <= _ONE_PAGE else 0
    if not conflicts:
        _across(sheet, row, "Không có chỉ tiêu giao mâu thuẫn.", _SUMMARY_WIDTHS, bold=True)
        return
    _across(sheet, row, "Chỉ tiêu giao mâu thuẫn trong cùng một kế hoạch, chờ cấp có thẩm quyền xác định",
            _SUMMARY_WIDTHS, bold=True)  # fmt: skip
    widths = [sum(_SUMMARY_WIDTHS[first - 1 : last]) for _, first, last in _CONFLICT_COLUMNS]
    lines = [[title for title, _, _ in _CONFLICT_COLUMNS], *map(_conflict, conflicts)]
    for number, values in enumerate(lines):
        row += 1
        colours: dict[str, Any] = {} if number else {"bold": True, "fill": HEAD_FILL, "color": "FFFFFF"}
        for value, (_, first, last) in zip(values, _CONFLICT_COLUMNS, strict=True):
            for column in range(first, last + 1):  # a merged cell needs its border all around
                cell = put(sheet.cell(row, column), None if column > first else value, number=_number_format(value),
                           **colours)  # fmt: skip
                cell.alignment = _ALIGNED[number == 0 or first == 3]
            if last > first:
                sheet.merge_cells(start_row=row, start_column=first, end_row=row, end_column=last)
        sheet.row_dimensions[row].height = row_height(zip(values, widths, strict=True))


def _conflict(conflict: Row) -> list[Any]:
    name = f"{conflict['indicator_code']} – {conflict['indicator_name']}"
    return [name, conflict["commune_name"], conflict["milestone_on"], _target(conflict, "first"),
            _target(conflict, "second")]  # fmt: skip


def _target(conflict: Row, which: str) -> str:
    place = _place_in_plan(conflict[f"{which}_appendix"], conflict[f"{which}_row_number"])
    return f"{conflict[f'{which}_as_written']} – {place}"
