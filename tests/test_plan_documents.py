"""Real plan documents and their wordings, tested where they lie: read whole or asked, never guessed."""

import csv
import re
from collections import Counter

import pypdf
import pytest
from conftest import PLAN_DOCS

from pipelines.files import read_csv
from pipelines.home import SOURCES
from pipelines.plans.drafting import draft_plan
from pipelines.plans.form import read_form
from pipelines.plans.reading.pdf import turn_content
from pipelines.vietnamese import parse_deadline, parse_target, split_targets


def wordings(kind):
    rows = csv.DictReader((PLAN_DOCS / "wordings.csv").open(encoding="utf-8"))
    return [row for row in rows if row["kind"] == kind]


def name(row):
    return row["wording"]


@pytest.mark.parametrize("row", wordings("target"), ids=name)
def test_a_target_is_right(row):
    if row["operator"] == "two targets":
        assert parse_target(row["wording"]).question == "two_targets"
        assert " | ".join(str(said.value) for _, said in split_targets(row["wording"])) == row["value"]
        return
    said = parse_target(row["wording"])
    figures = ["" if figure is None else str(figure) for figure in (said.value, said.value_high)]
    assert [said.operator, *figures] == [row["operator"], row["value"], row["value_high"]]


@pytest.mark.parametrize("row", wordings("deadline"), ids=name)
def test_a_deadline_is_right_or_asked(row):
    said = parse_deadline(row["wording"], 2026)
    if "ask" in row["due_on"] or "ask" in row["recurrence"] or " and " in row["recurrence"]:
        assert said.question
        return
    due_on = (
        row["due_on"]
        .replace("05-28 of the plan's year", "2026-05-28")
        .replace("06-30 of the plan's year", "2026-06-30")
    )
    found = f"{said.recurs_on} each year" if said.recurs_on else str(said.due_on or "")
    assert (found, said.recurrence, said.question) == (due_on, row["recurrence"], "")


# ---------------------------------------------------------------- documents

FORM = read_form(SOURCES)
DOCUMENTS = [("vinh-lai.docx", "11164-vinh-lai-2025"), ("dai-son.docx", "11086-dai-son-2026"),
             ("le-chan.docx", "11383-le-chan-2026"), ("le-chan.pdf", "11383-le-chan-2026"),
             ("dai-son.pdf", "11086-dai-son-2026")]  # fmt: skip


def bare(text):
    return re.sub(r"[^\w%≥≤<>]+", "", text).casefold()


def check_draft(path, plan_id, registry):
    """Every task and target as in the registry (as printed, where that was corrected), no wrong white cell."""
    drafted = draft_plan([path], SOURCES, registry, FORM)
    marked = {(mark.part, mark.row, mark.column) for mark in drafted.marks}
    places = {
        tuple(row[n] for n in ("appendix", "section", "row_number")): at for at, row in enumerate(drafted.rows["tasks"])
    }
    wanted = {tuple(row[n] for n in ("appendix", "section", "row_number")): row
              for row in read_csv(SOURCES / "plans" / plan_id / "tasks.csv")}  # fmt: skip
    assert places.keys() == wanted.keys()
    for place, row in wanted.items():
        found = drafted.rows["tasks"][places[place]]
        for name in ("title", "deliverable", "head_role", "lead_as_written", "cooperating_as_written",
                     "deadline_as_written", "due_on", "recurrence"):  # fmt: skip
            printed = row.get(f"{name}_as_written") or row[name]
            white = ("tasks", places[place], name) not in marked
            assert not white or bare(found[name]) == bare(printed), (place, name, found[name], printed)
    targets = [row for row in read_csv(SOURCES / "plans" / plan_id / "targets.csv") if row["appendix"] in ("I", "II")
               and plan_id.startswith("11164")]  # fmt: skip
    keys = ("appendix", "row_number", "milestone_on", "operator", "value", "value_high")
    assert Counter(tuple(row[n] for n in keys) for row in targets) <= Counter(
        tuple(row[n] for n in keys) for row in drafted.rows["targets"]
    )


@pytest.mark.parametrize(("name", "plan_id"), DOCUMENTS)
def test_a_document_is_drafted_as_the_registry_has_it(name, plan_id, registry):
    check_draft(PLAN_DOCS / name, plan_id, registry)


@pytest.mark.parametrize("back", [0, 270])
def test_pages_that_lie_on_their_side_are_read(back, registry, tmp_path):
    """Shown on their side, or drawn so and turned back by /Rotate."""
    writer = pypdf.PdfWriter(clone_from=PLAN_DOCS / "le-chan.pdf")
    for page in writer.pages:
        turn_content(page, 90)
        page.rotate(back)
    writer.write(tmp_path / "le-chan.pdf")
    check_draft(tmp_path / "le-chan.pdf", "11383-le-chan-2026", registry)
