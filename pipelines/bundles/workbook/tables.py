"""The tables of an extract's workbook, one sheet each: indicators against every milestone, tasks, reporting, findings.

What a table of the extract holds is extract.py; the page for leaders is workbook/summary.py, the words on method are
workbook/method.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from openpyxl import Workbook

from pipelines.bundles.extract import CITY, Extract, Row
from pipelines.bundles.workbook.sheet import Column, of_scope, severity_of, table
from pipelines.office.figures import in_words, indicator, printed_at
from pipelines.office.workbook import FINDING_WORDS

_YEAR_END = (12, 31)


class _Sheet(NamedTuple):
    title: str
    heading: str
    columns: Callable[[Extract], list[Column]]
    rows: Callable[[Extract], list[Row]]
    frozen: str  # the title of the last column that stays in sight
    none: str


def add_tables(book: Workbook, extract: Extract) -> None:
    """One sheet a table; what is gathered over communes only where there are several."""
    for one in _SHEETS:
        if one.title == _CITY_TITLE and extract.scope != CITY:
            continue
        columns = of_scope(one.columns(extract), _COMMUNE, extract)
        frozen = [column.title for column in columns].index(one.frozen) + 1
        sheet = book.create_sheet(one.title)
        table(sheet, one.heading, columns, one.rows(extract), extract, none=one.none, frozen=frozen)


def _field(name: str) -> Callable[[Row, Extract], Any]:
    return lambda row, extract: row[name]


def _rows(name: str) -> Callable[[Extract], list[Row]]:
    return lambda extract: extract.tables[name].dicts()


_COMMUNE = Column("Xã, phường", 16, _field("commune_name"))

# ---------------------------------------------------------------- indicators against every milestone


def milestone_years(extract: Extract) -> list[int]:
    """The years in which a target of the extract is due."""
    return sorted({row["milestone_on"].year for row in extract.tables["milestones"].dicts() if row["is_in_force"]})


def _progress_rows(extract: Extract) -> list[Row]:
    """A line for each indicator with a figure, or asked for, or only with a target; with its targets under 'due'."""
    table = extract.tables["progress"]
    lines: dict[tuple[str, str, str], Row] = {
        (row["commune_code"], row["indicator_code"], row["scope"]): {**row, "due": {}} for row in table.dicts()
    }
    unasked = dict.fromkeys(table.columns)
    for target in extract.tables["milestones"].dicts():
        if target["is_in_force"]:
            key = (target["commune_code"], target["indicator_code"], target["scope"])
            line = lines.setdefault(key, {**unasked, **{name: target[name] for name in _NAMED}, "due": {}})
            line["due"].setdefault(target["milestone_on"].year, []).append(target)
    return [lines[key] for key in sorted(lines)]


_NAMED = ("commune_code", "commune_name", "indicator_code", "indicator_name", "scope", "unit_of_measure")


def _due(year: int) -> Column:
    """The targets of a year as written, a day other than its last named, and the indicator's status against them."""

    def show(row: Row, extract: Extract) -> str | None:
        texts = []
        for target in row["due"].get(year, ()):
            day = target["milestone_on"]
            texts.append(target["as_written"] + ("" if (day.month, day.day) == _YEAR_END else f" ({day:%d/%m/%Y})"))
        texts += [target["status_label"] for target in row["due"].get(year, ()) if target["status_label"]]
        return "\n".join(dict.fromkeys(texts)) or None

    def grave(row: Row, extract: Extract) -> int | None:
        found = [extract.statuses[target["answer"], target["status"]].severity
                 for target in row["due"].get(year, ()) if target["status"]]  # fmt: skip
        return max(found, default=None)

    return Column(f"Mốc {year}", 13, show, grave, center=True)


def _period(row: Row, extract: Extract) -> str | None:
    return extract.periods.get(row["period_code"])


def _figure_period(row: Row, extract: Extract) -> str | None:
    if row["period_code"] is None:
        return "Chưa đến kỳ báo cáo"
    return _period(row, extract) if row["actual_id"] else "Chưa có số liệu"


def _result(row: Row, extract: Extract) -> Any:
    words = in_words(row, extract.kinds[row["indicator_code"]]) if row["actual_id"] else None
    return row["value"] if words is None else words


def _measured(name: str) -> Callable[[Row, Extract], Any]:
    """A figure of the pace; of a yes or no there is none to show."""
    return lambda row, extract: None if extract.kinds[row["indicator_code"]] == "yes_no" else row[name]


