"""The facts of a line, of whichever kind: whose it is, what its cells hold, and whether the text around them fits.

What is special to indicators and tasks is in indicators.py and tasks.py, the text around a figure in context.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pipelines.checking.collected import Whose
from pipelines.checking.context import TableContext
from pipelines.checking.figures import (
    LineCells,
    Typed,
    cell_of,
    proves_a_point,
    proves_month_first,
    shown,
    text_of,
)
from pipelines.checking.indicators import indicator_facts, withdraws
from pipelines.checking.lookup import Known, loose
from pipelines.checking.tasks import task_facts
from pipelines.files import Row
from pipelines.reading.formats.csv_text import SHEET_NAME, SPLIT
from pipelines.reading.header_words import split_code
from pipelines.reading.sheet import address
from pipelines.vietnamese import clean, code_key
from pipelines.vietnamese.period_names import stated_period


class Line(dict[str, Any]):
    """The facts of a line. What only a finding says of it is worked out when asked for: <column>_typed as a reader
    sees the cell, <column>_thousands with points between thousands, and cells, the [sheet, cell] of each column."""

    def __init__(self, facts: Row, columns: Mapping[str, int], typed: Typed) -> None:
        super().__init__(facts)
        self._columns, self._typed = columns, typed

    def __missing__(self, name: str) -> Any:
        column, _, what = name.rpartition("_")
        if name == "cells":
            made: Any = self._cells()
        elif what == "typed":
            made = shown(self._typed, column)
        elif what == "thousands":
            made = shown(self._typed, column).rstrip("% ").replace(",", ".")
        else:
            raise KeyError(name)
        self[name] = made
        return made

    def _cells(self) -> dict[str, list[str]]:
        """An absent cell is where its column meets the line; an absent column of codes is that of the names."""
        sheet, row, typed = self["sheet"], self["source_row"], self._typed
        cells = {name: [sheet, typed[name][0] if name in typed else address(row, column)]
                 for name, column in self._columns.items()}  # fmt: skip
        first = next(iter(cells.values()))
        for name in _NEVER_ABSENT[self["kind"]]:
            cells.setdefault(name, cells.get(_INSTEAD.get(name, ""), first))
        return cells


# The columns rules point at, and where their finding goes in a table that lacks one.
_NEVER_ABSENT = {
    "indicator": ("indicator_code", "numerator", "denominator", "value", "note", "estimate"),
    "task": (
        "task_id",
        "state",
        "percent_done",
        "document_number",
        "document_date",
        "difficulty",
        "result",
        "proposal",
    ),
}
_INSTEAD = {"indicator_code": "indicator_name", "numerator": "value", "denominator": "value", "value": "numerator",
            "task_id": "title", "estimate": "value"}  # fmt: skip
_CODE = {"indicator": "indicator_code", "task": "task_id"}


def table_facts(known: Known, file: Row, table: Mapping[str, Any], context: TableContext) -> list[Row]:
    """The facts of every line of a table, in order."""
    odd = {what: {(row, name) for row, name in table[what]} for what in ("shared", "covered") if table[what]}
    marks = {(row, name): mark for row, name, mark in table["marks"]}
    hidden = set(table["hidden_rows"])
    of_all = {
        "submission_id": file["submission_id"],
        "commune_code": file["commune_code"],
        "agency_code": file["agency_code"],
        "period_label": file["period_label"],
        "kind": table["kind"],
        "sheet": table["sheet"],
        "confirm_how": known.registry.form["confirmation"]["how"][table["kind"]],
    }
    begin = f"{file['submission_id']}|{table['sheet']}|"
    points, month_first = _notation(table)
    lines: list[Row] = []
    for line in table["lines"]:
        row, kind = line["row"], line["kind"]
        code, name_beside = _code_of(known, file, table, line["typed"])
        is_sum = table["kind"] == "indicator" and _is_sum(known, code)
        typed = context.typed(line, is_sum)
        said = [name for name in known.answer_columns[table["kind"]] if cell_of(typed, name)]
        if kind == "data" and (not said or (said == ["note"] and not withdraws(known, typed))):
            kind = "unanswered"  # what it has is another period's, or a remark without a figure
        is_checked = kind in ("data", "unanswered") and not table["missing"]
        columns = {name: context.number(line, name, is_sum) for name in table["columns"]}
        facts = Line(of_all, columns, typed)
        facts.update(
            index=f"{begin}{row}", line_kind=kind, is_checked=is_checked, source_row=row, is_hidden=row in hidden
        )
        if is_checked:
            facts |= _who(known, file, table, row, typed)
            make = indicator_facts if table["kind"] == "indicator" else task_facts
            cells = LineCells(kind, typed, code, facts["agency_code"], facts["is_own"], points, month_first)
            facts |= make(known, file, cells)
            facts |= _name_beside(known, file, table["kind"], facts, typed, name_beside)
            facts |= _around(known, context, line, facts, typed, is_sum)
        for name in table["columns"]:
            place = (row, context.column(line, name, is_sum))
            facts |= {f"{name}_{what}": place in places for what, places in odd.items()}
            mark = marks.get(place, "")
            if mark == SPLIT and name != _CODE[table["kind"]]:
                mark = ""  # said once for the line
            if mark := mark or (_is_cut(table["sheet"], typed) if name == "value" else ""):
                words = known.registry.form["marks"][mark]
                facts |= {f"{name}_mark": mark, f"{name}_mark_says": words["says"], f"{name}_mark_fix": words["fix"]}
        lines.append(facts)
    return lines


def _is_cut(sheet: str, typed: Typed) -> str:
    """Of a text file whether the note is what a comma has cut off the result: '85,5' without quotes."""
    is_cut = sheet == SHEET_NAME and cell_of(typed, "value") is not None and _REST.fullmatch(text_of(typed, "note"))
    return SPLIT if is_cut else ""


_REST = re.compile(r"\d{1,4}")


def _notation(table: Mapping[str, Any]) -> tuple[frozenset[str], bool]:
    """The columns in which a point is proved to precede decimals, and whether months are proved to precede days."""
    points: set[str] = set()
    month_first = False
    for line in table["lines"]:
        for name, (_, kind, text) in line["typed"].items() if line["kind"] == "data" else ():
            if kind == "t" and len(text) < 40 and any(map(str.isdigit, text)):
                if proves_a_point(text):
                    points.add(name)
                month_first = month_first or (name == "document_date" and proves_month_first(text))
    return frozenset(points), month_first


def line_code(line: Row) -> str | None:
    """The indicator or task of a line: as understood, else as typed (indicators in capitals); None for none."""
    name = _CODE[line["kind"]]
    said: str = (line.get(name) or line[f"{name}_typed"]).strip()
    return (said.upper() if line["kind"] == "indicator" else said) or None


def _code_of(known: Known, file: Row, table: Mapping[str, Any], typed: Typed) -> tuple[str, str]:
    """The code a line is known by ('' for none), and a name in the same cell."""
    kind = table["kind"]
    codes = known.indicators if kind == "indicator" else known.tasks
    key = loose if kind == "indicator" else code_key
    if _CODE[kind] in table["columns"]:
        head, name = split_code(known.code_patterns[kind], text_of(typed, _CODE[kind]))
        code = codes.get(key(head), "")
        if kind == "indicator" and file["period_ends"]:  # a form made before it got its code
            code = known.registry.successions.newest(kind, code, file["period_ends"])
        return code, name
    name, _ = known.unfold(kind, text_of(typed, known.line_names.columns[kind][0]))
    named = known.line_names.codes(kind, file["commune_code"], name)
    return (min(named), "") if len(named) == 1 else ("", "")


def _is_sum(known: Known, code: str) -> bool:
    indicator = known.registry.indicators.get(code)
    return indicator is not None and indicator["accumulates"] == "within_year"


def _who(known: Known, file: Row, table: Mapping[str, Any], row: int, typed: Typed) -> Row:
    """Whether a line says that it is another's: only where the file itself does not. Of a file of the focal agency:
    whose it is."""
    own = bool(file["commune_agrees"] and file["agency_agrees"] and file["commune_is_valid"] is not False)
    names = ("commune_code", "agency_code", "period_code")
    commune, agency, period = (clean(typed[name][2]) if cell_of(typed, name) else "" for name in names)
    facts = {
        "line_commune": commune,
        "line_agency": agency,
        "line_period": period,
        "line_commune_agrees": file["commune_code"] in known.names.communes(commune) if own and commune else None,
        "line_agency_agrees": _names(known, file, agency) if own and agency else None,
        "line_agency_says": known.registry.form["collected"]["says"]["other"].format(agency_code=file["agency_code"]),
        "line_agency_cell": "agency_code",
        "for_others": "",
        "line_period_agrees": None,
    }
    if period and file["period"] and file["period_is_one"]:
        facts["line_period_agrees"] = stated_period(period) == file["period"].code
    if own and (collected := file["collected"]):
        facts |= _of_collected(known, collected.of(table, row, typed), _CODE[table["kind"]])
    facts["is_own"] = own and facts["line_commune_agrees"] is not False and facts["line_agency_agrees"] is not False
    return facts


def _names(known: Known, file: Row, text: str) -> bool:
    """Whether a text names the sender, and no other commune."""
    codes, communes = known.names.agencies(text)
    return file["agency_code"] in codes and (not communes or file["commune_code"] in communes)


def _of_collected(known: Known, whose: Whose, code_column: str) -> Row:
    """Whose a line of the focal agency's file is."""
    words = known.registry.form["collected"]
    return {
        "line_agency": whose.text,
        "line_agency_agrees": whose.agency is not None,
        "line_agency_says": words["says"][whose.problem or "other"].format(agency_code=whose.agency),
        "line_agency_cell": whose.column or code_column,
        "for_others": words["for_others"],
    } | ({"agency_code": whose.agency} if whose.agency else {})


