"""The report a commune or the city signs: 'Báo cáo kết quả thực hiện Kế hoạch ...', in Word, ready to be edited.

Every figure comes from the extract; what only the officer knows is a marked blank, what is missing is named. What it
says of indicators and tasks is report/results.py, how it looks office/administrative_document.py.
"""

from __future__ import annotations

import io
import re
from collections import Counter, defaultdict
from collections.abc import Iterable

from docx.document import Document

from pipelines.bundles.extract import CITY, Extract, Row
from pipelines.bundles.report.results import annexes, indicators, tasks
from pipelines.bundles.report.wording import (
    NONE,
    agency,
    bare,
    open_rejections,
    share,
)
from pipelines.office.administrative_document import (
    BLANK,
    body,
    bytes_of,
    heading,
    heads,
    items,
    new_document,
    signature,
    subject,
    table,
)
from pipelines.office.figures import day, printed_at
from pipelines.office.wording import say, wording
from pipelines.office.workbook import ILLUSTRATIVE
from pipelines.vietnamese import clean, in_sentence

_DEPARTMENT = "Sở Khoa học và Công nghệ"  # reports for the city
# kinds of documents by the letters in their numbers (Nghị định 30/2020/NĐ-CP, Phụ lục III)
_KINDS = {"NQ": "Nghị quyết", "QĐ": "Quyết định", "CT": "Chỉ thị", "KH": "Kế hoạch", "CTr": "Chương trình",
          "TB": "Thông báo", "HD": "Hướng dẫn", "BC": "Báo cáo"}  # fmt: skip


def official_report(extract: Extract) -> io.BytesIO:
    """The report as a Word file."""
    about, of_period = _about(extract), _of_period(extract)
    document = new_document(f"Báo cáo kết quả thực hiện Kế hoạch – {extract.place}", of_period,
                            ILLUSTRATIVE if extract.is_illustrative else None)  # fmt: skip
    symbol = "......./BC-SKHCN" if extract.scope == CITY else "......./BC-UBND"
    if extract.scope == CITY:
        heads(document, f"ỦY BAN NHÂN DÂN\n{extract.city_name.upper()}", ["SỞ KHOA HỌC", "VÀ CÔNG NGHỆ"],
              f"Số: {symbol}", _dated(extract.city_name, extract))  # fmt: skip
    else:
        heads(document, "", ["ỦY BAN NHÂN DÂN", extract.place.upper()], f"Số: {symbol}", _dated(extract.place, extract))
    subject(document, "BÁO CÁO", about, f"({of_period})")
    _grounds(document, extract)
    indicators(document, extract)
    tasks(document, extract)
    _reporting(document, extract)
    rejected = open_rejections(extract)
    _difficulties(document, rejected, extract)
    _proposals(document, rejected, extract)
    body(document, f"Trên đây là báo cáo kết quả thực hiện Kế hoạch kỳ "
         f"{in_sentence(extract.periods[extract.period_code])} của {_issuer(extract)}./.", keep=True)  # fmt: skip
    _sign(document, extract)
    annexes(document, extract, f"(Kèm theo Báo cáo số {symbol} ngày ....... tháng ....... năm "
            f"{extract.as_of_on.year} của {_issuer(extract)})")  # fmt: skip
    return bytes_of(document)


def _sign(document: Document, extract: Extract) -> None:
    above = f"- Ủy ban nhân dân {in_sentence(extract.city_name)} (để báo cáo);"
    blanks = [f"- {BLANK};", f"- Lưu: VT, {BLANK}."]
    if extract.scope == CITY:
        signature(document, [above, "- Ủy ban nhân dân các xã, phường, đặc khu;", *blanks], ["GIÁM ĐỐC"])
        return
    party = f"- Thường trực Đảng ủy, Hội đồng nhân dân {in_sentence(extract.place)};"
    signature(document, [above, f"- {_DEPARTMENT};", party, *blanks], ["TM. ỦY BAN NHÂN DÂN", "CHỦ TỊCH"])


def _about(extract: Extract) -> str:
    if extract.scope == CITY:
        return ("Kết quả thực hiện Kế hoạch triển khai Nghị quyết số 57-NQ/TW của các xã, phường, đặc khu trên địa bàn "
                f"{in_sentence(extract.city_name)}")  # fmt: skip
    titles = [clean(plan["title"]) for plan in _plans_in_force(extract)]
    if len(titles) == 1:
        return f"Kết quả thực hiện {titles[0]}"
    return f"Kết quả thực hiện các Kế hoạch triển khai Nghị quyết số 57-NQ/TW trên địa bàn {in_sentence(extract.place)}"


