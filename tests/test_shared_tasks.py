"""A task that a plan gives to all its agencies: each reports on its part, the focal agency says how the whole stands.

Vĩnh Lại gives III/48 and III/49 to 'Các cơ quan, đơn vị liên quan'; Phòng Văn hóa - Xã hội (VHXH) sums up.
"""

import csv
import shutil
from datetime import date

import pytest
from conftest import DAI_SON, VINH_LAI
from lived_city import PLAN, City
from test_time import decided

from pipelines import flow, judging
from pipelines.home import SOURCES
from pipelines.intake.ledger import Ledger
from pipelines.registry import registry as registries
from pipelines.registry.plan_folders import RegistryError
from pipelines.warehouse.database import discard_build

WHOLE, OTHER = f"{PLAN}/III/48", f"{PLAN}/III/49"
OCTOBER = date(2026, 10, 14)
OTHERS = ["CA", "KT", "PVHCC", "QS", "VHTT", "VP"]


def agencies(sources, **changed):
    """Write agencies.csv anew: without a column (None), or with each_reports_from of the group."""
    path = sources / "reference" / "agencies.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row |= changed if row["is_group"] == "true" else dict.fromkeys(changed, "")
        if changed.get("each_reports_from", "") is None:
            del row["each_reports_from"]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def before(home, tmp_path, monkeypatch):
    """A city whose list of agencies is of before: two months, in which the focal agency alone reported."""
    shutil.copytree(SOURCES, tmp_path / "sources", ignore=shutil.ignore_patterns("inbox"))
    agencies(tmp_path / "sources", each_reports_from=None)
    monkeypatch.setattr(flow, "SOURCES", tmp_path / "sources")
    judging.registry_of.cache_clear()
    city = City(home, tmp_path / "sources")
    Ledger(home).append([{"event": "illustrative", "seed": 1, "day": "2026-01-01"}])
    city.send("2026-07-16", "VHXH", "2026-07", {WHOLE: {"state": "Đang thực hiện", "percent_done": 30}})
    city.send("2026-08-16", "CA", "2026-08", {"XHS-02": {"numerator": 60, "denominator": 100}})
    city.run()
    return city


STATE = ("SELECT state, reported_by, task_status, agencies_asked, agencies_reported, agencies_done "
         "FROM marts.mart_task_progress")  # fmt: skip
PARTS = "SELECT agency_code, state, percent_done, period_code FROM marts.mart_task_part WHERE task_id = ?"


def test_each_agency_reports_from_its_day_on_and_nothing_before_changes(before):
    city, was = before, decided(before)
    assert city.ask(f"{STATE} WHERE task_id = ?", WHOLE) == [("in_progress", "VHXH", "in_progress", None, None, None)]
    agencies(city.sources, each_reports_from="2026-01-01")
    city.run()
    assert decided(city) == was
    assert city.ask("SELECT DISTINCT agency_code, part_from, holds_from FROM core.known_duty WHERE code = ? "
                    "AND part_from IS NOT NULL ORDER BY 1", WHOLE) == [
        (agency, date(2026, 1, 1), date(2026, 8, 16)) for agency in OTHERS]  # fmt: skip

    done = {"state": "Đã hoàn thành", "percent_done": 100, "document_number": "12/BC-CAX",
            "document_date": date(2026, 9, 4)}  # fmt: skip
    city.send("2026-09-15", "KT", "2026-08", {WHOLE: {"state": "Tạm dừng"}})  # not owed, and taken
    city.send("2026-09-16", "CA", "2026-09", {WHOLE: done, OTHER: done})
    city.send("2026-09-16", "KT", "2026-09", {WHOLE: {"state": "Đang thực hiện", "percent_done": 40}})
    city.run(date(2026, 9, 22))
    assert city.ask("SELECT rule_code FROM core.fct_rejection WHERE severity = 'fail'") == []
    assert city.ask(f"{PARTS} ORDER BY agency_code", WHOLE) == [
        ("CA", "done", 100, "2026-09"), ("KT", "in_progress", 40, "2026-09"),
        *((agency, None, None, None) for agency in OTHERS[2:])]  # fmt: skip
    assert city.ask(f"{STATE} WHERE task_id IN (?, ?) ORDER BY task_id", WHOLE, OTHER) == [
        ("in_progress", "VHXH", "in_progress", 6, 2, 1),  # what the focal agency said in July
        (None, None, "awaiting_summary", 6, 1, 1)]  # fmt: skip

    city.send("2026-10-16", "VHXH", "2026-10", {WHOLE: {"state": "Tạm dừng"}, OTHER: {"state": "Chưa thực hiện"}})
    city.run(date(2026, 10, 22))
    assert city.ask(f"{STATE} WHERE task_id IN (?, ?) ORDER BY task_id", WHOLE, OTHER) == [
        ("stopped", "VHXH", "stopped", 6, 2, 1), ("not_started", "VHXH", "not_started", 6, 1, 1)]  # fmt: skip
    assert city.ask("SELECT agency_code, is_part, count(*) FROM core.fct_task_report GROUP BY ALL ORDER BY 1") == [
        ("CA", True, 2), ("KT", True, 2), ("VHXH", False, 3)]  # fmt: skip
    assert city.ask("SELECT done_on FROM marts.mart_task_deadline WHERE task_id = ?", WHOLE) == [(None,)]

    was = decided(city)
    discard_build(city.home)
    city.run(date(2026, 10, 22))
    assert decided(city) == was


def test_the_agencies_are_those_that_the_plan_names(registry):
    assert registry.parts_of(WHOLE, OCTOBER) == OTHERS
    assert registry.parts_of("11086-dai-son-2026/I/1", OCTOBER) == ["CA", "DVSNC", "KT", "PVHCC", "VP"]
    assert registry.parts_of(WHOLE, date(2025, 12, 14)) == [], "from 2026 on"
    [led] = [task for task in registry.tasks if task["lead_as_written"] == "Công an xã" and task["plan_id"] == PLAN][:1]
    assert registry.parts_of(led["task_id"], OCTOBER) == []
    of = {
        agency: [task["task_id"] for task in registry.tasks_of(VINH_LAI, agency, OCTOBER)] for agency in ("CA", "VHXH")
    }
    assert WHOLE in of["CA"] and WHOLE in of["VHXH"]
    order = [task["task_id"] for task in registry.tasks]
    assert all(tasks == sorted(tasks, key=order.index) for tasks in of.values()), "in the order of the plan"


def test_who_reports_besides_owes_a_report_anyway(registry):
    """A part of a task makes nobody report who did not: each leads something in the plan."""
    for commune in (VINH_LAI, DAI_SON):
        leads = set(registry.led_in(commune, OCTOBER).values())
        leads |= {d.agency_code for d in registry.task_duties if d.plan_id.startswith(commune) and not d.part_from}
        assert set(registry.agencies_of(commune, OCTOBER)) == leads


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("true,2026-01-01", "true,01/01/2026", "LIENQUAN: '01/01/2026' is no day"),
        ("Phòng Kinh tế,false,", "Phòng Kinh tế,false,2026-01-01", "KT: each_reports_from is for groups alone"),
    ],
)
def test_a_day_that_does_not_fit_is_named(tmp_path, old, new, fault):
    shutil.copytree(SOURCES, tmp_path / "sources", ignore=shutil.ignore_patterns("inbox"))
    path = tmp_path / "sources" / "reference" / "agencies.csv"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(RegistryError, match=r"agencies\.csv") as refused:
        registries.load(tmp_path / "sources")
    assert fault in str(refused.value)
