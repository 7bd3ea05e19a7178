"""What an agency gets back for each file it sent: one workbook, in the words of the officer who must act on it.

Which rules there are and what they say is data (sources/forms/rules.yml); whether a line is good was decided by
checking/validate.py. Only how the answer looks in a workbook belongs here; as plain text it is findings.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePath
from typing import NamedTuple

import duckdb
from openpyxl import Workbook
from openpyxl.styles import Alignment
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from pipelines.agencies.answer import facts, summary
from pipelines.agencies.findings import LONGEST, clipped
from pipelines.agencies.outcome import outcomes
from pipelines.files import Row
from pipelines.home import Home
from pipelines.intake.ledger import archived
from pipelines.office.figures import form
from pipelines.office.row_height import row_height
from pipelines.office.wording import say, titles
from pipelines.office.workbook import (
    FINDING_FILLS,
    FINDING_WORDS,
    LOCKED_FILL,
    SEVERITY_FILLS,
    across,
    banner,
    head,
    page,
    put,
    save,
)
from pipelines.vietnamese import slug
from pipelines.warehouse.rows import dicts
from pipelines.workers import run_limited

UNKNOWN = "khong-ro"
_WIDTHS = (6, 13, 8, 21, 9, 42, 42, 10)
_ANSWER_WIDTH = 14  # one more column where a line waits to be confirmed
_MIDDLE = Alignment(wrap_text=True, vertical="center")
_CENTERED = Alignment(wrap_text=True, vertical="center", horizontal="center")
_LABEL_COLUMNS = 3  # a label runs over the first three columns, its value takes the others

_SUBMISSIONS = """
-- the first file by which a report counts as given, where it came in time
WITH in_time AS (
    SELECT commune_code, agency_code, period_code, min(ledger_sequence) AS first_in_time
    FROM core.fct_submission
    WHERE rows_accepted + rows_unchanged + rows_to_confirm > 0 AND NOT is_held AND NOT is_late
    GROUP BY ALL
),
-- of a duplicate: the newest file since the one it repeats, for the same period
since AS (
    SELECT
        d.submission_id, arg_max(n.original_name, n.ledger_sequence) AS newer_name,
        max(n.received_at) AS newer_received_at
    FROM core.fct_submission AS d
    JOIN core.fct_submission AS o ON o.submission_id = d.duplicate_of
    JOIN core.fct_submission AS n
        ON (n.commune_code, n.agency_code, n.period_code) = (o.commune_code, o.agency_code, o.period_code)
        AND n.ledger_sequence > o.ledger_sequence AND n.ledger_sequence < d.ledger_sequence
        AND n.status IN ('accepted', 'partly_accepted')
    GROUP BY ALL
),
-- all files of an agency for a period that were taken in one run, where there are several; the last counts
together AS (
    SELECT commune_code, agency_code, period_code, batch, list(original_name ORDER BY ledger_sequence) AS sent_together
    FROM core.fct_submission
    WHERE status IN ('accepted', 'partly_accepted', 'held')
    GROUP BY ALL
    HAVING count(*) > 1
)
SELECT
    s.submission_id, s.original_name, s.commune_code, s.agency_code, s.period_code, s.received_at, s.due_on, s.is_late,
    s.status, s.sha256, s.rows_read, s.rows_accepted,
    s.rows_unchanged, s.rows_rejected, s.rows_ignored, s.is_illustrative,
    s.rows_held, s.rows_to_confirm, s.is_held,
    coalesce(i.first_in_time < s.ledger_sequence, false) AS came_in_time_before,
    c.commune_name, a.agency_name, p.label AS period_label, t.label AS status_label, t.severity,
    o.original_name AS first_name, o.received_at AS first_received_at, u.label AS first_status_label,
    since.newer_name, since.newer_received_at, coalesce(g.sent_together, []) AS sent_together
FROM core.fct_submission AS s
SEMI JOIN (SELECT unnest($ids::VARCHAR[]) AS submission_id) AS wanted USING (submission_id)
LEFT JOIN core.dim_commune AS c ON c.commune_code = s.commune_code
LEFT JOIN core.dim_agency AS a ON a.agency_code = s.agency_code
LEFT JOIN core.dim_period AS p ON p.period_code = s.period_code
LEFT JOIN core.fct_submission AS o ON o.submission_id = s.duplicate_of
LEFT JOIN since ON since.submission_id = s.submission_id
LEFT JOIN together AS g
    ON (g.commune_code, g.agency_code, g.period_code, g.batch) = (s.commune_code, s.agency_code, s.period_code, s.batch)
    AND s.status IN ('accepted', 'partly_accepted', 'held')
LEFT JOIN in_time AS i
    ON i.commune_code = s.commune_code AND i.agency_code = s.agency_code AND i.period_code = s.period_code