def _name_beside(known: Known, file: Row, kind: str, facts: Row, typed: Typed, name: str) -> Row:
    """Whether the name beside the code is another line's."""
    columns = known.line_names.columns[kind]
    texts = {column: text_of(typed, column) for column in columns}
    texts[columns[0]], below = known.unfold(kind, texts[columns[0]])
    texts |= {column: text for column, text in below.items() if column in columns}
    if name:
        texts[columns[0]] = name
    if not facts["led_here"]:
        return {}
    column, other = known.line_names.other(kind, file["commune_code"], facts[_CODE[kind]], texts)
    if not column:
        return {"name_agrees": True}
    return {"name_agrees": facts["line_kind"] == "unanswered", "name_typed": texts[column], "name_code": other,
            "name_cell": column if column in typed else _CODE[kind]}  # fmt: skip


def _around(known: Known, context: TableContext, line: Row, facts: Row, typed: Typed, is_sum: bool) -> Row:
    """What is said around each figure that makes it none of this period, indicator or unit."""
    kind, words, found_words = facts["kind"], known.registry.form["context"], known.registry.form["found_words"]
    unit = known.registry.indicators[facts["indicator_code"]]["unit_of_measure"] if facts.get("code_known") else ""
    scales = known.scales.get(facts["indicator_code"], frozenset()) if kind == "indicator" else ()
    around: Row = {}
    for name in known.chosen_columns[kind]:
        if not cell_of(typed, name):
            continue
        found = context.verdict(line, name, is_sum, text_of(typed, "unit_of_measure"), scales)
        around[f"{name}_context"] = "" if found.is_good or (found.kind == "cumulative" and is_sum) else found.kind
        if around[f"{name}_context"]:
            counted = unit if name == "value" else ""  # the parts of a rate in % are no percentages
            said = {
                "period": facts["period_label"],
                "unit": counted or found_words["uncounted"],
                "what": words["whats"][found.what],
            }
            where = found_words["around_cell" if found.cell else "around"]
            around[f"{name}_context_where"] = where.format(what=said["what"], text=found.text, cell=found.cell)
            around[f"{name}_context_says"] = words["says"][found.kind].format_map(said)
            around[f"{name}_context_fix"] = words["fixes"].get(found.kind, words["fixes"]["other"]).format_map(said)
    return around
