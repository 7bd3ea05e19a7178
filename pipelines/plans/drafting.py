"""'kpi57 plans draft': a plan document becomes a filled plan workbook that a person reads through.

White is what was read whole, yellow what is proposed, red what is asked and left empty. Nothing is guessed: a text the
readers ask about is red. Documents are read in reading/, tables in tables.py; the workbook is draft_workbook.py's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from pipelines.files import Row, read_yaml
from pipelines.office.wording import say
from pipelines.plans.codes import CodeFinder
from pipelines.plans.front_matter import read_front_matter
from pipelines.plans.plan_files import digest
from pipelines.plans.reading.document import Document, Paragraph, UnreadableDocumentError
from pipelines.plans.reading.pdf import read_pdf
from pipelines.plans.reading.text import read_text
from pipelines.plans.reading.word import read_docx
from pipelines.plans.tables import Line, PlanTable, TableReader
from pipelines.plans.understood import read_deadline, target_reading
from pipelines.registry.plan_folders import task_places
from pipelines.registry.registry import Registry
from pipelines.vietnamese import Target, clean, fold, parse_target, split_targets

YELLOW, RED = "yellow", "red"
_READERS = {".docx": read_docx, ".pdf": read_pdf, ".txt": read_text, ".md": read_text}
_FIGURES = re.compile(
    r"\d+(?:[.,]\d+)?\s?%|\b\d{1,2}/\d{1,2}/20\d\d\b|\b(?:quý\s+(?:iv|i{1,3})|tháng\s+\d{1,2})\s?/\s?20\d\d",
    re.IGNORECASE,
)


# The columns of what a page cut in two.
_JOINED = {"lead": "lead_as_written", "cooperating": "cooperating_as_written", "deadline": "deadline_as_written",
           "deliverable": "deliverable", "head": "head_role", "unit": "unit_as_written"}  # fmt: skip
# What a target in a task's words has from the task.
_OF_TASK = ("appendix", "lead_as_written", "cooperating_as_written", "deliverable", "source_page", "source_place")


@dataclass(frozen=True)
class Mark:
    """A cell to look at. part: plan, targets, tasks; row: its place among the part's rows, a field's name for plan.

    Without a column it is the whole row, with the pictures (PNG) it was read from.
    """

    part: str
    row: int
    column: str
    colour: str
    doubt: str
    text: str
    page: int | None
    place: str
    pictures: tuple[bytes, ...] = ()


@dataclass
class DraftedPlan:
    """plan: as plan.yml; rows: of targets.csv and tasks.csv; marks: the cells to look at; unused: figures in no row."""

    documents: list[Document]
    plan: Row = field(default_factory=dict)
    rows: dict[str, list[dict[str, str]]] = field(default_factory=lambda: {"targets": [], "tasks": []})
    marks: list[Mark] = field(default_factory=list)
    unused: list[tuple[int | None, str, str]] = field(default_factory=list)
    tables: int = 0


def read_words(sources: Path) -> Row:
    words: Row = read_yaml(sources / "forms" / "plan-documents.yml")
    return words


def read_document(path: Path) -> Document:
    """Raises UnreadableDocumentError with the reason."""
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise UnreadableDocumentError(say("commands.document.kind", file=path.name))
    return reader(path)


def draft_plan(
    paths: Iterable[Path], sources: Path, registry: Registry, form: Row, commune: str | None = None
) -> DraftedPlan:
    """Read the documents of one plan. Raises UnreadableDocumentError where none can be read or no table is found."""
    words = read_words(sources)
    documents = [read_document(path) for path in paths]
    return _Drafter(words, registry, form).draft(documents, commune)


class _Drafter:
    def __init__(self, words: Row, registry: Registry, form: Row) -> None:
        self.words, self.registry, self.form = words, registry, form
        self.names = registry.agency_names
        known = [(code, row["indicator_name"]) for code, row in registry.indicators.items()]
        targets = [(row["indicator_code"], row["name"]) for row in registry.targets if row["indicator_code"]]
        self.codes = CodeFinder(known + targets)
        self.year: int | None = None

    def draft(self, documents: list[Document], commune: str | None) -> DraftedPlan:
        self.made = DraftedPlan(documents)
        self.of_task: dict[int, int] = {}  # targets in a task's words, and which task
        self._front(documents[0], commune)
        tables = [table for document in documents for table in TableReader(self.words, self.names).read(document)]
        if not any(table.lines for table in tables):
            raise UnreadableDocumentError(say("commands.document.no_table", file=documents[0].path.name))
        self.made.tables = len(tables)
        for table in tables:
            for line in table.lines:
                self._line(table, line)
        places = task_places(self.made.rows["tasks"])
        for at, task in self.of_task.items():
            self.made.rows["targets"][at]["row_number"] = places[task].rpartition("/")[2]
        self._number_twins()
        self._unused(documents)
        return self.made

    # ------------------------------------------------------------ the plan's sheet

    def _front(self, document: Document, commune: str | None) -> None:
        found, basis = read_front_matter(
            document, self.words, self.registry.communes, self.registry.city_communes, self.names
        )
        plan = self.made.plan
        for about in self.form["plan"]["fields"]:
            name = about["name"]
            part, _, short = name.rpartition(".")
            into = plan.setdefault(part, {}) if part else plan
            if name == "commune_code" and commune:
                into[short] = commune
            elif one := found.get(name):
                into[short] = one.value
                self._mark("plan", 0, name, YELLOW, "found", one.text, one.page, "")
            elif about.get("required"):
                self._mark("plan", 0, name, RED, "missing", "", None, "")
        plan["legal_basis"] = basis
        plan["source_sha256"] = digest(document.path)
        issued = plan.get("issued_on")
        in_title = re.findall(r"năm (20\d\d)", plan.get("title") or "")
        self.year = issued.year if issued else int(in_title[-1]) if in_title else None
        if not issued:
            self._mark("plan", 0, "issued_on", RED, "missing", "", None, "")

    def _mark(self, part: str, row: int, column: str, colour: str, doubt: str, text: str, page: int | None, place: str,
              **said: str) -> None:  # fmt: skip
        worded = self.words["doubts"][doubt].format_map({"text": text, **said})
        self.made.marks.append(Mark(part, row, column, colour, worded, text, page, place))

    # ------------------------------------------------------------ rows

    def _line(self, table: PlanTable, line: Line) -> None:
        if line.is_group:
            return
        before = {kind: len(rows) for kind, rows in self.made.rows.items()}
        for kind in ("targets", "tasks") if table.kind == "both" else (table.kind,):
            if kind == "tasks":
                self._task(table, line)
            else:
                self._targets(table, line)
            for row in range(before[kind], len(self.made.rows[kind])):
                self._about(kind, row, table, line)
        if line.pictures:
            doubt, text = self.words["doubts"]["scanned"], line.text("title") or line.text("target_name")
            self.made.marks += [
                Mark(kind, row, "", YELLOW, doubt, text, line.page, line.place, tuple(line.pictures))
                for kind, rows in self.made.rows.items() for row in range(before[kind], len(rows))
            ]  # fmt: skip

    def _about(self, kind: str, row: int, table: PlanTable, line: Line) -> None:
        """What makes every cell of a row doubtful."""
        main = "title" if kind == "tasks" else "name"
        text = line.text("title") or line.text("target_name")
        for name in sorted(line.joined & _JOINED.keys()):
            column = _JOINED[name]
            if column in self.made.rows[kind][row]:
                self._mark(kind, row, column, YELLOW, "joined", line.text(name), line.page, line.place)
        for doubt in line.doubts:
            column = "row_number" if doubt == "number_made" else main
            self._mark(kind, row, column, YELLOW, doubt, text, line.page, line.place)
        if table.kind == "both":
            self._mark(kind, row, "row_number", RED, "kind_undecided", text, line.page, line.place)
        if line.text("other"):
            self._mark(kind, row, "note", YELLOW, "other_columns", line.text("other"), line.page, line.place)
        if table.by_content:
            of_task = ("deadline_as_written", "due_on", "head_role") if kind == "tasks" else ()
            for column in (main, "lead_as_written", "cooperating_as_written", "deliverable", *of_task):
                self._mark(kind, row, column, YELLOW, "column_by_content", text, line.page, line.place)

    def _shared(self, kind: str, table: PlanTable, line: Line) -> dict[str, str]:
        row = {column["name"]: "" for column in self.form[kind]["columns"]}
        return row | {
            "appendix": table.appendix,
            "row_number": line.number or line.printed_number,
            "cooperating_as_written": _lines(line.text("cooperating")),
            "deliverable": clean(line.text("deliverable")),
            "lead_as_written": _lines(line.text("lead")),
            "note": "; ".join(filter(None, (clean(line.text("note")), line.text("other")))),
            "source_page": str(line.page or ""),
            "source_place": line.place,
        }

    def _lead(self, kind: str, row: dict[str, str], line: Line) -> None:
        at, text = len(self.made.rows[kind]) - 1, row["lead_as_written"]
        codes = self.names.resolve(text) if text else None
        if not text:
            self._mark(kind, at, "lead_as_written", RED, "agency_missing", "", line.page, line.place)
        elif codes is None:
            row["lead_as_written"] = ""
            self._mark(kind, at, "lead_as_written", RED, "agency_unknown", text, line.page, line.place)
        elif not self.names.is_listed(text):
            agency = "; ".join(self.registry.agencies[code]["agency_name"] for code in codes)
            self._mark(
                kind, at, "lead_as_written", YELLOW, "agency_spelling", text, line.page, line.place, agency=agency
            )

    def _task(self, table: PlanTable, line: Line) -> None:
        row = self._shared("tasks", table, line) | {
            "section": line.section, "section_title": clean(line.section_title), "head_role": clean(line.text("head")),
            "title": clean(line.text("title") or line.text("target_name")),
            "deadline_as_written": clean(line.text("deadline")), "printed_number": line.printed_number,
            "parent_task": clean(line.source_task),
        }  # fmt: skip
        self.made.rows["tasks"].append(row)
        at = len(self.made.rows["tasks"]) - 1
        self._lead("tasks", row, line)
        deadline = row["deadline_as_written"]
        read = read_deadline(deadline, self.year)
        if read.question:
            for column in ("due_on", "recurrence"):
                self._mark("tasks", at, column, RED, "deadline_asked", deadline, line.page, line.place,
                           question=self.form["questions"][read.question])  # fmt: skip
        else:
            row.update(read.columns)
        self._in_sentences(row, line)

    def _in_sentences(self, task: dict[str, str], line: Line) -> None:
        """Percentages in the words of a task, each proposed as a target."""
        seen: set[str] = set()
        for text in (task["title"], task["deliverable"]):
            for part in re.split(r"[;.\n]\s|[;.]$|,\s+(?=\d+\s?%)", text):
                said = parse_target(part) if "%" in part else None
                if said is None or fold(part) in seen:
                    continue
                seen.add(fold(part))
                row = {column["name"]: "" for column in self.form["targets"]["columns"]}
                row |= {name: task[name] for name in _OF_TASK}
                row |= {"name": clean(part), "as_written": clean(part)}
                self.made.rows["targets"].append(row)
                at = len(self.made.rows["targets"]) - 1
                self.of_task[at] = len(self.made.rows["tasks"]) - 1
                for column in ("name", "as_written"):
                    self._mark("targets", at, column, YELLOW, "in_sentence", text, line.page, line.place)
                self._figure(row, said, line)
                of_task = date(int(task["due_on"][:4]), 12, 31) if task["due_on"] else None
                self._milestone(row, said.due_on if said.year else of_task, line, is_named=bool(said.year))
                self._code(row, line)

    def _targets(self, table: PlanTable, line: Line) -> None:
        section_year = re.search(self.words["milestone"], line.section_title.casefold())
        for day, text in line.values:
            if clean(text) in self.words["no_target"]:
                continue
            parts = split_targets(text)
            alone: list[tuple[str, Target | None]] = [("", parse_target(text))]
            for scope, said in parts or alone:
                if said is None:
                    continue
                row = self._shared("targets", table, line) | {
                    "name": clean(line.text("target_name") or line.text("title")), "as_written": scope or clean(text),
                    "unit_as_written": clean(line.text("unit")),
                }  # fmt: skip
                self.made.rows["targets"].append(row)
                at = len(self.made.rows["targets"]) - 1
                if parts:
                    row["scope"] = clean(re.sub(r"^.*?\d[\d.,]*\s*%?\s*(?:đối với|cho|của)?", "", scope))
                    self._mark("targets", at, "scope", YELLOW, "scope_split", text, line.page, line.place)
                self._lead("targets", row, line)
                self._figure(row, said, line)
                of_section = date(int(section_year["year"]), 12, 31) if section_year else None
                named = day or (said.due_on if said.year else of_section)
                self._milestone(row, named, line, is_named=bool(said.year))
                self._code(row, line)

    def _figure(self, row: dict[str, str], said: Target, line: Line) -> None:
        at = len(self.made.rows["targets"]) - 1
        read = target_reading(said)
        row["is_aspirational"] = read.columns["is_aspirational"]
        if line.pictures and re.search(self.words["signs"], row["as_written"]):
            for column in ("operator", "value"):
                self._mark("targets", at, column, RED, "scanned_sign", row["as_written"], line.page, line.place)
        elif read.question:
            for column in ("operator", "value"):
                self._mark("targets", at, column, RED, "target_asked", row["as_written"], line.page, line.place,
                           question=self.form["questions"][read.question])  # fmt: skip
        else:
            row.update(read.columns)

    def _milestone(self, row: dict[str, str], day: date | None, line: Line, *, is_named: bool) -> None:
        """day: what the document says; is_named: whether it says something that is then not understood."""
        at = len(self.made.rows["targets"]) - 1
        if day:
            row["milestone_on"] = day.isoformat()
        elif self.year and not row["unit_as_written"] and not is_named:
            row["milestone_on"] = date(self.year, 12, 31).isoformat()
            self._mark("targets", at, "milestone_on", YELLOW, "milestone_from_plan", "", line.page, line.place)
        else:
            self._mark("targets", at, "milestone_on", RED, "milestone_unknown", "", line.page, line.place)

    def _code(self, row: dict[str, str], line: Line) -> None:
        at = len(self.made.rows["targets"]) - 1
        name = f"{row['name']} {row['scope']}".strip()
        shown = "; ".join(
            f"{code} {self.registry.indicators[code]['indicator_name']}" for code, _ in self.codes.best(name)
        )
        row["indicator_code"] = self.codes.proposed(name)
        colour, doubt = (YELLOW, "code_proposed") if row["indicator_code"] else (RED, "code_unknown")
        self._mark("targets", at, "indicator_code", colour, doubt, row["name"], line.page, line.place, codes=shown)

    # ------------------------------------------------------------ what is left

    def _number_twins(self) -> None:
        """Two rows under one number of one part: somebody must say which."""
        seen: dict[tuple[str, ...], int] = {}
        for at, row in enumerate(self.made.rows["tasks"]):
            key = (row["appendix"], row["section"], row["row_number"])
            if key in seen:
                self._mark("tasks", at, "row_number", RED, "printed_number", row["title"], None, row["source_place"],
                           number=row["row_number"])  # fmt: skip
            seen.setdefault(key, at)

    def _unused(self, documents: list[Document]) -> None:
        """Every percentage and date of the documents that is in no row."""
        used = fold(" ".join(value for rows in self.made.rows.values() for row in rows for value in row.values()))
        for document in documents:
            for block in document.blocks:
                texts = [(block.text, block.page)] if isinstance(block, Paragraph) else [
                    (cell.text, row.page) for row in block.rows for cell in row.distinct]  # fmt: skip
                for text, page in texts:
                    for found in _FIGURES.finditer(text):
                        around = clean(text[max(0, found.start() - 60) : found.end() + 60])
                        if isinstance(block, Paragraph) or fold(clean(text)) not in used:
                            self.made.unused.append((page, found[0], around))


def _lines(text: str) -> str:
    """Text whose line breaks separate what it lists."""
    return "\n".join(line for line in map(clean, text.splitlines()) if line)