def _of_period(extract: Extract) -> str:
    return f"Kỳ báo cáo: {in_sentence(extract.periods[extract.period_code])}"


def _issuer(extract: Extract) -> str:
    return _DEPARTMENT if extract.scope == CITY else f"Ủy ban nhân dân {in_sentence(extract.place)}"


def _dated(place: str, extract: Extract) -> str:
    return f"{bare(place)}, ngày ....... tháng ....... năm {extract.as_of_on.year}"


def _plans_in_force(extract: Extract) -> list[Row]:
    plans = extract.tables["plans"].dicts()
    return [plan for plan in plans if not plan["in_force_to"] or plan["in_force_to"] > extract.as_of_on] or plans


# ---------------------------------------------------------------- I. what the report is based on


def _the_plan(extract: Extract) -> str:
    return "Kế hoạch" if len(_plans_in_force(extract)) == 1 else "Các Kế hoạch"


def _grounds(document: Document, extract: Extract) -> None:
    heading(document, 1, "I. CĂN CỨ VÀ PHẠM VI BÁO CÁO")
    heading(document, 2, "1. Căn cứ")
    plans = _plans_in_force(extract)
    cited = [_cited_plan(plan) for plan in plans]
    if extract.scope != CITY:
        cited += [_cited(one) for plan in plans for one in extract.legal_documents[plan["plan_id"]]]
    items(document, list(dict.fromkeys(cited)))
    unknown = [plan for plan in plans if not plan["document_number"] or not plan["issued_on"]]
    if unknown:
        which = "các Kế hoạch có chỗ đánh dấu" if len(unknown) > 1 else "Kế hoạch"
        body(document, f"Số hoặc ngày ban hành của {which} chưa có trong dữ liệu, cần bổ sung vào chỗ đánh dấu.",
             italic=True)  # fmt: skip
    heading(document, 2, "2. Phạm vi và nguồn số liệu")
    tasked = len(extract.tables["tasks"].rows)
    followed = [f"{extract.targeted} chỉ tiêu đo được"] * bool(extract.targeted) + [f"{tasked} nhiệm vụ"] * bool(tasked)
    if not extract.targeted:
        body(document, f"{_the_plan(extract)} không giao chỉ tiêu đo được.")
    if followed:
        body(document, f"Báo cáo theo dõi {' và '.join(followed)}. {_figures(extract)}".strip())
    if extract.scope == CITY:
        _coverage(document, extract)
    body(document, f"Số liệu chỉ tiêu tính đến hết kỳ {in_sentence(extract.periods[extract.period_code])}; nhiệm vụ và "
         f"thời hạn tính đến ngày {day(extract.as_of_on)}. {_sources(extract)}")  # fmt: skip
    if extract.is_illustrative:
        body(document, "Toàn bộ số liệu trong báo cáo này là số liệu minh họa, không phải kết quả của địa phương.")


def _figures(extract: Extract) -> str:
    asked = len(extract.tables["progress"].rows)
    figures = sum(row["actual_id"] is not None for row in extract.tables["progress"].dicts())
    if not asked:
        return "Chưa chỉ tiêu nào đến kỳ báo cáo." if extract.targeted else ""
    if figures == extract.targeted:
        return "Chỉ tiêu này đã có số liệu." if figures == 1 else "Tất cả các chỉ tiêu đã có số liệu."
    counts = ((figures, "đã có số liệu"), (asked - figures, "đến kỳ nhưng chưa có số liệu"),
              (extract.targeted - asked, "chưa đến kỳ báo cáo"))  # fmt: skip
    return f"Trong đó {', '.join(f'{count} chỉ tiêu {words}' for count, words in counts if count)}."


def _sources(extract: Extract) -> str:
    sent = len(extract.tables["submissions"].rows)
    if not sent:
        return "Chưa nhận được tệp số liệu nào của các cơ quan, đơn vị."
    return (f"Số liệu do các cơ quan, đơn vị gửi theo biểu mẫu ({sent} tệp trong 12 tháng gần nhất) và đã được "
            "kiểm tra tự động từng dòng trước khi tổng hợp.")  # fmt: skip


def _cited_plan(plan: Row) -> str:
    """'Kế hoạch số 110/KH-UBND ngày 25/03/2026 của Ủy ban nhân dân phường Lê Chân'."""
    code = plan["document_number"] or f"{BLANK}/KH-UBND"
    issued = day(plan["issued_on"]) if plan["issued_on"] else BLANK
    return f"Kế hoạch số {code} ngày {issued} của {plan['issuer']}"


