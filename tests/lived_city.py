"""A city that lives in made-up time, with sources of its own that change between its runs: for test_time and others."""

import os
import shutil
from datetime import date, datetime
from pathlib import Path

import pytest
import yaml
from conftest import Office, Warehouse

from pipelines import flow, judging
from pipelines.home import SOURCES, Home
from pipelines.intake.ledger import VIETNAM, Ledger
from pipelines.registry import registry as registries

PLAN = "11164-vinh-lai-2025"
DAY = date(2026, 8, 25)


class City:
    """A home that lives in made-up time, with sources of its own that can be edited between two runs."""

    def __init__(self, home: Home, sources: Path) -> None:
        self.home, self.sources = Home(home.root, DAY), sources
        self.ask = Warehouse(home.published)

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.sources / name
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{name} does not say: {old}"
        path.write_text(text.replace(old, new), encoding="utf-8")

    def plan(self, name: str = PLAN, **said) -> None:
        """What plan.yml of Vĩnh Lại says otherwise."""
        path = self.sources / "plans" / name / "plan.yml"
        plan = yaml.safe_load(path.read_text(encoding="utf-8")) | said
        path.write_text(yaml.safe_dump(plan, allow_unicode=True), encoding="utf-8")

    def rule(self, code: str, severity: str = "", **arguments) -> None:
        """What rules.yml says otherwise of a rule: its severity, arguments of its expectation."""
        path = self.sources / "forms" / "rules.yml"
        rules = yaml.safe_load(path.read_text(encoding="utf-8"))
        [rule] = [rule for rule in rules if rule["code"] == code]
        rule["severity"] = severity or rule["severity"]
        rule["arguments"] |= arguments
        path.write_text(yaml.safe_dump(rules, allow_unicode=True), encoding="utf-8")

    def send(self, day: str, agency: str, period: str, answers: dict, commune: str = "11164", folder: str = "") -> Path:
        office = Office(self.home, registries.load(self.sources))
        into = self.home.inbox / folder if folder else None
        path = office.send(agency, period, answers, commune=commune, into=into)
        at = datetime.fromisoformat(f"{day}T08:00:00").replace(tzinfo=VIETNAM).timestamp()
        os.utime(path, (at, at))
        return path

    def run(self, day: date = DAY) -> None:
        flow.run_steps(Home(self.home.root, day))
        flow.write_feedback(Home(self.home.root, day))


ANSWERS = {"XHS-02": {"numerator": 50, "denominator": 100}, "XHS-01": {"numerator": 10, "denominator": 100}}
DVC = {"DVC-02": {"numerator": 90, "denominator": 100}}


def begin(root: Path) -> Path:
    """Three months of two agencies: one file refused, one late, one corrected. Copied by each test."""
    shutil.copytree(SOURCES, root / "sources-of-the-city", ignore=shutil.ignore_patterns("inbox"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipelines.intake.receive.QUIET_SECONDS", 0)
        patch.setattr(flow, "SOURCES", root / "sources-of-the-city")
        city = City(Home(root / "home"), root / "sources-of-the-city")
        city.rule("C15", "fail")  # a result without its numerator, which else is taken with a warning
        Ledger(city.home).append([{"event": "illustrative", "seed": 1, "day": "2026-01-01"}])
        city.send("2026-06-16", "CA", "2026-06", ANSWERS)
        city.send("2026-06-17", "PVHCC", "2026-06", DVC)
        city.send("2026-07-25", "CA", "2026-07", ANSWERS | {"XHS-02": {"numerator": 55, "denominator": 100}})
        city.send("2026-07-17", "PVHCC", "2026-07", {"DVC-02": {"value": 90}})
        city.send("2026-08-17", "CA", "2026-08", ANSWERS | {"XHS-02": {"numerator": 60, "denominator": 100}})
        city.run()
    return root


def go_on(begun: Path, home: Home, folder: Path, monkeypatch: pytest.MonkeyPatch) -> City:
    """A copy of the city with sources of its own, in a folder."""
    shutil.copytree(begun / "home", home.root)
    shutil.copytree(begun / "sources-of-the-city", folder / "sources")
    monkeypatch.setattr(flow, "SOURCES", folder / "sources")
    judging.registry_of.cache_clear()
    return City(home, folder / "sources")
