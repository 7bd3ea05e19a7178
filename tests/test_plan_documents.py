"""Real plan documents and their wordings, tested where they lie: read whole or asked, never guessed."""

import csv

import pytest
from conftest import PLAN_DOCS

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
