"""What the Word report says of indicators and tasks: counts, what is behind and by how much, what is missing, annexes.

How it looks is office/administrative_document.py; the report around these sections is report/report.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from docx.document import Document

from pipelines.bundles.extract import CITY, Extract, Row
from pipelines.bundles.report.charts import Bar, bars, stacked
from pipelines.bundles.report.wording import (
    NONE,
    agency,
    distance,
    result,
    share,
    targets,
)
from pipelines.office.administrative_document import BLANK, PORTRAIT, annex, body, chart, heading, items, table
from pipelines.office.figures import day, indicator, measured, printed_at
from pipelines.office.statuses import Count, counts, is_behind
from pipelines.vietnamese import clean, format_number, in_sentence

_FEWEST = 5  # things that a chart is worth

MOST = 300  # lines of a table that people read on paper; the rest is in the workbook
A_CHART = 30  # communes a chart has room for

# title, width in millimetres, whether its values are centred
Columns = Sequence[tuple[str, float, bool]]


def indicators(document: Document, extract: Extract) -> None:
    """Part II."""
    progress = extract.tables["progress"].dicts()
    heading(document, 1, "II. KẾT QUẢ THỰC HIỆN CHỈ TIÊU")
    if not progress:
        reason = (
            f"Kế hoạch giao {extract.targeted} chỉ tiêu đo được nhưng chưa chỉ tiêu nào đến kỳ báo cáo."
            if extract.targeted
            else "Kế hoạch không giao chỉ tiêu đo được; kết quả thực hiện được thể hiện ở các nhiệm vụ tại phần III."
        )
        body(document, reason)
        return
    heading(document, 2, "1. Đánh giá chung")
    _how_they_stand(document, progress, extract)
    if len(progress) >= _FEWEST:
        annex_called = annex_names(extract).get("progress")
        where = f"tại {annex_called}" if annex_called else _in_workbook("Tiến độ chỉ tiêu", extract)
        body(document, f"Kết quả từng chỉ tiêu {where} kèm theo.")
        heading(document, 2, "2. Chỉ tiêu chưa đạt mốc hoặc chậm tiến độ")
        _behind(document, [row for row in progress if is_behind(row, extract.statuses)], extract)
    else:
        heading(document, 2, "2. Kết quả từng chỉ tiêu")
        _compared(document, progress, extract)
    heading(document, 2, "3. Chỉ tiêu chưa có số liệu hoặc chưa đánh giá được")
    _unanswered(document, progress, extract)


def _how_they_stand(document: Document, progress: list[Row], extract: Extract) -> None:
    total = len(progress)
    answers = (("level", "So với mốc đã đến hạn", [row for row in progress if row["in_force_on"]],
                "chỉ tiêu có mốc đã qua", "chưa có chỉ tiêu nào có mốc đã qua"),
               ("pace", "Trên đường đến mốc tiếp theo", [row for row in progress if row["next_on"]],
                "chỉ tiêu còn mốc phía trước", "không còn chỉ tiêu nào có mốc phía trước"))  # fmt: skip
    panels = []
    for answer, title, rows, noun, none in answers:
        if not rows:
            body(document, f"{title}: {none}.")
            continue
        lines = counts("", "", answer, rows, extract.statuses).best_first
        if len(rows) == 1:
            [one] = rows
            body(document, f"{title}: 1 {noun} ({indicator(one)}), đánh giá: {in_sentence(lines[0].label)}.")
            continue
        body(document, f"{title}, trong {len(rows)} {noun}:", keep=True)
        items(document, [f"{one.label}: {one.n} chỉ tiêu{share(one.n, len(rows))}" for one in lines])
        panels.append((title, _bars(lines)))
    if total >= _FEWEST and panels:
        says = "; ".join(f"{title}: " + ", ".join(f"{b.label} {b.size}" for b in one) for title, one in panels)
        chart(document, "Số chỉ tiêu theo kết quả đánh giá", bars(panels, PORTRAIT), says)
    if extract.scope == CITY:
        _by_commune(document, "level", progress, "Chỉ tiêu của từng xã, phường so với mốc đã đến hạn", extract)


def _bars(lines: Sequence[Count]) -> list[Bar]:
    return [Bar(one.label, one.n, one.severity) for one in lines]


def _by_commune(document: Document, answer: str, rows: list[Row], caption: str, extract: Extract) -> None:
    """A bar a commune, where more than one has lines; as many charts as they need."""
    parts = []
    for code, name in extract.communes.items():
        of_commune = [row for row in rows if row["commune_code"] == code]
        if of_commune:
            parts.append((name, _bars(counts("", "", answer, of_commune, extract.statuses).best_first)))
    charts = [parts[start : start + A_CHART] for start in range(0, len(parts), A_CHART)] if len(parts) > 1 else []
    for place, shown in enumerate(charts, 1):
        says = "; ".join(f"{name}: " + ", ".join(f"{b.label} {b.size}" for b in one) for name, one in shown)
        numbered = f"{caption} ({place}/{len(charts)})" if len(charts) > 1 else caption
        chart(document, numbered, stacked(shown, PORTRAIT), says)


def _behind(document: Document, rows: list[Row], extract: Extract) -> None:
    if not rows:
        body(document, "Không có chỉ tiêu nào được đánh giá là chưa đạt mốc hoặc chậm tiến độ.")
        return
    body(document, f"Có {len(rows)} chỉ tiêu chưa đạt mốc đã đến hạn hoặc chậm so với mức cần đạt đến kỳ báo cáo trên "
         "đường đến mốc tiếp theo:", keep=True)  # fmt: skip

    _compared(document, rows, extract)


def _compared(document: Document, rows: list[Row], extract: Extract) -> None:
    """Each figure against its milestone and its pace, the most serious first."""

    def gravity(row: Row) -> tuple[int, int]:
        pace, level = (extract.statuses[answer, row[f"{answer}_status"]] for answer in ("pace", "level"))
        return -pace.severity, -level.severity

    lines = [[str(place), _named(row, extract), _dated_result(row, extract), _against_level(row),
              _against_pace(row, extract)]
             for place, row in enumerate(sorted(rows, key=gravity)[:MOST], 1)]  # fmt: skip
    titles = ("TT", "Chỉ tiêu", "Kết quả (kỳ số liệu)", "So với mốc đã đến hạn", "So với mức cần đạt đến kỳ số liệu")
    table(document, "", titles, (9, 45, 24, 40, 42), lines, centered=(0, 2), size=10.5)
    _rest(document, len(rows), "Tiến độ chỉ tiêu", extract)


def _in_workbook(sheet: str, extract: Extract) -> str:
    return f"ở trang tính “{sheet}” của tệp {extract.stem}.xlsx"


def _rest(document: Document, lines: int, sheet: str, extract: Extract) -> None:
    """Where the lines are that a table has no room for."""
    if lines > MOST:
        body(document, f"Trên đây nêu {format_number(MOST)} trong {format_number(lines)} dòng; danh sách đầy đủ "
             f"{_in_workbook(sheet, extract)} kèm theo.")  # fmt: skip


def _dated_result(row: Row, extract: Extract) -> str:
    dated = f"\n({extract.periods[row['period_code']]})" if row["actual_id"] else ""
    return result(row, extract) + dated


def _named(row: Row, extract: Extract) -> str:
    return f"{row['commune_name']}: {indicator(row)}" if extract.scope == CITY else indicator(row)


def _against_level(row: Row) -> str:
    if row["in_force_on"] is None:
        return row["level_label"] or NONE
    lines = [row["level_label"], f"Mốc {day(row['in_force_on'])}: {targets(row['in_force_as_written'])}"]
    if row["level_status"] == "not_met" and (
        short := distance(row["value"], row["in_force_value"], row["unit_of_measure"])
    ):
        lines.append(f"Còn thiếu {short}")
    return "\n".join(lines)


def _against_pace(row: Row, extract: Extract) -> str:
    if row["next_on"] is None:
        return row["pace_label"] or NONE
    lines = [row["pace_label"]]
    if extract.statuses["pace", row["pace_status"]].is_behind and row["expected_value"] is not None:
        lines.append(f"Cần đạt {measured(row['expected_value'], row['unit_of_measure'])}")
        if short := distance(row["value"], row["expected_value"], row["unit_of_measure"]):
            lines.append(f"Còn thiếu {short}")
    lines.append(f"Mốc {day(row['next_on'])}: {targets(row['next_as_written'])}")
    return "\n".join(lines)


def _unanswered(document: Document, progress: list[Row], extract: Extract) -> None:
    """No figure, and who owes it; not asked for yet; assessed by hand; no rate."""
    missing, by_hand, no_rate = [], [], []
    for row in progress:
        answers = (row["level_status"], row["pace_status"])
        if not row["actual_id"]:
            owner = extract.reporters.get((row["commune_code"], row["indicator_code"]))
            owes = agency({**row, "agency_name": owner}, extract)
            missing.append(f"Chưa có số liệu: {_named(row, extract)}; cơ quan phải báo cáo: {owes}")
        elif "by_hand" in answers:
            by_hand.append(f"Chỉ tiêu định tính: {_named(row, extract)}; cơ quan báo cáo: “{result(row, extract)}”; "
                           f"đánh giá: {BLANK}")  # fmt: skip
        elif "no_rate" in answers:
            no_rate.append(f"Không tính được tỷ lệ vì mẫu số bằng 0: {_named(row, extract)}")
    not_asked = extract.targeted - len(progress)
    later = [f"Chưa đến kỳ báo cáo: {not_asked} chỉ tiêu"] if not_asked else []
    said = [*missing, *no_rate, *by_hand]
    items(document, [*said[:MOST], *later])
    _rest(document, len(said), "Tiến độ chỉ tiêu", extract)
    if not (missing or no_rate or by_hand or later):
        body(document, "Các chỉ tiêu đến kỳ báo cáo đều đã có số liệu.")


# ---------------------------------------------------------------- tasks

_LISTS = (("overdue", "Nhiệm vụ quá hạn", "quá hạn"),
          ("due_soon", "Nhiệm vụ đến hạn trong 30 ngày tới", "đến hạn trong 30 ngày tới"),
          ("done_without_proof", "Nhiệm vụ báo hoàn thành nhưng chưa có văn bản sản phẩm",
           "báo hoàn thành nhưng chưa có văn bản sản phẩm"),
          ("never_reported", "Nhiệm vụ chưa có báo cáo lần nào", "chưa có báo cáo lần nào"),
          ("report_owed", "Nhiệm vụ chưa có báo cáo trong 12 tháng qua",
           "chưa có báo cáo trong 12 tháng qua"))  # fmt: skip


def tasks(document: Document, extract: Extract) -> None:
    """Part III."""
    rows = extract.tables["tasks"].dicts()
    heading(document, 1, "III. KẾT QUẢ THỰC HIỆN NHIỆM VỤ")
    if not rows:
        body(document, "Kế hoạch không giao nhiệm vụ nào.")
        return
    heading(document, 2, "1. Đánh giá chung")
    lines = counts("", "", "task", rows, extract.statuses).best_first
    body(document, f"Đến ngày {day(extract.as_of_on)}, trong {len(rows)} nhiệm vụ được giao:", keep=True)
    items(document, [f"{one.label}: {one.n} nhiệm vụ{share(one.n, len(rows))}" for one in lines])
    if len(rows) >= _FEWEST and extract.scope != CITY:
        made = _bars(lines)
        says = ", ".join(f"{bar.label} {bar.size}" for bar in made)
        chart(document, "Số nhiệm vụ theo tình trạng thực hiện", bars([("Nhiệm vụ", made)], PORTRAIT), says)
    if extract.scope == CITY:
        _by_commune(document, "task", rows, "Tình trạng thực hiện nhiệm vụ của từng xã, phường", extract)
    else:
        body(document, f"Tình hình từng nhiệm vụ tại {annex_names(extract)['tasks']} kèm theo.")
    listed = [one for one in _LISTS if any(row["task_status"] == one[0] for row in rows)]
    for place, (status, title, _) in enumerate(listed, 2):
        heading(document, 2, f"{place}. {title}")
        _task_table(document, [row for row in rows if row["task_status"] == status], status, extract)
    if without := [words for status, _, words in _LISTS[:3] if status not in {one[0] for one in listed}]:
        body(document, f"Không có nhiệm vụ {', không có nhiệm vụ '.join(without)}.")


def _task_table(document: Document, rows: list[Row], status: str, extract: Extract) -> None:
    late = status == "overdue"
    if late:
        rows = sorted(rows, key=lambda row: -row["days_overdue"])
    lines = [
        [str(place), _task_named(row, extract), clean(row["lead_as_written"] or NONE),
         clean(row["deadline_as_written"] or NONE), *([format_number(row["days_overdue"])] if late else [])]
        for place, row in enumerate(rows[:MOST], 1)
    ]  # fmt: skip
    titles = ("TT", "Nhiệm vụ", "Cơ quan chủ trì", "Thời hạn", *(("Số ngày quá hạn",) if late else ()))
    widths = (9, 74, 34, 25, 18) if late else (9, 86, 38, 27)
    table(document, "", titles, widths, lines, centered=(0, 3, 4))
    _rest(document, len(rows), "Nhiệm vụ", extract)


def _task_named(row: Row, extract: Extract) -> str:
    text = f"{clean(row['title'])} ({printed_at(row)})"
    return f"{row['commune_name']}: {text}" if extract.scope == CITY else text


# ---------------------------------------------------------------- annexes


def annex_names(extract: Extract) -> dict[str, str]:
    """The tables in an annex, and its name: few indicators are in the report itself."""
    names = ["progress"] if _FEWEST <= len(extract.tables["progress"].rows) <= MOST else []
    names += [name for name in (["city"] if extract.scope == CITY else ["tasks"]) if extract.tables[name].rows]
    return {name: f"Phụ lục {'I' * place}" if len(names) > 1 else "Phụ lục" for place, name in enumerate(names, 1)}


def annexes(document: Document, extract: Extract, belongs_to: str) -> None:
    """All indicators; then the tasks of a commune, or the rates of the whole city."""
    for name, called in annex_names(extract).items():
        rows = extract.tables[name].dicts()
        if name == "progress":
            title, (columns, lines) = "TIẾN ĐỘ THỰC HIỆN TỪNG CHỈ TIÊU", _indicator_lines(rows, extract)
        elif name == "tasks":
            title, (columns, lines) = "TÌNH HÌNH THỰC HIỆN TỪNG NHIỆM VỤ", _task_lines(rows)
        else:
            title, (columns, lines) = "KẾT QUẢ GỘP TOÀN THÀNH PHỐ THEO CHỈ TIÊU", _city_lines(rows, extract)
        annex(document, called, title, belongs_to)
        table(document, "", [name for name, _, _ in columns], [width for _, width, _ in columns], lines,
              centered=[place for place, (_, _, middle) in enumerate(columns) if middle], size=10)  # fmt: skip


def _indicator_lines(progress: list[Row], extract: Extract) -> tuple[Columns, list[list[str]]]:
    is_city = extract.scope == CITY
    columns = [("TT", 10, True), *([("Xã, phường", 24, False)] if is_city else []), ("Mã", 18, True),
               ("Chỉ tiêu", 46 if is_city else 64, False), ("Kết quả", 26, True),
               ("Kỳ số liệu", 18 if is_city else 22, True), ("Mốc đã đến hạn", 27 if is_city else 28, True),
               ("Đánh giá theo mốc", 22, True), ("Mốc tiếp theo", 33 if is_city else 34, True),
               ("Đánh giá tiến độ", 23, True)]  # fmt: skip
    lines = []
    for place, row in enumerate(progress, 1):
        lines.append([
            str(place), *([row["commune_name"]] if is_city else []), row["indicator_code"], indicator(row),
            result(row, extract), extract.periods[row["period_code"]] if row["actual_id"] else NONE,
            _milestone(row, "in_force"), row["level_label"], _milestone(row, "next"), row["pace_label"],
        ])  # fmt: skip
    return columns, lines


def _milestone(row: Row, which: str) -> str:
    return f"{day(row[f'{which}_on'])}\n{targets(row[f'{which}_as_written'])}" if row[f"{which}_on"] else NONE


def _task_lines(rows: list[Row]) -> tuple[Columns, list[list[str]]]:
    columns = [("TT", 10, True), ("Vị trí trong Kế hoạch", 24, False), ("Nhiệm vụ", 76, False),
               ("Cơ quan chủ trì", 34, False), ("Thời hạn", 24, True), ("Tình trạng", 26, True),
               ("Hoàn thành (%)", 17, True), ("Văn bản sản phẩm", 36, False)]  # fmt: skip
    lines = []
    for place, row in enumerate(rows, 1):
        dated = f"ngày {day(row['document_date'])}" if row["document_date"] else ""
        done: Any = row["percent_done"]
        lines.append([
            str(place), printed_at(row), clean(row["title"]), clean(row["lead_as_written"] or NONE),
            clean(row["deadline_as_written"] or NONE), row["task_label"], NONE if done is None else format_number(done),
            " ".join(part for part in (clean(row["document_number"] or ""), dated) if part) or NONE,
        ])  # fmt: skip
    return columns, lines


def _city_lines(city: list[Row], extract: Extract) -> tuple[Columns, list[list[str]]]:
    """The newest line of each indicator."""
    columns = [("TT", 10, True), ("Mã", 17, True), ("Chỉ tiêu", 76, False), ("Kỳ số liệu", 24, True),
               ("Tử số", 20, True), ("Mẫu số", 20, True), ("Kết quả gộp", 24, True), ("Thấp nhất – cao nhất", 30, True),
               ("Số xã, phường có số liệu", 26, True)]  # fmt: skip
    newest = {row["indicator_code"]: row for row in city}
    lines = []
    for place, row in enumerate(newest.values(), 1):
        unit = row["unit_of_measure"]
        spread = [measured(row[which], unit) for which in ("value_lowest", "value_highest")]
        if extract.kinds[row["indicator_code"]] == "yes_no":
            spread = [NONE]
        covered = row["communes_reporting"] if row["denominator"] is None else row["communes_in_rate"]
        lines.append([
            str(place), row["indicator_code"], row["indicator_name"], row["period_label"],
            measured(row["numerator"], ""), measured(row["denominator"], ""), measured(row["value"], unit),
            " – ".join(dict.fromkeys(spread)), f"{covered}/{row['communes_in_city']}",
        ])  # fmt: skip
    return columns, lines
