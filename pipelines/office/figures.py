"""Figures, indicators and places in a plan as every document writes them.

How a number itself is written is vietnamese/numbers.py; the statuses of what is shown are office/statuses.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

from pipelines.files import Row, read_yaml
from pipelines.home import SOURCES
from pipelines.office.wording import say
from pipelines.vietnamese import clean, format_number

FORM = SOURCES / "forms" / "periodic-report.yml"


@cache
def form() -> dict[str, Any]:
    """What the form of the agencies says."""
    found: dict[str, Any] = read_yaml(FORM)
    return found


def answers() -> dict[str, dict[str, str]]:
    """The answers a form offers, by what is asked and code: 'yes_no', '1' is 'Đạt'."""
    found: dict[str, dict[str, str]] = form()["answers"]
    return found


def in_words(row: Row, kind: str) -> str | None:
    """What is said where a figure is no number: the answer, the agency's words, or that there is no rate; else None.

    row: a line with a figure. kind: that of its indicator.
    """
    if row["value"] is None:
        return clean(row["value_text"]) if row["value_text"] else say("labels.no_rate")
    return answers()["yes_no"][f"{row['value']:.0f}"] if kind == "yes_no" else None


def sent(row: Row, prefix: str = "") -> str | None:
    """What a line of a report says, in one text: '30 / 60 (50%)', 'Đạt', 'Đang thực hiện, 60%'; None for nothing.

    row: a line of an indicator or a task (table_kind), with kind and unit_of_measure of its indicator.
    """
    value, text = row[f"{prefix}value"], row[f"{prefix}value_text"]
    if row["table_kind"] == "task":
        return f"{answers()['state'][text]}{'' if value is None else f', {format_number(value)}%'}" if text else None
    if value is None or row["kind"] == "yes_no":
        return in_words({"value": value, "value_text": text}, row["kind"]) if text or value is not None else None
    parts = [row[f"{prefix}numerator"], row[f"{prefix}denominator"]]
    shown = measured(value, row["unit_of_measure"])
    return shown if None in parts else f"{format_number(parts[0])} / {format_number(parts[1])} ({shown})"


def parts_told(row: Row) -> str:
    """Of a task given to all agencies together how many of them reported on their parts; nothing of any other."""
    asked = row["agencies_asked"]
    return (
        say("labels.parts", reported=row["agencies_reported"], asked=asked, done=row["agencies_done"]) if asked else ""
    )


def measured(value: Decimal | float | int | None, unit: str | None) -> str:
    """'85,5%', '1.234 hồ sơ'; '–' for none."""
    if value is None:
        return say("labels.none")
    return format_number(value) + (unit or "" if unit == "%" else f" {unit}" if unit else "")


def day(value: date | None) -> str:
    """'31/12/2026'; '–' for none."""
    return f"{value:%d/%m/%Y}" if value else say("labels.none")


def indicator(row: Row) -> str:
    """The indicator's name, with its scope where a plan sets several."""
    return f"{row['indicator_name']} ({row['scope']})" if row["scope"] else str(row["indicator_name"])


def printed_at(row: Row, prefix: str = "") -> str:
    """'Phụ lục II, dòng 22, trang 7': where its document prints a target or a task; the page where it is known."""
    appendix, section, number = row[f"{prefix}appendix"], row.get(f"{prefix}section"), row[f"{prefix}row_number"]
    page = row.get(f"{prefix}source_page")
    named = (appendix and say("labels.appendix", appendix=appendix), section and say("labels.section", section=section),
             number and say("labels.row", row=number), page and say("labels.on_page", page=page))  # fmt: skip
    text = ", ".join(filter(None, named))
    return text[:1].upper() + text[1:]


def by_target(rows: Iterable[Row]) -> list[Row]:
    """The rows of targets, one a place in a plan, each with those of its milestones under 'due'."""
    found: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        key = tuple(row[name] for name in ("plan_id", "appendix", "row_number", "scope", "target_name"))
        found.setdefault(key, {**row, "due": []})["due"].append(row)
    return list(found.values())


def cited(kind: str | None, number: str | None, issued: str | None, issuer: str) -> str:
    """'Kế hoạch số 110/KH-UBND ngày 25/03/2026 của Ủy ban nhân dân phường Lê Chân', as far as it is known."""
    named = say("labels.numbered", kind=kind, number=number) if kind and number else kind or number
    return say("labels.cited", document=dated(named, issued), issuer=issuer)


def dated(document: str | None, issued: str | None) -> str | None:
    """'110/KH-UBND ngày 25/03/2026', or what there is of it."""
    return say("labels.document", number=document, day=issued) if document and issued else document or issued