def _progress(extract: Extract) -> list[Column]:
    return [
        _COMMUNE,
        Column("Mã chỉ tiêu", 9, _field("indicator_code"), center=True),
        Column("Chỉ tiêu", 36, lambda row, extract: indicator(row)),
        Column("Đơn vị", 7, _field("unit_of_measure"), center=True),
        Column("Kỳ số liệu", 10, _figure_period, center=True),
        Column("Tử số", 9, _field("numerator")),
        Column("Mẫu số", 9, _field("denominator")),
        Column("Kết quả", 11, _result),
        *(_due(year) for year in milestone_years(extract)),
        Column("Đánh giá theo mốc đã đến hạn", 13, _field("level_label"), severity_of("level"), center=True),
        Column("Cần đạt đến kỳ này", 9, _measured("expected_value")),
        Column("So với mức cần tăng", 9, _measured("pace"), number="0%"),
        Column("Tiến độ đến mốc tiếp theo", 13, _field("pace_label"), severity_of("pace"), center=True),
    ]  # fmt: skip


# ---------------------------------------------------------------- the city's rates


def _city_rows(extract: Extract) -> list[Row]:
    """The newest period of each indicator."""
    newest = {(row["city_code"], row["indicator_code"]): row for row in extract.tables["city"].dicts()}
    return list(newest.values())


_CITY_TITLE = "Gộp toàn thành phố"


def _city(extract: Extract) -> list[Column]:
    return [
        Column("Mã chỉ tiêu", 9, _field("indicator_code"), center=True),
        Column("Chỉ tiêu", 50, _field("indicator_name")),
        Column("Đơn vị", 8, _field("unit_of_measure"), center=True),
        Column("Kỳ số liệu", 14, _field("period_label"), center=True),
        Column("Tổng tử số", 12, _field("numerator")),
        Column("Tổng mẫu số", 12, _field("denominator")),
        Column("Kết quả gộp", 10, _field("value")),
        Column("Số xã có số liệu", 9, _field("communes_reporting")),
        Column("Số xã trong tỷ lệ gộp", 9, _field("communes_in_rate")),
        Column("Tổng số xã", 9, _field("communes_in_city")),
        Column("Xã thấp nhất", 9, _field("value_lowest")),
        Column("Trung vị", 9, _field("value_median")),
        Column("Xã cao nhất", 9, _field("value_highest")),
    ]


# ---------------------------------------------------------------- tasks and reporting


def _state(row: Row, extract: Extract) -> str | None:
    return extract.answers["state"].get(row["state"])


def _document(row: Row, extract: Extract) -> str | None:
    dated = f"{row['document_date']:%d/%m/%Y}" if row["document_date"] else None
    return " ngày ".join(part for part in (row["document_number"], dated) if part) or None


def _tasks(extract: Extract) -> list[Column]:
    return [
        _COMMUNE,
        Column("Vị trí trong kế hoạch", 12, lambda row, extract: printed_at(row)),
        Column("Nhiệm vụ", 54, _field("title")),
        Column("Cơ quan chủ trì", 16, _field("lead_as_written")),
        Column("Sản phẩm đầu ra", 18, _field("deliverable")),
        Column("Thời hạn", 12, _field("deadline_as_written")),
        Column("Ngày đến hạn", 11, _field("due_on"), center=True),
        Column("Tình trạng", 13, _field("task_label"), severity_of("task"), center=True),
        Column("Số ngày quá hạn", 8, _field("days_overdue")),
        Column("Cơ quan đã báo cáo", 12, _state, center=True),
        Column("Hoàn thành (%)", 9, _field("percent_done")),
        Column("Văn bản sản phẩm", 14, _document),
        Column("Kỳ báo cáo gần nhất", 10, _period, center=True),
        Column("Khó khăn, vướng mắc", 17, _field("difficulty")),
    ]


def _reporting(extract: Extract) -> list[Column]:
    return [
        Column("Kỳ báo cáo", 14, _field("period_label"), center=True),
        _COMMUNE,
        Column("Cơ quan", 44, _field("agency_name")),
        Column("Hạn gửi", 12, _field("due_on"), center=True),
        Column("Tình trạng", 19, _field("reporting_label"), severity_of("reporting"), center=True),
        Column("Số ngày muộn", 9, lambda row, extract: row["days_late"] or None),
        Column("Nhận lần đầu", 16, _field("first_received_at"), center=True),
        Column("Nhận gần nhất", 16, _field("last_received_at"), center=True),
        Column("Số lần gửi", 9, _field("submissions")),
        Column("Dòng được nhận", 10, _field("lines_accepted")),
        Column("Dòng bị từ chối", 10, _field("lines_rejected")),
    ]


# ---------------------------------------------------------------- what was refused, what contradicts itself

_GRAVE = {"fail": 4, "confirm": 3, "warn": 2}


def _where(row: Row, extract: Extract) -> str:
    """'Chỉ tiêu, ô J16'; of a finding about the file itself, that."""
    cell = row["source_cell"] or (f"dòng {row['source_row']}" if row["source_row"] else None)
    named = (row["source_sheet"], f"ô {cell}" if row["source_cell"] else cell)
    return ", ".join(part for part in named if part) or "Cả tệp"