def _cited(one: Row) -> str:
    """'Nghị quyết số 57-NQ/TW ngày 22/12/2024 của Bộ Chính trị': the letters of a number say what kind it is, where the
    plan does not write the kind itself."""
    number = one["number"] or "Văn bản"
    if number[:1].isdigit():
        letters = re.findall(r"(?<![^\W\d_])(NQ|QĐ|CTr|CT|KH|TB|HD|BC)(?=[-/])", number)
        number = f"{_KINDS[letters[0]] if letters else 'Văn bản'} số {number}"
    issued = [f"ngày {day(one['issued_on'])}"] if one["issued_on"] else []
    return " ".join([number, *issued, f"của {one['issuer']}"])


def _coverage(document: Document, extract: Extract) -> None:
    """How many communes the report covers, and the status of each."""
    city = extract.tables["city"].dicts()
    of = f" trong tổng số {city[0]['communes_in_city']}" if city else ""
    body(document, f"Số liệu của {len(extract.communes)} xã, phường, đặc khu đã có kế hoạch trong hệ thống{of} xã, "
         "phường, đặc khu của thành phố:", keep=True)  # fmt: skip
    counts: dict[str, Counter[str]] = {code: Counter() for code in extract.communes}
    for row in extract.tables["progress"].dicts():
        is_slow = extract.statuses["pace", row["pace_status"]].is_behind
        counts[row["commune_code"]].update(["asked", row["level_status"]] + ["figure"] * bool(row["actual_id"])
                                           + ["slow"] * is_slow)  # fmt: skip
    for row in extract.tables["tasks"].dicts():
        done = row["task_status"] in ("done", "done_without_proof")
        counts[row["commune_code"]].update(["tasks", "done" if done else row["task_status"]])
    for row in extract.tables["reporting"].dicts():
        counts[row["commune_code"]].update(["owing"] * row["is_outstanding"])
    shown = ("asked", "figure", "met", "not_met", "slow", "tasks", "done", "overdue", "owing")
    lines = [[name, *(str(counts[code][what]) for what in shown)] for code, name in extract.communes.items()]
    total = sum(counts.values(), Counter[str]())
    lines.append(["Cộng", *(str(total[what]) for what in shown)])
    titles = ("Xã, phường", "Chỉ tiêu đến kỳ", "Đã có số liệu", "Đạt mốc", "Chưa đạt mốc", "Chậm tiến độ", "Nhiệm vụ",
              "Hoàn thành", "Quá hạn", "Báo cáo còn phải gửi")  # fmt: skip
    table(document, "", titles, (24, *[15.1] * 9), lines, centered=range(1, 10), size=9.5)


# ---------------------------------------------------------------- IV. who has reported


def _reporting(document: Document, extract: Extract) -> None:
    heading(document, 1, say("report.reporting.heading"))
    rows = extract.tables["reporting"].dicts()
    if not rows:
        body(document, say("report.reporting.none_due"))
        return
    newest = extract.newest_owed
    current = [row for row in rows if row["period_code"] == newest]
    label = in_sentence(extract.periods[newest])
    body(document, say("report.reporting.opening", period=label, count=len(current)), keep=True)
    lines = []
    for status, text in wording("report.reporting.statuses").items():
        which = [row for row in current if row["reporting_status"] == status]
        if which:
            names = "" if status == "on_time" else ": " + ", ".join(_late(row, extract) for row in which)
            line = say("report.reporting.line", status=text, count=len(which), share=share(len(which), len(current)))
            lines.append(line + names)
    items(document, lines)
    before = defaultdict(list)
    for row in reversed(rows):
        if row["period_code"] != newest and row["is_outstanding"]:
            before[agency(row, extract)].append(in_sentence(row["period_label"]))
    if not before:
        body(document, say("report.reporting.nothing_before"))
        return
    body(document, say("report.reporting.before"), keep=True)
    items(document, [f"{name}: {', '.join(labels)}" for name, labels in sorted(before.items())])


def _late(row: Row, extract: Extract) -> str:
    name = agency(row, extract)
    return say("report.reporting.late", agency=name, days=row["days_late"]) if row["days_late"] else name


# ---------------------------------------------------------------- V. difficulties


