"""What a form says while it is filled in: a rate, a sentence and a colour at the end of each line, a count on top, and
prompts at its answer cells.

Which sentences there are, and when, is data (sources/forms/sentences.yml); the limits in them are those of the rules.
Formulas stand outside the answer cells alone: what an officer typed is never calculated with by the reader.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from openpyxl.formatting.rule import FormulaRule
from openpyxl.styles import PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from pipelines.agencies.form_lines import Line, sentences
from pipelines.checking.earlier_figures import REMARK, SMALL
from pipelines.files import Row

_PLACE = re.compile(r"\{([a-z_]+)\}")
_RED, _AMBER, _GREEN = (PatternFill(bgColor=colour) for colour in ("F8CBCB", "FFE2B8", "DDEFD9"))
_RATED = ("numerator", "denominator")


class Review:
    """The formulas of one table of a form."""

    def __init__(self, kind: str, columns: Sequence[Row], rows: range, form: Row, rules: Sequence[Row]) -> None:
        self.kind, self.columns, self.rows, self.form = kind, columns, rows, form
        self.rules = {rule["code"]: rule for rule in rules}
        self.letters = {column["name"]: get_column_letter(n) for n, column in enumerate(columns, 1)}
        self.words: Row = sentences()["words"]
        answers = form["answers"]["state" if kind == "task" else "yes_no"]
        self.answers = {key: _text(text) for key, text in answers.items() if kind == "task"}

    # ------------------------------------------------------------ one line

    def rate(self, row: int) -> str:
        """The rate of a numerator and a denominator, as far as they are numbers."""
        numerator, denominator = (f"${self.letters[name]}{row}" for name in _RATED)
        return (f'=IF(AND(ISNUMBER({numerator}),ISNUMBER({denominator})),IF({denominator}>0,'
                f'ROUND({numerator}/{denominator}*100,2),""),"")')  # fmt: skip

    def sentence(self, line: Line, row: int) -> str:
        """What the line lacks: the first sentence that holds, else that it is filled in."""
        places = {name: f"${self.letters[name]}{row}" for name in line.takes}
        places |= {**self.answers, **line.facts, "small": str(SMALL)}
        empty = [f'{places[name]}=""' for name in self._counted(line)]
        places["blank"] = f"AND({','.join(empty)})"
        remark = places[REMARK[self.kind]]
        chain, ends = "", 0
        for entry in sentences()["review"][self.kind]:
            known = places | self._limits(entry, line)
            if (
                set(entry.get("of", ())) - line.traits
                or set(_PLACE.findall(entry["when"] + entry["says"])) - known.keys()
            ):
                continue
            said = self._said(entry, known)
            if (noted := self._noted(entry)) is not None:
                said = f'IF(TRIM({remark})="",{said},{_text(noted)})'
            chain += f"IF({entry['when'].format_map(known)},{said},"
            ends += 1
        return f"={chain}{_text(self.words['done'])}{')' * ends}"

    def _counted(self, line: Line) -> list[str]:
        """The answer cells by which a line is filled in or not."""
        beside = {c["name"] for c in self.columns if c.get("prefilled")}
        beside |= {"note"} if self.kind == "indicator" else set()
        return [name for name in line.takes if name not in beside]

    def _limits(self, entry: Row, line: Line) -> Row:
        rule = self.rules.get(entry.get("rule", ""))
        limits = {"limit": str(rule["arguments"]["max_value"])} if rule and "max_value" in rule["arguments"] else {}
        span = self.form["units"].get(line.texts.get("unit_of_measure", ""))
        return limits | ({"high": str(span["high"])} if span else {})

    def _severity(self, entry: Row) -> str:
        return str(self.rules[entry["rule"]]["severity"] if "rule" in entry else entry.get("severity", ""))

    def _said(self, entry: Row, known: Mapping[str, Any]) -> str:
        says = entry["says"]
        if says in self.words:
            return _text(self.words[says])
        if says == "nothing":
            return '""'
        begin = self.words[entry.get("word", self._severity(entry))]
        return joined(begin + says, known)

    def _noted(self, entry: Row) -> str | None:
        """What is said instead where the officer gave a reason; None where a reason changes nothing."""
        if "noted" in entry:
            return str(self.words[entry["noted"]])
        return self.words["waiting"] + sentences()["waiting"] if self._severity(entry) == "confirm" else None

    def blank(self, line: Line) -> str:
        """What the sentence of a line nobody has filled in says."""
        return "" if "optional" in line.traits else str(self.words["empty"])

    # ------------------------------------------------------------ the count, and the colours

    def _review_cells(self) -> str:
        return f"${self.letters['review']}${self.rows.start}:${self.letters['review']}${self.rows.stop - 1}"

    def _begins(self, *names: str) -> str:
        """How many lines say something that begins with one of the words."""
        cells = self._review_cells()
        words = dict.fromkeys(self.words[name].rstrip() for name in names)
        return "+".join(f"(LEFT({cells},{len(word)})={_text(word)})" for word in words)

    def _filled(self) -> str:
        filled = self._begins("done", "reasoned", "confirm", "waiting")
        if self.kind == "task":
            return f"SUMPRODUCT({filled})"
        due, column = _text(self.form["answers"]["is_due"]["due"]), self.letters["is_due"]
        return f"SUMPRODUCT((${column}${self.rows.start}:${column}${self.rows.stop - 1}={due})*({filled}))"

    def _to_review(self) -> str:
        return f"SUMPRODUCT({self._begins('fail', 'missing', 'confirm')})"

    def count(self, required: int) -> tuple[str, str]:
        """The line on top, as a formula and as it is in a form that nobody has filled in."""
        words = sentences()["count"]
        text = words[self.kind] if required else words["none_required"]
        shown = {"filled": f"<{self._filled()}>", "required": str(required), "review": f"<{self._to_review()}>"}
        parts = re.split(r"<(.*?)>", text.format_map(shown))
        pieces = [part if n % 2 else _text(part) for n, part in enumerate(parts) if part]
        return "=" + "&".join(pieces), text.format(filled=0, required=required, review=0)

    def colour(self, sheet: Worksheet, count_row: int, lines: Sequence[Line], required: int) -> None:
        """Red where a line would be refused, amber where it is asked, green where it is filled in."""
        top = f"A{count_row}"
        sheet.conditional_formatting.add(top, FormulaRule([f"{self._to_review()}>0"], fill=_AMBER, stopIfTrue=True))
        if required:
            done = f"{self._filled()}={required}"
            sheet.conditional_formatting.add(top, FormulaRule([done], fill=_GREEN))
        first, last, review = self.rows.start, self.rows.stop - 1, f"${self.letters['review']}{self.rows.start}"
        colours = (
            (_RED, ("fail", "missing")),
            (_AMBER, ("confirm", "waiting", "empty")),
            (_GREEN, ("done", "reasoned")),
        )
        for fill, names in colours:
            sheet.conditional_formatting.add(
                f"{self.letters['review']}{first}:{self.letters['review']}{last}",
                FormulaRule([self._is(review, *names)], fill=fill),
            )
        for cells, row in self._runs(lines):
            review = f"${self.letters['review']}{row}"
            for fill, names in ((_RED, ("fail", "missing")), (_AMBER, ("confirm", "waiting"))):
                sheet.conditional_formatting.add(cells, FormulaRule([self._is(review, *names)], fill=fill))

    def _is(self, cell: str, *names: str) -> str:
        words = dict.fromkeys(self.words[name].rstrip() for name in names)
        return f"OR({','.join(f'LEFT({cell},{len(word)})={_text(word)}' for word in words)})"

    def _runs(self, lines: Sequence[Line]) -> list[tuple[str, int]]:
        """The answer cells of lines below each other that take figures, each run with its first row."""
        found: list[tuple[str, int]] = []
        for name in (column["name"] for column in self.columns if column.get("answer")):
            begin = None
            for row, line in [*zip(self.rows, lines, strict=True), (self.rows.stop, None)]:
                has = line is not None and name in self._coloured(line)
                if has and begin is None:
                    begin = row
                elif not has and begin is not None:
                    found.append((f"{self.letters[name]}{begin}:{self.letters[name]}{row - 1}", begin))
                    begin = None
        return found

    def _coloured(self, line: Line) -> set[str]:
        texts = {"difficulty", "result", "proposal"}
        return set(self._counted(line)) - texts

    # ------------------------------------------------------------ prompts

    def prompt(self, line: Line, name: str, kind: str) -> tuple[str, str] | None:
        """Title and text that are shown when the cell is chosen."""
        prompts = sentences()["prompts"]
        words = prompts.get(f"{name}_of_{kind}") or prompts.get(name)
        if words is None:
            return None
        known = {"code": line.code, "unit": line.texts.get("unit_of_measure", ""), **line.texts, **line.facts}
        text, more = words["text"].format_map(known), words.get("earlier", "")
        if more and not set(_PLACE.findall(more)) - known.keys():
            more = more.format_map(known | {"earlier_period": known["earlier_period"].capitalize()})
        else:
            more = ""
        room = 254 - len(more)
        return words["title"].format_map(known)[:32], (text if len(text) <= room else text[: room - 1] + "…") + more


def joined(text: str, known: Mapping[str, Any]) -> str:
    """A sentence as Excel puts it together: its text, and what is calculated between < and >."""
    parts = re.split(r"<([A-Z].*?\))>", text)
    pieces = [
        part.format_map(known) if n % 2 else _text(part.format_map(known)) for n, part in enumerate(parts) if part
    ]
    return "&".join(pieces)


def _text(text: str) -> str:
    """A text within a formula."""
    return '"' + text.replace('"', '""') + '"'
