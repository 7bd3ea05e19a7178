"""Indicators followed without a target: asked for from a day on, shown and compared, never judged."""

import csv
from datetime import date

import pytest
from test_time import decided

from pipelines.home import SOURCES
from pipelines.registry import registry as registries
from pipelines.registry.plan_folders import RegistryError

DAI_SON, LE_CHAN, TIEN_MINH, VINH_LAI = "11086", "11383", "11791", "11164"
OCTOBER = date(2026, 10, 14)


def follow(sources, *rows):
    """Write followed.csv: city, plan, indicator, day, agency."""
    with (sources / "reference" / "followed.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["city_code", "plan_id", "indicator_code", "followed_from", "agency_code", "source"])
        writer.writerows([*row, "Công văn"] for row in rows)


def test_every_commune_of_the_city_is_asked_what_no_plan_of_its_own_sets(registry):
    for commune in registry.commune_codes_with_plans:
        led = registry.led_in(commune, OCTOBER)
        assert {code: led[code] for code in ("DVC-01", "DVC-03", "XHS-02")} == {
            "DVC-01": "PVHCC", "DVC-03": "PVHCC", "XHS-02": "CA"}  # fmt: skip
    assert registry.led_in(TIEN_MINH, OCTOBER)["XHS-03"] == "VHXH", "its plan names the rate, without a figure"
    assert "XHS-03" not in registry.led_in(LE_CHAN, OCTOBER)
    assert "XHS-02" not in registry.led_in(DAI_SON, date(2025, 12, 14)), "followed from 2026 on"


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (("31", "11164-vinh-lai-2025", "XHS-02", "2026-01-01", ""), "either the city_code or the plan_id"),
        (("", "", "XHS-02", "2026-01-01", ""), "either the city_code or the plan_id"),
        (("99", "", "XHS-02", "2026-01-01", ""), "no city '99'"),
        (("", "91164-vinh-lai-2031", "XHS-02", "2026-01-01", ""), "no plan can be called '91164-vinh-lai-2031'"),
        (("31", "", "XHS-99", "2026-01-01", ""), "no indicator 'XHS-99'"),
        (("31", "", "XHS-02", "01/01/2026", ""), "'01/01/2026' is no day"),
        (("31", "", "XHS-02", "2026-01-01", "ABC"), "no agency 'ABC'"),
    ],
)
def test_a_row_that_does_not_fit_is_named(city, row, fault):
    follow(city.sources, row)
    with pytest.raises(RegistryError, match=r"followed\.csv row 2: ") as refused:
        registries.load(city.sources)
    assert fault in str(refused.value)


def test_what_a_later_list_follows_is_owed_from_then_on_and_changes_nothing_before(city):
    """The home has lived without it; the row says 01/01/2026, and comes after August has closed."""
    before = decided(city)
    with (city.sources / "reference" / "followed.csv").open("a", encoding="utf-8") as file:
        file.write("31,,XHS-01,2026-01-01,CA,Công văn\n")
    city.run()
    assert decided(city) == before
    [(followed_from, holds_from)] = city.ask(
        "SELECT DISTINCT followed_from, holds_from FROM core.known_duty WHERE commune_code = ? AND code = 'XHS-01'",
        DAI_SON,
    )
    assert (followed_from, holds_from > date(2026, 8, 14)) == (date(2026, 1, 1), True)
    city.send("2026-09-16", "CA", "2026-09", {"XHS-01": {"numerator": 40, "denominator": 100}}, commune=DAI_SON)
    city.send("2026-09-16", "CA", "2026-09", {"XHS-01": {"numerator": 80, "denominator": 300}}, commune=VINH_LAI)
    city.run(date(2026, 9, 22))
    asked = (
        "SELECT period_code, value, level_status, pace_status, level_label, in_force_on FROM marts.mart_kpi_progress "
    )
    assert city.ask(f"{asked} WHERE commune_code = ? AND indicator_code = 'XHS-01'", DAI_SON) == [
        ("2026-09", 40, "no_target", "no_target", "Không có chỉ tiêu giao", None)]  # fmt: skip
    assert city.ask(f"{asked} WHERE commune_code = ? AND indicator_code = 'XHS-01'", LE_CHAN) == [
        ("2026-09", None, "no_figure", "no_target", "Chưa có số liệu", None)]  # fmt: skip
    assert city.ask("SELECT numerator, denominator, value, communes_in_rate FROM marts.mart_city_progress "
                    "WHERE indicator_code = 'XHS-01' AND period_code = '2026-09'") == [(120, 400, 30, 2)]  # fmt: skip
    assert city.ask("SELECT commune_code, rank FROM marts.mart_commune_rank WHERE indicator_code = 'XHS-01' "
                    "AND period_code = '2026-09' ORDER BY rank") == [(DAI_SON, 1), (VINH_LAI, 2)]  # fmt: skip


def test_a_plan_that_sets_a_target_goes_before_the_list(city):
    follow(city.sources, ("", "11164-vinh-lai-2025", "XHS-02", "2026-01-01", "KT"))
    known = registries.load(city.sources)
    assert not known.followed
    assert known.led_in(VINH_LAI, OCTOBER)["XHS-02"] == "CA"


def test_each_row_says_who_follows_the_indicator():
    with (SOURCES / "reference" / "followed.csv").open(encoding="utf-8") as file:
        assert all(row["source"] for row in csv.DictReader(file))