def _difficulties(document: Document, rejected: list[Row], extract: Extract) -> None:
    heading(document, 1, say("report.difficulties.heading"))
    heading(document, 2, say("report.difficulties.conflicts"))
    conflicts = extract.tables["conflicts"].dicts()
    if conflicts:
        opening = say("report.difficulties.conflicts_opening", plan=_the_plan(extract), count=len(conflicts))
        body(document, opening, keep=True)
        lines = [[str(place), _conflict(row, extract), day(row["milestone_on"]), _target(row, "first"),
                  _target(row, "second")] for place, row in enumerate(conflicts, 1)]  # fmt: skip
        table(document, "", wording("report.difficulties.conflicts_columns"), (9, 57, 24, 35, 35),
              lines, centered=(0, 2))  # fmt: skip
    else:
        body(document, say("report.difficulties.no_conflict"))
    heading(document, 2, say("report.difficulties.told"))
    told = [row for row in extract.tables["tasks"].dicts() if row["difficulty"]]
    items(document, [say("report.difficulties.told_line", agency=_reporter(row, extract), place=_place_in_sentence(row),
                         said=clean(row["difficulty"])) for row in told])  # fmt: skip
    if not told:
        body(document, say("report.difficulties.nothing_told"))
    heading(document, 2, say("report.difficulties.rejected"))
    if not rejected:
        body(document, say("report.difficulties.nothing_rejected"))
        return
    body(document, say("report.difficulties.rejected_opening"), keep=True)
    unknown = say("report.difficulties.unknown_period")
    lines = [[str(place), agency(row, extract), row["period_label"] or unknown, _found_in(row),
              clean(row["message"])] for place, row in enumerate(rejected, 1)]  # fmt: skip
    table(document, "", wording("report.difficulties.rejected_columns"), (9, 34, 25, 36, 56), lines,
          centered=(0, 2))  # fmt: skip


def _reporter(row: Row, extract: Extract) -> str:
    return agency({**row, "agency_name": extract.agencies.get(row["reported_by"])}, extract)


def _place_in_sentence(row: Row) -> str:
    place = printed_at(row)
    return place if place.startswith("Phụ lục") else in_sentence(place)


def _conflict(row: Row, extract: Extract) -> str:
    return f"{row['commune_name']}: {row['indicator_name']}" if extract.scope == CITY else str(row["indicator_name"])


def _target(row: Row, which: str) -> str:
    return f"{clean(row[f'{which}_as_written'])}\n({printed_at(row, f'{which}_')})"


def _found_in(row: Row) -> str:
    cell = f", ô\u00a0{row['source_cell']}" if row["source_cell"] else ""
    return clean(row["original_name"]) + (f"\ntrang “{row['source_sheet']}”{cell}" if row["source_sheet"] else "")


# ---------------------------------------------------------------- VI. what follows


def _proposals(document: Document, rejected: list[Row], extract: Extract) -> None:
    heading(document, 1, say("report.proposals.heading"))
    place = 0
    conflicts = extract.tables["conflicts"].dicts()
    if conflicts:
        place += 1
        heading(document, 2, say("report.proposals.conflicts", place=place))
        body(document, say("report.proposals.conflicts_asked", count=len(conflicts), blank=BLANK))
    if asked := _asked(rejected, extract):
        place += 1
        whom = say("report.proposals.communes" if extract.scope == CITY else "report.proposals.agencies", place=place)
        heading(document, 2, whom)
        items(document, [f"{name}: {', '.join(things)}" for name, things in asked])
    heading(document, 2, say("report.proposals.other", place=place + 1))
    body(document, BLANK)


def _asked(rejected: list[Row], extract: Extract) -> list[tuple[str, list[str]]]:
    """Whom to remind of what: overdue tasks, reports not sent, figures missing, lines refused, proofs wanting."""
    wants: dict[str, Counter[str]] = defaultdict(Counter)
    for row in extract.tables["tasks"].dicts():
        if row["task_status"] in ("overdue", "done_without_proof"):
            for name in _leads(row, extract):
                wants[name][row["task_status"]] += 1
    for row in extract.tables["reporting"].dicts():
        if row["is_outstanding"]:
            wants[_who(row, extract)]["report"] += 1
    for row in extract.tables["progress"].dicts():
        if not row["actual_id"]:
            owner = extract.reporters.get((row["commune_code"], row["indicator_code"]))
            wants[_who({**row, "agency_name": owner}, extract)]["figure"] += 1
    for row in rejected:
        wants[_who(row, extract)]["refused"] += 1
    words = wording("report.proposals.asked").items()
    return [(name, [text.format(count=counts[what]) for what, text in words if counts[what]])
            for name, counts in sorted(wants.items())]  # fmt: skip


def _who(row: Row, extract: Extract) -> str:
    return f"Ủy ban nhân dân {in_sentence(row['commune_name'])}" if extract.scope == CITY else agency(row, extract)


def _leads(row: Row, extract: Extract) -> Iterable[str]:
    if extract.scope == CITY:
        return [_who(row, extract)]
    known = [extract.agencies[code] for code in row["lead_agency_codes"] or () if code in extract.agencies]
    return [agency({**row, "agency_name": name}, extract) for name in known] or [clean(row["lead_as_written"] or NONE)]
