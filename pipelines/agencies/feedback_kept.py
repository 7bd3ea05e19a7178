"""Which answers still lie where they were written: one that somebody deleted is written again."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb

from pipelines.home import Home

_SUBMISSION = re.compile(r"-([0-9a-f]{12}-\d+)\.xlsx$")


def answered(home: Home) -> set[str]:
    """The submissions whose answer lies somewhere below the folder of answers."""
    return {found[1] for path in home.feedback.glob("*/*/*.xlsx") if (found := _SUBMISSION.search(path.name))}


def lost(home: Home, con: duckdb.DuckDBPyConnection) -> list[str]:
    """Of the submissions whose answer was written, those whose answer is gone."""
    told = {row[0] for row in con.execute("SELECT submission_id FROM raw.told").fetchall()}
    return sorted(told - answered(home)) if told else []


def answers_to(home: Home, submission_id: str) -> list[Path]:
    """The answer to a submission, in whichever folder it lies; none or one, as a rule."""
    return sorted(home.feedback.glob(f"*/*/*-{submission_id}.xlsx"))


def discard_answer(home: Home, submission_id: str) -> None:
    """Take an answer away that is not right any more: it is written again."""
    for path in answers_to(home, submission_id):
        path.unlink()


def answer_of(home: Home, commune_code: str, agency_code: str, submission_id: str) -> Path | None:
    """The answer to a file that an agency of a commune sent, if it lies there."""
    folder = home.feedback / commune_code / agency_code
    return next(folder.glob(f"*-{submission_id}.xlsx"), None)