LEFT JOIN core.dim_status AS t ON t.answer = 'submission' AND t.status = s.status
LEFT JOIN core.dim_status AS u ON u.answer = 'submission' AND u.status = o.status
ORDER BY s.ledger_sequence
"""
_FINDINGS = """
SELECT submission_id, source_sheet, source_row, source_cell, rule_code, severity, found, message, fix
FROM core.fct_rejection
SEMI JOIN (SELECT unnest($ids::VARCHAR[]) AS submission_id) AS wanted USING (submission_id)
ORDER BY submission_id, finding_order
"""
# Figures a submission took back; had_figure: whether the agency had one in force for the period until then.
_WITHDRAWN = """
WITH wanted AS (SELECT unnest($ids::VARCHAR[]) AS submission_id),
taken AS (
    SELECT commune_code, agency_code, indicator_code, period_code
    FROM core.fct_actual
    SEMI JOIN wanted USING (submission_id)
    WHERE is_withdrawn
),
said AS (
    SELECT
        a.submission_id, a.indicator_code, a.is_withdrawn,
        lag(NOT a.is_withdrawn, 1, false) OVER (
            PARTITION BY a.commune_code, a.agency_code, a.indicator_code, a.period_code
            ORDER BY a.recorded_at, s.ledger_sequence, a.source_row) AS had_figure
    FROM core.fct_actual AS a
    SEMI JOIN taken USING (commune_code, agency_code, indicator_code, period_code)
    JOIN core.fct_submission AS s ON s.submission_id = a.submission_id
)
SELECT submission_id, indicator_code, had_figure
FROM said
SEMI JOIN wanted USING (submission_id)
WHERE is_withdrawn
ORDER BY ALL
"""


# Of a focal agency's file for several: how many lines each one has.
_BY_AGENCY = """
WITH said AS (
    SELECT l.submission_id, l.agency_code, l.disposition, l.agency_code <> s.agency_code AS is_other
    FROM core.fct_line AS l
    JOIN core.fct_submission AS s USING (submission_id)
    SEMI JOIN (SELECT unnest($ids::VARCHAR[]) AS submission_id) AS wanted USING (submission_id)
    WHERE l.disposition <> 'ignored'
)
SELECT
    d.submission_id, d.agency_code, a.agency_name,
    count(*) FILTER (d.disposition = 'accepted') AS accepted,
    count(*) FILTER (d.disposition = 'held') AS held,
    count(*) FILTER (d.disposition = 'rejected') AS rejected
FROM said AS d
SEMI JOIN (SELECT submission_id FROM said WHERE is_other) AS o ON o.submission_id = d.submission_id
JOIN core.dim_agency AS a ON a.agency_code = d.agency_code
GROUP BY d.submission_id, d.agency_code, a.agency_name
ORDER BY d.submission_id, d.agency_code
"""
# Lines that confirm one held before.
_CONFIRMED = """
SELECT submission_id, code, confirmed_reason
FROM core.fct_line
SEMI JOIN (SELECT unnest($ids::VARCHAR[]) AS submission_id) AS wanted USING (submission_id)
WHERE confirms IS NOT NULL
ORDER BY submission_id, source_sheet, source_row
"""


def write_feedback(home: Home, con: duckdb.DuckDBPyConnection, submission_ids: Sequence[str]) -> int:
    """Write one workbook for each submission, below home.feedback by commune and agency. Returns how many.

    con: a database with the core tables built. Raises LookupError naming the submissions it does not hold.
    """
    parameters = {"ids": list(submission_ids)}
    submissions = dicts(con, _SUBMISSIONS, parameters)
    if unknown := set(submission_ids) - {s["submission_id"] for s in submissions}:
        raise LookupError(f"core.fct_submission has no {', '.join(sorted(unknown))}")
    found = {what: _by_submission(dicts(con, sql, parameters)) for what, sql in _PARTS.items()}
    found |= outcomes(con, list(submission_ids))
    findings = found.pop("findings")
    for submission in submissions:
        submission |= {what: rows.get(submission["submission_id"], []) for what, rows in found.items()}
    answers = [_Answer(home, submission, findings[submission["submission_id"]]) for submission in submissions]
    marked = {
        answer.submission["submission_id"]
        for answer, outcome in run_limited(_write_marked, [a for a in answers if a.has_marks])
        if not isinstance(outcome, Exception)
    }
    for answer in answers:
        if answer.submission["submission_id"] not in marked:
            _write(answer, Workbook())
    return len(submissions)


# What an answer says besides the submission itself.
_PARTS = {"findings": _FINDINGS, "withdrawn": _WITHDRAWN, "confirmed": _CONFIRMED, "by_agency": _BY_AGENCY}


def _by_submission(rows: Iterable[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row["submission_id"]].append(row)
    return found


class _Answer(NamedTuple):
    """One workbook to write: for which submission, with which findings."""

    home: Home
    submission: Row
    findings: list[Row]

    @property
    def has_marks(self) -> bool:
        """Whether a finding points at a cell of the file that was sent, so that a copy of it can be marked."""
        return any(f["source_cell"] for f in self.findings)


def _write_marked(answer: _Answer) -> None:
    """Write the answer into a copy of the file that was sent (in a worker: it opens an untrusted file)."""
    from pipelines.agencies.marked_copy import marked_copy

    _write(answer, marked_copy(archived(answer.home, answer.submission["sha256"]), answer.findings))


def _write(answer: _Answer, book: Workbook) -> None:
    """Put the list of findings in front of the book's sheets and save it at its place."""
    if book.worksheets and not book.worksheets[0]._cells:
        book.remove(book.worksheets[0])
    sheet = book.create_sheet(say("feedback.sheet"), 0)
    for other in book.worksheets:
        other.sheet_view.tabSelected = False
    book.active = 0
    _fill(sheet, answer.submission, answer.findings)
    save(book, _place(answer.home, answer.submission), answer.submission["received_at"])


