"""The registry of the plans: every row there, every name resolved, as written and as understood."""

import shutil
from collections import Counter
from datetime import date

import pytest
from conftest import VINH_LAI

from pipelines.home import SOURCES
from pipelines.plans.check import check_plans
from pipelines.registry.plan_folders import RegistryError
from pipelines.registry.registry import load

PLANS = {
    "10903-cam-giang-2025": 34,
    "11086-dai-son-2026": 42,
    "11164-vinh-lai-2025": 71,
    "11383-le-chan-2026": 8,
    "11791-tien-minh-2026": 21,
}


def test_every_plan_and_task_is_there(registry):
    assert Counter(task["plan_id"] for task in registry.tasks) == PLANS
    assert set(registry.plans) == set(PLANS)


def test_vinh_lai_sets_147_targets_in_its_appendices_and_three_in_tasks(registry):
    appendices = Counter(t["appendix"] for t in registry.targets if t["commune_code"] == VINH_LAI)
    assert appendices == {"I": 30, "II": 117, "III": 1, "IV": 2}


def test_a_row_that_states_two_targets_is_told_apart_by_scope(registry):
    rows = [t for t in registry.targets if (t["appendix"], t["row_number"]) == ("I", "11.1")]
    assert len(rows) == 2
    assert len({t["scope"] for t in rows}) == 2
    assert len({t["target_id"] for t in rows}) == 2


@pytest.mark.parametrize(
    ("place", "year", "operator", "value", "high", "aspirational"),
    [
        (("I", "1.1"), "2030", ">=", "80", None, False),
        (("I", "3"), "2030", "=", "3", None, True),
        (("I", "4"), "2030", "text", None, None, False),
        (("I", "14"), "2045", "=", "100", None, False),
        (("II", "4"), "2025", ">=", "3", None, True),
        (("II", "4"), "2040", ">", "3", None, False),
        (("II", "8"), "2040", "range", "80", "90", False),
        (("II", "22"), "2030", ">=", "85", None, False),
        (("II", "27"), "2045", "=", "40", None, False),
    ],
)
def test_what_a_cell_sets(registry, place, year, operator, value, high, aspirational):
    [target] = [
        t
        for t in registry.targets
        if t["plan_id"] == "11164-vinh-lai-2025"
        and (t["appendix"], t["row_number"]) == place
        and t["milestone_on"] == f"{year}-12-31"
    ]
    assert (target["operator"], target["value"], target["value_high"], target["is_aspirational"]) == (
        operator,
        value,
        high,
        aspirational,
    )


def test_tasks_keep_their_printed_numbers(registry):
    ids = {task["task_id"] for task in registry.tasks}
    assert {"11164-vinh-lai-2025/III/154", "11086-dai-son-2026/I/16.1", "10903-cam-giang-2025/I/III.7"} <= ids
    assert {f"11164-vinh-lai-2025/IV/V.11.{n}" for n in range(1, 5)} <= ids
    assert {"11791-tien-minh-2026/1.1", "11791-tien-minh-2026/8.4"} <= ids


def test_the_documents_a_plan_names_as_its_ground_stay_apart(registry):
    """Each with number, date and issuer, though an issuer's name may hold any sign."""
    [first, *_, last] = registry.rows()["raw.plan"][-1]["legal_documents"]
    assert first == {"number": "57-NQ/TW", "issued_on": date(2024, 12, 22), "issuer": "Bộ Chính trị"}
    assert last["number"] == "12-KH/TU"


def test_every_lead_of_every_task_and_target_is_known(registry):
    assert all(task["lead_agency_codes"] for task in registry.tasks)
    assert all(target["lead_agency_code"] for target in registry.targets)


