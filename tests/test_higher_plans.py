"""Plans of a city or of the Government: their milestones beside the city's pooled rates and those of its communes."""

import csv
import re
from datetime import date, datetime

import duckdb
import pytest
import yaml
from openpyxl import Workbook
from test_time import decided

from pipelines.bundles.extract import CITY, read_extract
from pipelines.bundles.workbook.tables import add_tables
from pipelines.intake.ledger import VIETNAM
from pipelines.looking_back import write_as_of
from pipelines.office.wording import say
from pipelines.registry import registry as registries
from pipelines.registry.plan_folders import RegistryError
from pipelines.scorecard.board import read_board
from pipelines.scorecard.pages import Pages
from pipelines.scorecard.taken_away import tables
from pipelines.warehouse.database import reading

VINH_LAI, DAI_SON = "11164", "11086"
COLUMNS = ("appendix", "row_number", "scope", "indicator_code", "name", "milestone_on", "as_written", "operator",
           "value", "value_high", "unit_of_measure", "is_aspirational")  # fmt: skip
PLAN = {"plan_id": "31-mau-2026", "scope": "city", "city_code": "31", "document_number": "00/KH-UBND",
        "issued_on": date(2026, 2, 12), "issuer": "Ủy ban nhân dân thành phố", "title": "Kế hoạch mẫu"}  # fmt: skip


def target(number, code, on, written, operator, value, **other):
    row = {"appendix": "I", "row_number": str(number), "scope": "", "indicator_code": code, "name": "Chỉ tiêu mẫu",
           "milestone_on": on, "as_written": written, "operator": operator, "value": value, "value_high": "",
           "unit_of_measure": "%", "is_aspirational": "false"}  # fmt: skip
    return row | other


TARGETS = [
    target(1, "XHS-02", "2025-12-31", "≥ 70", ">=", "70"),
    target(2, "XHS-02", "2030-12-31", "95", "=", "95"),
    target(3, "DVC-02", "2030-12-31", "≥ 80", ">=", "80"),
]