def _rejections(extract: Extract) -> list[Column]:
    return [
        _COMMUNE,
        Column("Cơ quan", 21, _field("agency_name")),
        Column("Kỳ báo cáo", 11, lambda row, extract: row["period_label"] or "Không rõ", center=True),
        Column("Nhận lúc", 16, _field("received_at"), center=True),
        Column("Tệp", 21, _field("original_name")),
        Column("Vị trí trong tệp", 13, _where),
        Column("Mức độ", 8, lambda row, extract: FINDING_WORDS[row["severity"]],
               lambda row, extract: _GRAVE[row["severity"]], center=True),
        Column("Giá trị tìm thấy", 17, _field("found")),
        Column("Sai ở đâu", 35, _field("message")),
        Column("Cách sửa", 35, _field("fix")),
        Column("Mã quy tắc", 8, _field("rule_code"), center=True),
    ]  # fmt: skip


def _conflict_rows(extract: Extract) -> list[Row]:
    """Each pair with both of its targets as the plan has them."""
    targets = {row["target_id"]: row for row in extract.tables["milestones"].dicts()}
    return [
        {**row, "first": targets[row["first_target_id"]], "second": targets[row["second_target_id"]]}
        for row in extract.tables["conflicts"].dicts()
    ]


def _of(which: str, show: Callable[[Row], Any]) -> Callable[[Row, Extract], Any]:
    return lambda row, extract: show(row[which])


def _documents(row: Row, extract: Extract) -> str:
    """'Kế hoạch số 110/KH-UBND ngày 25/03/2026 của Ủy ban nhân dân …', as far as the document says."""
    texts = []
    for plan in extract.tables["plans"].dicts():
        if plan["plan_id"] in (row["plan_id"], row["second_plan_id"]):
            number = f" số {plan['document_number']}" if plan["document_number"] else ""
            dated = f" ngày {plan['issued_on']:%d/%m/%Y}" if plan["issued_on"] else ""
            texts.append(f"Kế hoạch{number}{dated} của {plan['issuer']}")
    return "\n".join(texts)


def _conflicts(extract: Extract) -> list[Column]:
    sides = []
    for which, word in (("first", "thứ nhất"), ("second", "thứ hai")):
        sides += [
            Column(f"Chỉ tiêu giao {word}", 14, _of(which, lambda t: t["as_written"]), center=True),
            Column(f"Vị trí {word}", 12, _of(which, printed_at), center=True),
            Column(f"Nội dung in tại vị trí {word}", 25, _of(which, lambda t: t["target_name"])),
            Column(f"Cơ quan chủ trì {word}", 14, _of(which, lambda t: t["lead_agency_name"])),
        ]
    return [
        _COMMUNE,
        Column("Mã chỉ tiêu", 9, _field("indicator_code"), center=True),
        Column("Chỉ tiêu", 26, _field("indicator_name")),
        Column("Mốc", 11, _field("milestone_on"), center=True),
        *sides,
        Column("Văn bản", 20, _documents),
    ]


_SHEETS = (
    _Sheet("Tiến độ chỉ tiêu", "TIẾN ĐỘ THỰC HIỆN CHỈ TIÊU THEO TỪNG MỐC", _progress, _progress_rows, "Chỉ tiêu",
           "Kế hoạch không giao chỉ tiêu đo được."),
    _Sheet(_CITY_TITLE, "KẾT QUẢ GỘP TOÀN THÀNH PHỐ THEO CHỈ TIÊU", _city, _city_rows, "Chỉ tiêu",
           "Chưa có số liệu để gộp."),
    _Sheet("Nhiệm vụ", "TÌNH HÌNH THỰC HIỆN NHIỆM VỤ", _tasks, _rows("tasks"), "Nhiệm vụ",
           "Kế hoạch không giao nhiệm vụ nào."),
    _Sheet("Tình hình báo cáo", "TÌNH HÌNH GỬI BÁO CÁO TRONG 12 THÁNG GẦN NHẤT", _reporting, _rows("reporting"),
           "Cơ quan",
           "Chưa có kỳ báo cáo nào đến hạn."),
    _Sheet("Lỗi và lưu ý", "SỐ LIỆU BỊ TỪ CHỐI HOẶC CẦN XEM LẠI TRONG 12 THÁNG GẦN NHẤT", _rejections,
           _rows("rejections"), "Cơ quan",
           "Không có tệp hoặc dòng nào bị từ chối."),
    _Sheet("Mâu thuẫn", "CHỈ TIÊU GIAO MÂU THUẪN TRONG CÙNG KẾ HOẠCH, CHỜ CẤP CÓ THẨM QUYỀN XÁC ĐỊNH", _conflicts,
           _conflict_rows, "Chỉ tiêu", "Không có chỉ tiêu giao mâu thuẫn."),
)  # fmt: skip