def test_the_transcription_has_no_fault_of_its_own(registry):
    assert [str(f) for f in check_plans(registry) if f.severity == "error"] == []


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("conflict", ["DVC-02", "90 and 100%"]),
        ("no_code", ["II, 27", "Tỷ lệ người dân có chữ ký số", "10%"]),
        ("no_code", ["I, 11.5", "trung học cơ sở", "95"]),
        ("conflict", ["GD-02", "≥ 95", "≥ 90%"]),
        ("stated_twice", ["II, 12 and 16", "GD-08"]),
        ("gap", ["11086-dai-son-2026", "row 14"]),
        ("gap", ["10903-cam-giang-2025", "section VI follows section III"]),
        ("no_deadline", ["10903-cam-giang-2025", "20"]),
        ("points_nowhere", ["11791-tien-minh-2026", "6, 1"]),
    ],
)
def test_what_is_wrong_in_the_documents_is_named(registry, code, words):
    found = [str(f) for f in check_plans(registry) if f.code == code]
    assert any(all(word in line for word in words) for line in found), found


@pytest.fixture
def sources(tmp_path):
    """A copy of sources/ that a test may change."""
    shutil.copytree(SOURCES, tmp_path / "sources", ignore=shutil.ignore_patterns("inbox"))
    return tmp_path / "sources"


def change(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_faults_are_reported_all_at_once_with_plan_row_and_text(sources):
    plan = sources / "plans" / "11164-vinh-lai-2025"
    change(plan / "tasks.csv", "Ban Chỉ huy Quân sự xã", "Ban Chỉ huy Quân sự huyện")
    change(plan / "targets.csv", "DVC-01", "DVC-99")
    with pytest.raises(RegistryError) as error:
        load(sources)
    assert "11164-vinh-lai-2025 task IV/III.12: unknown agency 'Ban Chỉ huy Quân sự huyện'" in str(error.value)
    assert "no indicator 'DVC-99' in indicators.csv" in str(error.value)


def test_no_fault_hides_another_wherever_it_is(sources):
    """Given eleven doubled indicators, an alias of no agency and a plan that settles nothing, expect all of them."""
    reference = sources / "reference"
    header, *lines = (reference / "indicators.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (reference / "indicators.csv").write_text("".join([header, *lines, *lines[:11]]), encoding="utf-8")
    with (reference / "agency_aliases.csv").open("a", encoding="utf-8") as handle:
        handle.write("Đội Một,XX\nĐội Hai,YY ZZ\n")
    plan = sources / "plans" / "11164-vinh-lai-2025" / "plan.yml"
    change(plan, "reports:\n", "reports: {}\nno_reports:\n")
    change(plan.with_name("targets.csv"), "II,27,,none,", "II,27,,XHS-01,")
    with pytest.raises(RegistryError) as error:
        load(sources)
    faults = error.value.faults
    assert sum("is there twice" in fault for fault in faults) == 11
    assert [fault for fault in faults if "agency_aliases.csv" in fault] == [
        "agency_aliases.csv: 'Đội Một': no agency XX",
        "agency_aliases.csv: 'Đội Hai': no agency YY, ZZ",
    ]
    assert sum("both lead" in fault for fault in faults) == 1
    assert all(fault in str(error.value) for fault in faults)


def test_two_agencies_that_lead_one_indicator_must_be_settled(sources):
    change(sources / "plans" / "11164-vinh-lai-2025" / "plan.yml", "  XHS-01: CA\n", "")
    change(sources / "plans" / "11164-vinh-lai-2025" / "targets.csv", "II,27,,none,", "II,27,,XHS-01,")
    with pytest.raises(RegistryError, match="CA and VHXH both lead indicator XHS-01"):
        load(sources)


def test_a_misread_figure_is_an_error_of_the_transcription(sources):
    change(sources / "plans" / "11164-vinh-lai-2025" / "targets.csv", "≥ 80,>=,80,", "≥ 80,>=,90,")
    found = [str(f) for f in check_plans(load(sources)) if f.severity == "error"]
    assert len(found) == 1
    assert "11164-vinh-lai-2025 I, 1.1" in found[0]


def test_a_misread_deadline_is_an_error_of_the_transcription(sources):
    change(sources / "plans" / "11383-le-chan-2026" / "tasks.csv", "2026-06-30", "2026-06-03")
    found = [str(f) for f in check_plans(load(sources)) if f.severity == "error"]
    assert len(found) == 1
    assert "Tháng 6/2026" in found[0]