def enter(sources, plan=PLAN, targets=TARGETS):
    """Write a plan above the communes into its folder."""
    folder = sources / "higher_plans" / plan["plan_id"]
    folder.mkdir(parents=True)
    (folder / "plan.yml").write_text(yaml.safe_dump(plan, allow_unicode=True), encoding="utf-8")
    with (folder / "targets.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*COLUMNS, *(targets[0].keys() - set(COLUMNS))])
        writer.writeheader()
        writer.writerows(targets)


def test_the_city_s_rate_is_judged_by_the_city_s_plan_and_nothing_of_the_communes_changes(city):
    before = decided(city)
    enter(city.sources)
    enter(
        city.sources,
        {**PLAN, "plan_id": "nuoc-2025", "scope": "country", "city_code": None, "issuer": "Chính phủ"},
        [target(1, "XHS-02", "2030-12-31", "99", "=", "99"), target(2, "XHS-01", "2030-12-31", "≥ 50", ">=", "50")],
    )
    city.run()
    assert decided(city) == before
    judged = ("SELECT value, milestone_scope, in_force_value, level_status, level_label, next_value, pace_status "
              "FROM marts.mart_city_progress WHERE is_latest AND indicator_code = ?")  # fmt: skip
    # 60 of 100 in August; 50, 55 and 60 before: the first is the baseline, and 45 in 1645 days are due to reach 95
    assert city.ask(judged, "XHS-02") == [(60, "city", 70, "not_met", "Chưa đạt mốc", 95, "on_track")]
    assert city.ask(judged, "XHS-01") == [(10, "country", None, "not_due", "Chưa đến mốc", 50, "at_risk")]
    assert city.ask("SELECT indicator_code, milestone_on, value, plan_scope, higher_value, difference "
                    "FROM marts.mart_milestone_difference WHERE commune_code = ? AND indicator_code = 'XHS-02'",
                    VINH_LAI) == [("XHS-02", date(2030, 12, 31), 85, "city", 95, "less")]  # fmt: skip
    assert city.ask("SELECT count(*) FROM marts.mart_city_progress WHERE milestone_scope IS NULL "
                    "AND (level_status IS NOT NULL OR pace_status IS NOT NULL)") == [(0,)]  # fmt: skip

    assert shown_in_the_city_s_extract(city, "XHS-02") == {
        "Mốc đã đến hạn": "≥ 70\n(31/12/2025)", "Đánh giá theo mốc đã đến hạn": "Chưa đạt mốc",
        "Mốc tiếp theo": "95\n(31/12/2030)", "Tiến độ đến mốc tiếp theo": "Đúng tiến độ"}  # fmt: skip


def test_the_site_shows_the_city_s_milestones_and_those_of_communes_that_differ(city):
    city.run()
    with reading(city.home) as con:
        without = read_board(con)
    assert (without.above, without.differences) == ([], {})
    assert "Mốc khác với kế hoạch cấp trên" not in dict(Pages(without).all())["commune/11164.html"]

    enter(city.sources)
    city.run()
    with reading(city.home) as con:
        pages = Pages(read_board(con))
    shown = dict(pages.all())
    for page in ("index.html", "indicator/xhs-02.html"):
        [part] = re.findall(r'<table id="?t-above"?.*?</table>', shown[page], re.S)
        text = " ".join(re.sub(r"<[^>]+>", " ", part).split())
        said = "60 Tháng 08/2026 · 1/114 Kế hoạch của thành phố Chưa đạt mốc ≥ 70 · 31/12/2025 Đúng tiến độ 95"
        assert said in text, text
    assert "t-above" not in shown["indicator/xhs-03.html"]
    [part] = re.findall(r'<table id="?t-differences"?.*?</table>', shown["commune/11164.html"], re.S)
    text = " ".join(re.sub(r"<[^>]+>", " ", part).split())
    assert "31/12/2030 85% 95 Kế hoạch của thành phố Thấp hơn cấp trên" in text, text
    assert "t-differences" not in shown["commune/11086.html"]
    taken = {table.name: list(table.values()) for table in tables(pages)}
    assert [row[0] for row in taken["above"] if row[0] == "XHS-02"] == ["XHS-02"]
    assert [row[8] for row in taken["differences"] if row[1] == "XHS-02"] == ["Thấp hơn cấp trên"]


def test_a_past_moment_answers_by_the_higher_plans_known_then(city, tmp_path):
    enter(city.sources)
    city.run()
    city.run(date(2026, 9, 22))
    city.edit("higher_plans/31-mau-2026/targets.csv", "95,=,95", "99,=,99")
    city.run(date(2026, 9, 23))
    found = []
    for name, moment in (("august", datetime(2026, 8, 16, 12, tzinfo=VIETNAM)),
                         ("now", datetime(2026, 9, 23, 23, tzinfo=VIETNAM))):  # fmt: skip
        write_as_of(city.home, moment, tmp_path / f"{name}.duckdb")
        with duckdb.connect(tmp_path / f"{name}.duckdb", read_only=True) as con:
            found.append(con.execute("SELECT value FROM core.dim_city_milestone WHERE indicator_code = 'XHS-02' "
                                     "AND milestone_on = DATE '2030-12-31'").fetchall())  # fmt: skip
    assert found == [[], [(99,)]]


def shown_in_the_city_s_extract(city, code):
    """What the city's sheet says of an indicator against milestones."""
    with reading(city.home) as con:
        extract = read_extract(con, "2026-08", CITY)
    book = Workbook()
    add_tables(book, extract)
    lines = [list(row) for row in book[say("labels.tables.city.title")].iter_rows(values_only=True)]
    [titles] = [line for line in lines if line[0] == say("labels.columns.indicator_code")]
    [found] = [dict(zip(titles, line, strict=True)) for line in lines if line[0] == code]
    return {title: found[title] for title in titles[-4:]}


def test_a_later_plan_of_the_city_takes_the_place_of_the_one_it_names(city):
    enter(city.sources)
    enter(
        city.sources,
        {**PLAN, "plan_id": "31-moi-2026", "issued_on": date(2026, 8, 1), "supersedes_plan": "31-mau-2026"},
        [target(1, "XHS-02", "2030-12-31", "≥ 98", ">=", "98")],
    )
    known = registries.load(city.sources)
    assert [(one["plan_id"], one["in_force_to"]) for one in known.higher_plans] == [
        ("31-mau-2026", date(2026, 8, 1)), ("31-moi-2026", None)]  # fmt: skip
    city.run()
    assert city.ask("SELECT indicator_code, milestone_on, value FROM core.dim_city_milestone") == [
        ("XHS-02", date(2030, 12, 31), 98)]  # fmt: skip


@pytest.mark.parametrize(
    ("plan", "row", "fault"),
    [
        ({"scope": "province"}, {}, "scope 'province': write one of city, country"),
        ({"city_code": 31}, {}, "no city '31' in communes.csv: write city_code in quotes"),
        ({"scope": "country"}, {}, "a plan of the country has no city_code"),
        ({"plan_id": None}, {}, "write plan_id"),
        ({"issued_on": None}, {}, "write issued_on or in_force_from"),
        ({"issued_on": "12/02/2026"}, {}, "issued_on '12/02/2026' is no day"),
        ({"commune_code": "11164"}, {}, "no key of a higher plan: commune_code"),
        ({"supersedes_plan": "31-cu-2025"}, {}, "'31-cu-2025' is no plan there that came into force before it"),
        ({}, {"indicator_code": "XHS-99"}, "targets.csv row 1: no indicator 'XHS-99'"),
        ({}, {"milestone_on": "2030"}, "targets.csv row 1: milestone_on '2030' is no day"),
        ({}, {"as_written": "-"}, "targets.csv row 1: '-' sets nothing"),
        ({}, {"as_written": "≥ 98"}, "targets.csv row 1: '≥ 98' reads as >= 98; for another reading"),
    ],
)
def test_what_does_not_fit_is_named(city, plan, row, fault):
    enter(city.sources, {**PLAN, **plan, "plan_id": PLAN["plan_id"]}, [TARGETS[0] | row])
    if plan.get("plan_id", "") is None:
        path = city.sources / "higher_plans" / PLAN["plan_id"] / "plan.yml"
        path.write_text(path.read_text(encoding="utf-8").replace("plan_id: 31-mau-2026\n", ""), encoding="utf-8")
    with pytest.raises(RegistryError) as refused:
        registries.load(city.sources)
    assert fault in str(refused.value)


def test_another_reading_is_taken_with_its_reason(city):
    enter(city.sources, targets=[TARGETS[0] | {"as_written": "khoảng 70", "reading_reason": "Văn bản hướng dẫn"}])
    [row] = registries.load(city.sources).higher_targets
    assert (row["operator"], row["value"], row["reading_reason"]) == (">=", "70", "Văn bản hướng dẫn")
