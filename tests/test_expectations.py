"""What is found in one file without Great Expectations is what Great Expectations finds in a run."""

import random
import subprocess
import sys
from decimal import Decimal

import pytest

from pipelines.checking import expectations
from pipelines.checking.rules import columns_of, expand
from pipelines.checking.suites import Suites
from pipelines.checking.validate import validate
from pipelines.home import PROJECT
from pipelines.intake.ledger import Ledger, archived
from pipelines.intake.receive import receipts
from pipelines.reading.read import Job, read_all

CELLS = [["e", "#DIV/0!"], ["f", "=G1/0"], ["d", "2026-10-05"], ["p", "0.5"], ["b", "1"], ["n", "-3"], ["n", "0"],
         ["n", "1.5"], ["n", "180"], ["n", "1e+20"], ["t", "12o"], ["t", "1234\n1250"], ["t", "khoảng 80"],
         ["t", "85,5%"], ["t", "1.234"], ["t", "đã hoàn thành"], ["t", "XHS-02"], ["t", "ghi chú"]]  # fmt: skip
VALUES = [None, "", "nothing known", True, False]
NUMBERS = [None, Decimal(0), Decimal(-1), Decimal("0.0001"), Decimal(1), Decimal(3), Decimal("3.0001"), Decimal(20),
           Decimal(30), Decimal(100), Decimal("100.5"), Decimal(10) ** 15]  # fmt: skip
COMPARING = ("expect_column_values_to_be_between", "expect_column_pair_values_a_to_be_greater_than_b")


def spoilt_cells(reading, dice):
    """One cell of twelve says something else."""
    for line in (line for table in reading.get("tables", []) for line in table["lines"]):
        for cell in line["typed"].values():
            if dice.random() < 0.08:
                cell[1:] = dice.choice(CELLS)


def spoilt_facts(rules, level, facts, dice):
    """The facts that rules look at, one of four another one: what the rule asks for, its opposite, none, any."""
    spoilt, of_level = [dict(line) for line in facts], [rule for rule in rules if rule["level"] == level]
    for line in spoilt:
        for rule in dice.sample(of_level, len(of_level)):  # several look at one column: none of them is always first
            asked = rule["arguments"].get("value_set", [])
            values = NUMBERS if rule["expectation"] in COMPARING else [*VALUES, *asked]
            for column in columns_of(rule):
                if dice.random() < 0.25:
                    line[column] = dice.choice(values)
    return spoilt


@pytest.fixture(scope="module")
def sent(demo_home, registry):
    """The illustrative files: rows of raw.receipt, and the readings by submission."""
    ledger = Ledger(demo_home)
    entries = ledger.of("received")
    rows = receipts(entries, registry.city_communes, registry.agency_folders, ledger.received_at)
    jobs = [Job(entry["submission_id"], archived(demo_home, entry["sha256"])) for entry in entries]
    return rows, {job.key: reading for job, reading in read_all(jobs, registry.form)}


def test_a_file_is_judged_alone_as_great_expectations_judges_it(registry, sent):
    dice = random.Random(57)
    rows, readings = sent
    for reading in readings.values():
        spoilt_cells(reading, dice)
    facts = {}

    def both(rules, level, lines):
        found = sorted(expectations.unexpected(rules, level, lines))
        assert found == sorted(Suites().unexpected(rules, level, lines))
        facts.setdefault(level, lines)
        return found

    checked = validate(registry, rows, readings, both)
    assert len({finding["rule_code"] for finding in checked.findings}) > 30
    # the same with any facts, so that each rule finds something and passes something over
    rules = [one for rule in registry.rules for one in expand(rule, registry.form)]
    broken, lines = set(), {}
    for level, some in facts.items():
        lines[level] = spoilt_facts(rules, level, some[:600], dice)
        found = sorted(expectations.unexpected(rules, level, lines[level]))
        assert found == sorted(Suites().unexpected(rules, level, lines[level]))
        broken |= {number for _, number in found}
        assert all(rules[number]["level"] == level for _, number in found)
    assert [rule["code"] for number, rule in enumerate(rules) if number not in broken] == []


def test_what_is_asked_of_one_line_is_asked_of_many(registry):
    """A line is held by what it breaks alone, before all lines are judged."""
    confirm = [rule for rule in registry.rules if rule["severity"] == "confirm" and "<each>" not in str(rule)]
    for rule in confirm:
        numbers = rule["expectation"] in COMPARING
        [column] = columns_of(rule)
        lines = [{column: value} for value in (NUMBERS if numbers else [*VALUES, *rule["arguments"]["value_set"]])]
        alone = [line for line, facts in enumerate(lines) if expectations.breaks(rule, facts)]
        assert alone == [line for line, _ in expectations.unexpected([rule], rule["level"], lines)]
        assert alone, rule["code"]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"expectation": "expect_column_values_to_match_regex"}, RuntimeError),
        ({"arguments": {"column": "x", "value_set": [1], "mostly": 0.9}}, TypeError),
    ],
)
def test_a_rule_of_a_kind_that_is_not_known_here_is_an_error(change, error):
    rule = {"code": "X01", "level": "file", "expectation": "expect_column_values_to_be_in_set",
            "arguments": {"column": "x", "value_set": [1]}} | change  # fmt: skip
    with pytest.raises(error):
        list(expectations.unexpected([rule], "file", [{"x": 2}]))


def test_a_file_is_checked_without_the_heavy_libraries(office):
    """An officer waits for it; what they take to load is several times what reading and judging a file takes."""
    path = office.send("CA", "2026-10", {"XHS-02": {"numerator": 50, "denominator": 40}})
    asked = (
        "import sys\nfrom pipelines.cli import main\n"
        f"try: main(['check', {str(path)!r}])\n"
        "except SystemExit as ended: print(ended.code)\n"
        "heavy = {'dagster', 'duckdb', 'great_expectations', 'openpyxl', 'pandas', 'numpy', 'docx', 'matplotlib'}\n"
        "print(heavy & sys.modules.keys() or 'none')"
    )
    said = subprocess.run([sys.executable, "-c", asked], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert said.stdout.splitlines()[-2:] == ["1", "none"]
    assert "C09" in said.stdout
