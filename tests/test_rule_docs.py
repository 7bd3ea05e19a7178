"""Great Expectations' own pages of the rules: for who knows Great Expectations and wants to see what it sees."""

import re

from click.testing import CliRunner
from test_rules import typing

from pipelines import flow
from pipelines.cli import main
from pipelines.warehouse.database import building

ELSEWHERE = r"""<(?:script|link|img|iframe)[^>]*https?://|url\(["']?https?:|@import"""


def checked(home):
    with building(home) as con:
        return con.execute("FROM checked.finding ORDER BY ALL").fetchall()


def test_the_pages_show_every_rule_in_vietnamese_and_what_it_found_and_ask_for_nothing_elsewhere(
    home, office, registry
):
    """Given a file whose numerator is greater than its denominator, expect rule C09 to have failed on one line."""
    office.send("CA", "2026-10", edit=typing(("XHS-02", "Tử số", 50), ("XHS-02", "Mẫu số", 40)))
    flow.run_steps(home)
    before = checked(home)
    said = CliRunner().invoke(main, ["rules", "docs", "--files", "1"])
    assert (said.exit_code, said.stdout) == (0, f"1 files: {home.rule_docs / 'index.html'}\n")
    pages = {
        path.relative_to(home.rule_docs): path.read_text(encoding="utf-8") for path in home.rule_docs.rglob("*.html")
    }
    assert [page for page, text in pages.items() if re.search(ELSEWHERE, text)] == []
    suites = "".join(text for page, text in pages.items() if page.parts[0] == "expectations")
    codes = {rule["code"] for rule in registry.rules if rule["level"] == "indicator"}
    assert "C09 (fail): Tử số {numerator_typed} lớn hơn mẫu số {denominator_typed}." in suites
    assert len({code for code in codes if f"{code} (" in suites}) > len(codes) / 2
    [results] = [text for page, text in pages.items() if page.parts[:2] == ("validations", "indicator")]
    assert re.search(r"C09.{0,2000}?1 unexpected", results, re.DOTALL)
    assert checked(home) == before


def test_before_the_first_run_there_is_nothing_to_show(home):
    said = CliRunner().invoke(main, ["rules", "docs"])
    assert (said.exit_code, said.stdout) == (1, "")
    assert "run 'kpi57 run' first" in said.stderr