# ---------------------------------------------------------------- the workbook


def _place(home: Home, submission: Row) -> Path:
    """Where the workbook goes. The name comes from outside: only its letters and digits are kept."""
    named = slug(PurePath(submission["original_name"]).stem)[:60].strip("-") or "tep"
    name = f"{submission['received_at']:%Y%m%d}-{named}-{submission['submission_id']}.xlsx"
    return home.feedback / (submission["commune_code"] or UNKNOWN) / (submission["agency_code"] or UNKNOWN) / name


def _fill(sheet: Worksheet, submission: Row, findings: list[Row]) -> None:
    page(sheet, footer=f"kpi57 · {submission['submission_id']}")
    for column, width in enumerate(_WIDTHS, 1):
        sheet.column_dimensions[get_column_letter(column)].width = width
    row = 1
    if submission["is_illustrative"]:
        banner(sheet, row, len(_WIDTHS))
        row += 1
    across(sheet, row, say("feedback.heading"), _WIDTHS, size=15, bold=True, center=True)
    for name, text in facts(submission, findings).items():
        label: str | None = say(f"feedback.facts.{name}")
        for line in text.split("\n"):
            row += 1
            put(sheet.cell(row, 1), label, bold=True, wrap=False, border=False)
            label = None
            cell = across(sheet, row, line, _WIDTHS, size=13 if name == "result" else 11, bold=name == "result",
                          first=_LABEL_COLUMNS + 1)  # fmt: skip
            if name == "result":
                cell.fill = SEVERITY_FILLS[submission["severity"]]
    row += 2
    across(sheet, row, summary(submission, findings), _WIDTHS, size=12, bold=True)
    if findings:
        _table(sheet, row + 1, findings)


def column_titles() -> list[str]:
    """The titles of the table, last that of the cells in which a line is confirmed. Those by which reading/layout.py
    finds an answer that is sent back are the form's."""
    found_by = form()["confirmation"]["columns"]
    return [*titles("serial_long"), found_by["sheet"], found_by["cell"],
            *titles("found", "finding_severity", "message", "fix", "rule_code"), found_by["answer"]]  # fmt: skip


def _table(sheet: Worksheet, row: int, findings: list[Row]) -> None:
    is_asking = any(finding["severity"] == "confirm" for finding in findings)
    titled = column_titles() if is_asking else column_titles()[:-1]
    head(sheet, row, titled)
    sheet.freeze_panes = None  # the lines above the table are too many to stay in sight on a small screen
    sheet.row_dimensions[row].height = row_height(zip(titled, (*_WIDTHS, _ANSWER_WIDTH), strict=False), bold=True)
    if is_asking:
        _ask(sheet, row, findings)
    for number, finding in enumerate(findings, 1):
        row += 1
        shown = {name: clipped(finding[name], longest) for name, longest in LONGEST.items()}
        values = [number, finding["source_sheet"] or say("labels.whole_file"), finding["source_cell"], shown["found"],
                  FINDING_WORDS[finding["severity"]], shown["message"], shown["fix"], finding["rule_code"]]  # fmt: skip
        for column, value in enumerate(values, 1):
            fill = FINDING_FILLS[finding["severity"]] if column == 5 else None
            cell = put(sheet.cell(row, column), value, bold=fill is not None, fill=fill)
            cell.alignment = _CENTERED if column in (1, 3, 5, 8) else _MIDDLE
        sheet.row_dimensions[row].height = row_height(zip(values, _WIDTHS, strict=True))


def _ask(sheet: Worksheet, row: int, findings: list[Row]) -> None:
    """The cells in which the agency says that a line held is right: a word to choose, a reason may follow it."""
    column = len(_WIDTHS) + 1
    letter = get_column_letter(column)
    sheet.column_dimensions[letter].width = _ANSWER_WIDTH
    words = (form()["confirmation"]["answers"][0], say("feedback.disagree"))
    choice = DataValidation(type="list", formula1=f'"{",".join(words)}"', allow_blank=True)
    choice.showErrorMessage = False
    for number, finding in enumerate(findings, row + 1):
        is_asked = finding["severity"] == "confirm"
        put(sheet.cell(number, column), None, answer=is_asked, fill=None if is_asked else LOCKED_FILL)
        if is_asked:
            choice.add(f"{letter}{number}")
    sheet.add_data_validation(choice)
