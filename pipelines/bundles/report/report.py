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

from pipelines.bundles.extract import CITY, Extract
from pipelines.bundles.report.results import annexes, indicators, tasks
from pipelines.bundles.report.wording import (
    agency,
    bare,
    counted,
    open_rejections,
    printed,
    task_reports,
    told,
)
from pipelines.files import Row
from pipelines.office import approval
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
from pipelines.office.figures import cited, day, printed_at
from pipelines.office.wording import joined, say, say_each, titles, wording
from pipelines.office.workbook import ILLUSTRATIVE
from pipelines.vietnamese import clean, in_sentence


def official_report(extract: Extract) -> io.BytesIO:
    """The report as a Word file."""
    kind, of_period = _kind(extract), say("labels.period", period=in_sentence(extract.periods[extract.period_code]))
    document = new_document(say("report.title", place=extract.place), of_period,
                            ILLUSTRATIVE if extract.is_illustrative else None)  # fmt: skip
    symbol, year = wording(f"report.{kind}.symbol"), extract.as_of_on.year
    place = extract.city_name if extract.scope == CITY else extract.place
    above = say("report.city.above", city=extract.city_name.upper()) if extract.scope == CITY else ""
    heads(document, above, say_each(f"report.{kind}.head", place=place.upper()), say("report.number", symbol=symbol),
          say("report.placed_and_dated", place=bare(place), year=year))  # fmt: skip
    subject(document, say("report.kind"), _about(extract), f"({of_period})")
    _grounds(document, extract)
    indicators(document, extract)
    tasks(document, extract)
    _reporting(document, extract)
    rejected = open_rejections(extract)
    _difficulties(document, rejected, extract)
    _proposals(document, rejected, extract)
    issuer = say(f"report.{kind}.issuer", place=in_sentence(extract.place))
    period = in_sentence(extract.periods[extract.period_code])
    body(document, say("report.closing", period=period, issuer=issuer), keep=True)
    recipients = [say("report.recipients.first", city=in_sentence(extract.city_name)),
                  *say_each(f"report.{kind}.recipients", place=in_sentence(extract.place)),
                  *say_each("report.recipients.last", blank=BLANK)]  # fmt: skip
    signature(document, recipients, wording(f"report.{kind}.signs"))
    annexes(document, extract, say("report.belongs_to", symbol=symbol, year=year, issuer=issuer))
    return bytes_of(document)


def _kind(extract: Extract) -> str:
    return "city" if extract.scope == CITY else "commune"


def _about(extract: Extract) -> str:
    if extract.scope == CITY:
        return say("report.about.city", city=in_sentence(extract.city_name))
    titles = [clean(plan["title"]) for plan in _plans_in_force(extract)]
    if len(titles) == 1:
        return say("report.about.one_plan", plan=titles[0])
    return say("report.about.plans", place=in_sentence(extract.place))


def _plans_in_force(extract: Extract) -> list[Row]:
    plans = extract.tables["plans"].dicts()
    return [plan for plan in plans if not plan["in_force_to"] or plan["in_force_to"] > extract.as_of_on] or plans


# ---------------------------------------------------------------- I. what the report is based on


def _the_plan(extract: Extract) -> str:
    return say(f"report.the_plan.{'one' if len(_plans_in_force(extract)) == 1 else 'several'}")


def _grounds(document: Document, extract: Extract) -> None:
    heading(document, 1, say("report.grounds.heading"))
    heading(document, 2, say("report.grounds.cited"))
    plans = _plans_in_force(extract)
    grounds = [_cited_plan(plan) for plan in plans]
    if extract.scope != CITY:
        grounds += [_cited(one) for plan in plans for one in extract.legal_documents[plan["plan_id"]]]
    items(document, list(dict.fromkeys(grounds)))
    if unknown := sum(not plan["document_number"] or not plan["issued_on"] for plan in plans):
        body(document, say(f"report.grounds.unknown.{'one' if unknown == 1 else 'several'}"), italic=True)
    heading(document, 2, say("report.grounds.scope"))
    followed = [say(f"report.grounds.{what}", count=count) for what, count in
                (("targets", extract.targeted), ("untargeted", extract.untargeted),
                 ("tasks", len(extract.tables["tasks"].rows))) if count]  # fmt: skip
    if not extract.targeted and not extract.uncoded:
        body(document, say("report.grounds.no_targets", plan=_the_plan(extract)))
    if followed:
        body(document, f"{say('report.grounds.followed', what=joined(followed))} {_figures(extract)}".strip())
    if extract.scope == CITY:
        _coverage(document, extract)
    sent = len(extract.tables["submissions"].rows)
    sources = say("report.grounds.files", files=sent) if sent else say("report.grounds.no_files")
    body(document, say("report.grounds.until", period=in_sentence(extract.periods[extract.period_code]),
                       day=day(extract.as_of_on), sources=sources))  # fmt: skip
    if extract.is_illustrative:
        body(document, say("report.grounds.illustrative"))


def _figures(extract: Extract) -> str:
    asked = len(extract.tables["progress"].rows)
    figures = sum(row["actual_id"] is not None for row in extract.tables["progress"].dicts())
    if not asked:
        return say("report.grounds.none_asked") if extract.targeted else ""
    all_of_them = extract.targeted + extract.untargeted
    if figures == all_of_them:
        return say(f"report.grounds.{'has_figure' if figures == 1 else 'all_have_figures'}")
    counts = {"figures": figures, "missing": asked - figures, "later": all_of_them - asked}
    told = [say(f"report.grounds.counts.{what}", count=count) for what, count in counts.items() if count]
    return say("report.grounds.of_those", counts=", ".join(told))


