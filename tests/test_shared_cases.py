"""Forms as officers really changed them: of each what CASES.csv wants, by real files, inbox and verdicts.

The files lie outside the project (conftest.SHARED_CASES), with the grammar of what is wanted in their README; without
them this module is not collected.
"""

import csv
import os
import shutil
import time
from decimal import Decimal
from itertools import groupby

import pytest
from conftest import SHARED_CASES

from pipelines import flow
from pipelines.home import Home
from pipelines.warehouse.database import building

with (SHARED_CASES / "CASES.csv").open(encoding="utf-8") as _handle:
    ROWS = list(csv.DictReader(_handle))
CASES = {name: sorted(rows, key=lambda row: int(row["step"])) for name, rows in groupby(ROWS, lambda row: row["case"])}

STEPS = (flow.load_registry, flow.receive_files, flow.read_files, flow.validate_files, flow.record_verdicts)


class Outcome:
    """What became of the last file a home received: the facts in force of a period, and the findings."""

    def __init__(self, home, period):
        with building(home) as con:
            self.facts = {
                code: figures
                for code, *figures in con.execute(
                    "SELECT indicator_code, numerator, denominator, value FROM checked.actual "
                    "JOIN checked.submission USING (submission_id, version) JOIN raw.receipt USING (submission_id) "
                    "WHERE NOT is_held AND period_code = ? ORDER BY ledger_sequence", [period]
                ).fetchall()
            }  # fmt: skip
            self.findings = con.execute(
                "SELECT f.severity, f.source_cell, l.code, l.kind FROM checked.finding AS f "
                "LEFT JOIN checked.line AS l USING (submission_id, source_sheet, source_row) "
                "WHERE submission_id = (SELECT arg_max(submission_id, ledger_sequence) FROM raw.receipt)"
            ).fetchall()

    def holds(self, want):
        return any(all(self.is_so(one.strip()) for one in some.split(";")) for some in want.split(" OR "))

    def is_so(self, want):
        if want == "NOTHING":
            return not self.facts and bool(self.findings)
        if "==" in want:
            code, value = want.split("==")
            return code in self.facts and self.facts[code][2] == Decimal(value)
        if "=" in want:
            code, figures = want.split("=")
            return code in self.facts and self.facts[code][:2] == list(map(Decimal, figures.split("/")))
        word, codes = want.split(" ")
        of = codes.split("|")
        found = [severity for severity, cell, code, kind in self.findings
                 if cell and (code in of or (of == ["TASK"] and kind == "task"))]  # fmt: skip
        if word == "ASK":
            return not self.facts.keys() & set(of) and bool({"fail", "confirm"} & set(found))
        return word == "WARN" and bool(found)


@pytest.mark.parametrize("name", CASES)
def test_a_form_gives_what_is_wanted_of_it(name, tmp_path, monkeypatch):
    monkeypatch.setattr("pipelines.intake.receive.QUIET_SECONDS", 0)
    home = Home(tmp_path)
    for row in CASES[name]:
        folder = home.inbox / row["folder"]
        folder.mkdir(parents=True, exist_ok=True)
        path = shutil.copy(SHARED_CASES / row["file"], folder)
        os.utime(path, (time.time() - 60,) * 2)
        for step in STEPS:
            step(home)
        outcome = Outcome(home, row["period"])
        assert outcome.holds(row["want"]), (row["why"], outcome.facts, outcome.findings)
