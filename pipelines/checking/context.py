"""Whether the text around a figure fits the period of the file and the indicator of its line.

A table may have several columns for one figure: the one that is of this period is taken. Where all that is said of a
figure contradicts the file, or cannot be understood, the line is asked. What the words are is data (the form's
'context'); where each of them is was read in reading/.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from pipelines.reading.context import ContextWords, Said
from pipelines.registry.periods import Period

FITS, SILENT, SUMMED = "this", "", "cumulative"
# What makes a figure another one, the most serious first.
_OTHERS = ("plan", "comparison", "other_period", "estimate")


class Verdict(NamedTuple):
    """What is said of a figure: this (period), '' (nothing), or what is wrong; by which text, where."""

    kind: str
    text: str = ""
    cell: str = ""
    what: str = "header"

    @property
    def is_good(self) -> bool:
        return self.kind in (FITS, SILENT)


def _in_reading(name: str, number: int) -> str:
    return f"{name}~{number}" if number else name


class TableContext:
    """What is said around the figures of a table, compared with the period of its file."""

    def __init__(self, words: ContextWords, period: Period | None, table: Mapping[str, Any]) -> None:
        self._words, self._period, self._table = words, period, table
        self._columns = {name: [self._of_column(around, above) for _, _, _, around, above in some]
                         for name, some in table["choices"].items()}  # fmt: skip
        self._whole = self._of_table()
        self._chosen = {is_sum: {name: self._choose(name, is_sum) for name in self._columns}
                        for is_sum in (False, True)}  # fmt: skip
        self._scaled: dict[int, tuple[str, str]] = {}  # by line, the last row above that says in what is counted
        self._heads = self._of_heads()

    @property
    def repeated(self) -> list[tuple[str, str]]:
        """Headers, with their cells, of which nobody can say which is meant; without the file's period not those that
        differ by theirs."""
        unclear = [choices for name, choices in self._table["choices"].items() if self._chosen[False][name] is None]
        if self._period is None:
            unclear = [some for some in unclear if not any(self._periods(around, above) for *_, around, above in some)]
        return [(choices[-1][1], choices[-1][2]) for choices in unclear]

    @property
    def left_out(self) -> list[tuple[str, str]]:
        """Headers, with their cells, of columns with figures of other periods, named beside those of this one."""
        filled = {name for line in self._table["lines"] if line["kind"] == "data" for name in line["typed"]}
        found = []
        for name, choices in self._table["choices"].items():
            kinds = [verdict.kind for verdict in self._columns[name]]
            for number, (_, header, cell, around, above) in enumerate(choices if FITS in kinds else []):
                is_named = kinds[number] == "other_period" and bool(self._periods(around, above))
                if is_named and _in_reading(name, number) in filled:
                    found.append((header, cell))
        return found

    def _periods(self, around: list[list[str]], above: list[list[str]]) -> list[str]:
        """The periods named around a column of which nothing else is said."""
        said = [self._words.understand(text, True) for text, _ in [*around, *above]]
        return [] if any(one.kinds for one in said) else [code for one in said for code in one.periods]

    def typed(self, line: Mapping[str, Any], is_sum: bool) -> dict[str, Any]:
        """A line's cells, of several columns for one figure only the one that is meant."""
        typed = {name: cell for name, cell in line["typed"].items() if "~" not in name}
        for name in self._columns:
            typed.pop(name, None)
            if (cell := line["typed"].get(self.column(line, name, is_sum))) is not None:
                typed[name] = cell
        return typed

    def _number(self, line: Mapping[str, Any], name: str, is_sum: bool) -> int:
        """Which column of several is meant in a line: where all say that they are something else, the first with a
        figure, so that it is asked."""
        number = self._chosen[is_sum].get(name) or 0
        if name in self._columns and not self._columns[name][number].is_good:
            filled = (n for n in range(len(self._columns[name])) if _in_reading(name, n) in line["typed"])
            number = next(filled, number)
        return number

    def column(self, line: Mapping[str, Any], name: str, is_sum: bool) -> str:
        """The name of the column meant in a line, as the reading has it."""
        return _in_reading(name, self._number(line, name, is_sum))

    def number(self, line: Mapping[str, Any], name: str, is_sum: bool) -> int:
        """The number of the column meant in a line."""
        choice = self._number(line, name, is_sum)
        found: int = self._table["choices"][name][choice][0] if choice else self._table["columns"][name]
        return found

    def verdict(self, line: Mapping[str, Any], name: str, is_sum: bool, unit: str, scales: Iterable[str]) -> Verdict:
        """What is said of a figure that makes it none of this period, indicator or unit; good where nothing is.

        unit: what the line's own cell for the unit of measure says; scales: in what the indicator is counted.
        """
        row, number = line["row"], self._number(line, name, is_sum)
        column = self._columns.get(name, [])[number : number + 1] or [Verdict(SILENT)]
        for one in (*column, self._heads.get(row, Verdict(SILENT)), self._whole):
            if not one.is_good and not (one.kind == SUMMED and is_sum):
                return one
        return self._of_unit(row, name, number, unit, frozenset(scales))

    # ------------------------------------------------------------ what each text says

    def _of_column(self, around: list[list[str]], above: list[list[str]]) -> Verdict:
        said = [(self._words.understand(text, True), text, cell) for text, cell in around]
        loose = [(self._words.understand(text, True), text, cell) for text, cell in above]
        verdict = self._judge([*said, *(one for one in loose if not one[0].is_silent)])
        if verdict.is_good:
            for one, text, cell in said:
                if one.rest:
                    return Verdict("unknown", text, cell)
        return verdict

    def _of_table(self) -> Verdict:
        """What the titles above the table and the name of its sheet say; a year in a title is no period for sure."""
        for text, cell in self._table["said"]:
            verdict = self._loosely(text, cell, "title", short=False)
            if not verdict.is_good:
                return verdict
        return self._loosely(self._table["sheet"], "", "sheet", short=True)

    def _of_heads(self) -> dict[int, Verdict]:
        """What the last row between the lines that says anything says of each line below it."""
        heads: dict[int, Verdict] = {}
        found, scaled = Verdict(SILENT), ("", "")
        said = {row: (text, cell) for row, text, cell in reversed(self._table["heads"])}
        scales = {row: (text, cell) for row, text, cell in self._table["heads"]
                  if self._words.understand(text, True).scales}  # fmt: skip
        for line in self._table["lines"]:
            row = line["row"]
            if row in said:
                found = self._loosely(*said[row], "head", short=True)
            scaled = scales.get(row, scaled)
            heads[row], self._scaled[row] = found, scaled
        return heads

    def _loosely(self, text: str, cell: str, what: str, *, short: bool) -> Verdict:
        """Of a text that need not be about figures at all: a plan that is carried out is no plan."""
        said = self._words.understand(text, short)
        if FITS + "_period" in said.kinds:
            said = said._replace(kinds=())
        kinds = tuple(kind for kind in said.kinds if kind not in ("comparison", SUMMED))
        codes = [code for code in said.periods if not code.isdigit() or self._is_other_year(code, what)]
        return self._judge([(said._replace(kinds=kinds, periods=tuple(codes)), text, cell)])._replace(what=what)

    def _is_other_year(self, code: str, what: str) -> bool:
        return what == "sheet" and self._period is not None and self._period.code[:4] != code

    def _judge(self, said: list[tuple[Said, str, str]]) -> Verdict:
        for kind in _OTHERS:
            for one, text, cell in said:
                if kind in one.kinds:
                    return Verdict(kind, text, cell)
        has_part = any(not code.isdigit() for one, _, _ in said for code in one.periods)
        found = Verdict(SILENT)
        for one, text, cell in said:
            for code in one.periods:
                kind = self._fits(code, has_part)
                if kind not in (FITS, SUMMED):
                    return Verdict("other_period", text, cell)
                found = Verdict(kind, text, cell) if found.kind != SUMMED else found
            found = self._with_words(found, one, text, cell)
        return found

    def _with_words(self, found: Verdict, said: Said, text: str, cell: str) -> Verdict:
        is_year = self._period is not None and self._period.kind == "year"
        if "whole_year" in said.kinds and not is_year:
            return Verdict("other_period", text, cell)
        if SUMMED in said.kinds and not is_year:
            return Verdict(SUMMED, text, cell)
        if found.kind == SILENT and {"this_period", "whole_year", SUMMED}.intersection(said.kinds):
            return Verdict(FITS, text, cell)
        return found

    def _fits(self, code: str, has_part: bool) -> str:
        """Whether a named period is the file's, or the months from January to its end."""
        if self._period is None:
            return FITS
        year, _, part = self._period.code.partition("-")
        if code.isdigit():  # beside a month or quarter it only says of which year
            return FITS if code == year and (has_part or not part) else "other_period"
        of, _, named = code.partition("-")
        if of not in ("?", year) or not named:
            return "other_period"
        if named == part:
            return FITS
        months = {"H1": "6", "9M": "9"}.get(named, named[:-1] if named.endswith("M") else "")
        return SUMMED if months == str(self._period.ends_on.month) else "other_period"

    def _of_unit(self, row: int, name: str, number: int, unit: str, scales: frozenset[str]) -> Verdict:
        choices = self._table["choices"].get(name, [])
        around = [*choices[number][3], *choices[number][4]] if choices else []
        said = [
            ("unit", unit, ""),
            *(("header", *one) for one in around),
            *(("title", *o) for o in self._table["said"]),
            ("head", *self._scaled[row]),
        ]
        for what, text, cell in said:
            if text and not scales.issuperset(self._words.understand(text, True).scales):
                return Verdict("scale", text, cell, what)
        return Verdict(SILENT)

    # ------------------------------------------------------------ which column is meant

    def _choose(self, name: str, is_sum: bool) -> int | None:
        """The one column that is of this period, else the one of which nothing is said; None where there are several,
        the first where all say that they are something else."""
        kinds = [verdict.kind for verdict in self._columns[name]]
        for wanted in (SUMMED if is_sum else FITS, FITS, SILENT):
            fitting = [number for number, kind in enumerate(kinds) if kind == wanted]
            if fitting:
                return fitting[0] if len(fitting) == 1 else None
        return 0
