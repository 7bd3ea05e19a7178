"""Figures, places and names as the Word report says them, and what of an extract it has to name.

The sentences belong to report/report.py and report/results.py.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from pipelines.bundles.extract import CITY, Extract
from pipelines.files import Row
from pipelines.office.figures import in_words, measured, printed_at
from pipelines.office.wording import say, wording
from pipelines.vietnamese import clean, format_number, in_sentence

NONE = say("labels.none")
_TYPE = re.compile(r"^(Xã|Phường|Đặc khu|Thành phố|Tỉnh)\s+")


def distance(value: Any, wanted: Any, unit: str | None) -> str | None:
    """How far a figure is from the one wanted, '6,94 điểm %'; None where there is nothing to measure or no distance."""
    if value is None or wanted is None:
        return None
    apart = format_number(abs(Decimal(str(wanted)) - Decimal(str(value))))
    if apart == "0":
        return None
    return say("labels.percentage_points", value=apart) if unit == "%" else f"{apart} {unit or ''}".strip()


def targets(as_written: Sequence[str] | None) -> str:
    """Targets in force together, each on a line of its own, the same words once; '≥ 70%' is not torn apart."""
    if not as_written:
        return NONE
    return "\n".join(dict.fromkeys(clean(one) for one in as_written)).replace("≥ ", "≥\u00a0")


def result(row: Row, extract: Extract) -> str:
    """The figure, the answer or the words an agency gave; 'Chưa có số liệu' where it gave none."""
    if not row["actual_id"]:
        return say("labels.no_figure")
    words = in_words(row, extract.kinds[row["indicator_code"]])
    text = measured(row["value"], row["unit_of_measure"]) if words is None else words
    return say("report.estimate", value=text) if row["is_estimate"] else text


def printed(text: str | None) -> str:
    """What a plan prints, with the words a scanner cut off made whole; '–' for nothing."""
    shown = clean(text or NONE)
    for cut, whole in wording("report.misprints").items():
        shown = re.sub(rf"{re.escape(cut)}(?!\w)", whole, shown)
    return shown


def task_reports(extract: Extract) -> list[Row]:
    """What was reported on tasks last: on each as a whole, and by agencies on their parts of those given to all."""
    parts = [{**row, "reported_by": row["agency_code"]} for row in extract.tables["parts"].dicts()]
    return [*extract.tables["tasks"].dicts(), *parts]


def reporter(row: Row, extract: Extract) -> str:
    """Who reported on a task last."""
    return agency({**row, "agency_name": extract.agencies.get(row["reported_by"])}, extract)


def told(row: Row, name: str, extract: Extract) -> str:
    """What an agency wrote beside a task, with the task and its place in the plan."""
    place = printed_at(row) if row["appendix"] else in_sentence(printed_at(row))
    return say("report.of_task", agency=reporter(row, extract), task=clean(row["title"]).rstrip("."), place=place,
               said=clean(row[name]))  # fmt: skip


def bare(name: str) -> str:
    """'Vĩnh Lại' of 'Xã Vĩnh Lại'."""
    return _TYPE.sub("", name)


def agency(row: Row, extract: Extract) -> str:
    """'Công an xã' in a commune's own report, 'Công an xã Vĩnh Lại' or 'Phòng Kinh tế xã Vĩnh Lại' in the city's."""
    commune, name = in_sentence(row["commune_name"]), str(row["agency_name"] or say("report.agency_unknown"))
    if extract.scope != CITY:
        return name.replace("xã, phường", commune.removesuffix(bare(row["commune_name"])).strip())
    return name.replace("xã, phường", commune) if "xã, phường" in name else f"{name} {commune}"


def counted(status: str, count: int, noun: str, total: int) -> str:
    """'Quá hạn: 4 nhiệm vụ (33,3%)'; no share of so few that it says nothing."""
    share = f" ({format_number(Decimal(100 * count) / total, 1)}%)" if total >= 5 else ""
    return f"{status}: {count} {noun}{share}"


def open_rejections(extract: Extract) -> list[Row]:
    """Refused lines and files for which nothing better came since.

    A line: no later file of the agency for the period was taken. A file: the agency still owes its period (or, where
    the file does not say it, any period).
    """
    files = {row["submission_id"]: row for row in extract.tables["submissions"].dicts()}
    reporting = extract.tables["reporting"].dicts()
    owing = {(r["commune_code"], r["agency_code"], r["period_code"]) for r in reporting
             if r["is_outstanding"]}  # fmt: skip
    owing |= {(commune, agency_code, None) for commune, agency_code, _ in owing}
    taken: dict[tuple[Any, ...], Any] = {}
    for row in files.values():
        if row["status"] in ("accepted", "partly_accepted"):
            key = row["commune_code"], row["agency_code"], row["period_code"]
            taken[key] = max(row["received_at"], taken.get(key, row["received_at"]))
    found = []
    for row in extract.tables["rejections"].dicts():
        key = row["commune_code"], row["agency_code"], row["period_code"]
        whole = files[row["submission_id"]]["status"] in ("rejected", "unreadable", "set_aside")
        still = key in owing if whole else taken.get(key, row["received_at"]) <= row["received_at"]
        if row["severity"] == "fail" and row["commune_name"] and still:
            found.append(row)
    return found