def _cited_plan(plan: Row) -> str:
    """'Kế hoạch số 110/KH-UBND ngày 25/03/2026 của Ủy ban nhân dân phường Lê Chân'."""
    number = plan["document_number"] or say("report.grounds.plan_number", blank=BLANK)
    return cited(say("labels.kinds.KH"), number, day(plan["issued_on"]) if plan["issued_on"] else BLANK, plan["issuer"])


def _cited(one: Row) -> str:
    """'Nghị quyết số 57-NQ/TW ngày 22/12/2024 của Bộ Chính trị': the letters of a number say what kind it is, where the
    plan does not write the kind itself."""
    number, kinds, kind = one["number"] or say("labels.other_kind"), wording("labels.kinds"), None
    if number[:1].isdigit():
        letters = re.findall(rf"(?<![^\W\d_])({'|'.join(kinds)})(?=[-/])", number)
        kind = kinds[letters[0]] if letters else say("labels.other_kind")
    return cited(kind, number, day(one["issued_on"]) if one["issued_on"] else None, one["issuer"])


def _coverage(document: Document, extract: Extract) -> None:
    """How many communes the report covers, and the status of each."""
    city = extract.tables["city"].dicts()
    covered = (say("report.grounds.covered_of", communes=len(extract.communes), all=city[0]["communes_in_city"])
               if city else say("report.grounds.covered", communes=len(extract.communes)))  # fmt: skip
    body(document, covered, keep=True)
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
    lines.append([say("labels.sum"), *(str(total[what]) for what in shown)])
    titled = titles("commune_name", "indicators_asked", "figures", "met", "not_met", "slow", "task", "tasks_done",
                    "overdue", "reports_outstanding")  # fmt: skip
    table(document, "", titled, (24, *[15.1] * 9), lines, centered=range(1, 10), size=9.5)


# ---------------------------------------------------------------- IV. who has reported


def _reporting(document: Document, extract: Extract) -> None:
    heading(document, 1, say("report.reporting.heading"))
    rows = extract.tables["reporting"].dicts()
    if not rows:
        body(document, say("labels.tables.reporting.none"))
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
            lines.append(counted(text, len(which), say("report.reporting.noun"), len(current)) + names)
    items(document, lines)
    if extract.scope == CITY:
        body(document, approval.of_city(extract.approvals, extract.periods[extract.period_code]))
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
        titled = titles("serial", "indicator", "milestone_on", "first_target", "second_target")
        table(document, "", titled, (9, 57, 24, 35, 35), lines, centered=(0, 2))
    else:
        body(document, say("report.difficulties.no_conflict"))
    heading(document, 2, say("report.difficulties.told"))
    difficult = [row for row in task_reports(extract) if row["difficulty"]]
    items(document, [told(row, "difficulty", extract) for row in difficult])
    if not difficult:
        body(document, say("report.difficulties.nothing_told"))
    heading(document, 2, say("report.difficulties.rejected"))
    if not rejected:
        body(document, say("report.difficulties.nothing_rejected"))
        return
    body(document, say("report.difficulties.rejected_opening"), keep=True)
    unknown = say("report.difficulties.unknown_period")
    lines = [[str(place), agency(row, extract), row["period_label"] or unknown, _found_in(row),
              clean(row["message"])] for place, row in enumerate(rejected, 1)]  # fmt: skip
    titled = titles("serial", "agency_or_office", "period_label", "file_and_cell", "reason_refused")
    table(document, "", titled, (9, 34, 25, 36, 56), lines, centered=(0, 2))


def _conflict(row: Row, extract: Extract) -> str:
    return f"{row['commune_name']}: {row['indicator_name']}" if extract.scope == CITY else str(row["indicator_name"])


def _target(row: Row, which: str) -> str:
    return f"{clean(row[f'{which}_as_written'])}\n({printed_at(row, f'{which}_')})"


def _found_in(row: Row) -> str:
    if not row["source_sheet"]:
        return clean(row["original_name"])
    which = "sheet_and_cell" if row["source_cell"] else "sheet"
    where = say(f"report.difficulties.{which}", sheet=row["source_sheet"], cell=row["source_cell"])
    return f"{clean(row['original_name'])}\n{where}"


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
    if proposed := [row for row in task_reports(extract) if row["proposal"]]:
        place += 1
        heading(document, 2, say("report.proposals.of_agencies", place=place))
        items(document, [told(row, "proposal", extract) for row in proposed])
    heading(document, 2, say("report.proposals.other", place=place + 1))
    body(document, BLANK, keep=True)  # what is signed is not alone on its page


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
    order = wording("report.proposals.asked")
    return [(name, [say(f"report.proposals.asked.{what}", count=counts[what]) for what in order if counts[what]])
            for name, counts in sorted(wants.items())]  # fmt: skip


def _who(row: Row, extract: Extract) -> str:
    if extract.scope != CITY:
        return agency(row, extract)
    return say("report.commune.issuer", place=in_sentence(row["commune_name"]))


def _leads(row: Row, extract: Extract) -> Iterable[str]:
    if extract.scope == CITY:
        return [_who(row, extract)]
    known = [extract.agencies[code] for code in row["lead_agency_codes"] or () if code in extract.agencies]
    return [agency({**row, "agency_name": name}, extract) for name in known] or [printed(row["lead_as_written"])]
