"""What was decided stays decided: the registry, the rules and the program change, and nothing decided before does."""

import os
import shutil
from datetime import date, datetime

import pytest
import yaml
from conftest import Warehouse
from lived_city import DVC, PLAN, City

from pipelines import flow, judging
from pipelines.checking import lines, validate
from pipelines.checking.earlier_figures import HISTORY_FACTS
from pipelines.checking.rules import needs_history
from pipelines.files import read_csv
from pipelines.home import SOURCES, Home
from pipelines.intake.ledger import VIETNAM, Ledger
from pipelines.looking_back import make_bundle_again, write_as_of
from pipelines.rechecking import chosen, judge_again, judged_otherwise, judged_otherwise_today
from pipelines.registry import registry as registries
from pipelines.warehouse.database import building, discard_build

MOMENTS = ("2026-06-30 12:00:00", "2026-07-18 12:00:00", "2026-08-17 08:00:00")


def decided(city: City) -> dict[str, object]:
    """All that was decided: facts, verdicts, findings, past due days and reports, what past days said."""
    ask = city.ask
    said = {moment: ask(f"FROM marts.progress_as_of(TIMESTAMP '{moment}') AS p "
                        "SELECT * EXCLUDE (commune_name, indicator_name)") for moment in MOMENTS}  # fmt: skip
    return said | {
        "facts": ask("FROM core.fct_actual ORDER BY ALL"),
        "task reports": ask("FROM core.fct_task_report ORDER BY ALL"),
        "verdicts": ask("SELECT * FROM core.fct_submission ORDER BY ALL"),
        "findings": ask("FROM core.fct_rejection ORDER BY ALL"),
        "lines": ask("FROM core.fct_line ORDER BY ALL"),
        "due": ask("FROM core.dim_due WHERE least(due_on, ends_on) < DATE '2026-08-17' ORDER BY ALL"),
        "reports": ask("SELECT * EXCLUDE (commune_name, agency_name) FROM marts.mart_reporting_status "
                       "WHERE due_on < DATE '2026-08-17' ORDER BY ALL"),
        "feedback": {path: path.stat().st_mtime_ns for path in city.home.feedback.rglob("*.xlsx")},
    }  # fmt: skip


def lead_moved(city):
    city.plan(reports={"XHS-01": "CA", "DVC-05": "PVHCC", "DVC-02": "KT"})


def agency_recoded(city):
    for name in ("reference/agencies.csv", "reference/agency_aliases.csv"):
        path = city.sources / name
        path.write_text(
            path.read_text(encoding="utf-8").replace("CA,", "CAX,").replace(",CA", ",CAX"), encoding="utf-8"
        )
    indicators = city.sources / "reference" / "indicators.csv"
    indicators.write_text(indicators.read_text(encoding="utf-8").replace(",CA,", ",CAX,"), encoding="utf-8")
    for plan in (city.sources / "plans").iterdir():
        path = plan / "plan.yml"
        path.write_text(path.read_text(encoding="utf-8").replace(": CA\n", ": CAX\n"), encoding="utf-8")


def other_due_day(city):
    city.plan(due_days=1, annual_report_due="12-05")


def plan_superseded(city):
    """Of the new plan's targets and tasks the old one's but for a dropped indicator and all tasks but one."""
    new = city.sources / "plans" / "11164-vinh-lai-2026"
    shutil.copytree(city.sources / "plans" / PLAN, new)
    path = new / "plan.yml"
    plan = yaml.safe_load(path.read_text(encoding="utf-8"))
    plan |= {"plan_id": new.name, "supersedes_plan": PLAN, "issued_on": date(2026, 7, 1), "annual_report_due": "12-05"}
    plan["reports"] = {"XHS-01": "VHXH", "DVC-05": "PVHCC"}
    path.write_text(yaml.safe_dump(plan, allow_unicode=True), encoding="utf-8")
    lines = (new / "targets.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    dropped = [line for line in lines if ",DVC-02," not in line]
    assert len(dropped) < len(lines)
    (new / "targets.csv").write_text("".join(dropped), encoding="utf-8")
    tasks = (new / "tasks.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (new / "tasks.csv").write_text("".join(tasks[:2]), encoding="utf-8")


def plan_missing(city):
    shutil.move(city.sources / "plans" / PLAN, city.sources / "kept")


def commune_gone(city):
    path = city.sources / "reference" / "communes.csv"
    rows = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(row for row in rows if not row.startswith("11164,")), encoding="utf-8")
    plan_missing(city)


def rule_stricter(city):
    """Every warning refuses, but those that look at earlier figures, which may not."""
    path = city.sources / "forms" / "rules.yml"
    rules = yaml.safe_load(path.read_text(encoding="utf-8"))
    for rule in rules:
        if rule["severity"] == "warn" and not needs_history(rule, HISTORY_FACTS):
            rule["severity"] = "fail"
    path.write_text(yaml.safe_dump(rules, allow_unicode=True), encoding="utf-8")


def range_narrowed(city):
    rules = city.sources / "forms" / "rules.yml"
    text = rules.read_text(encoding="utf-8")
    assert "max_value: 30" in text
    rules.write_text(text.replace("max_value: 30", "max_value: 1"), encoding="utf-8")


CHANGES = [lead_moved, agency_recoded, other_due_day, plan_superseded, plan_missing, commune_gone, rule_stricter,
           range_narrowed]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_what_was_decided_stays_decided(city, change):
    before = decided(city)
    change(city)
    city.run()
    assert len(Ledger(city.home).of("edition")) == 2
    now = decided(city)
    assert {name: value for name, value in now.items() if value != before[name]} == {}


def test_another_program_judges_nothing_again(city, monkeypatch):
    before = decided(city)

    def refuse(*_, **__):
        raise AssertionError("a verdict was given again")

    monkeypatch.setattr(validate, "validate", refuse)
    monkeypatch.setattr(lines, "indicator_facts", refuse)
    monkeypatch.setattr(judging, "version", lambda _: "9.9.9")
    discard_build(city.home)
    city.run()
    assert decided(city) == before


def test_a_rebuild_opens_no_original(city):
    before = decided(city)
    ledger = Ledger(city.home)
    for entry in ledger.of("received"):
        (city.home.archive / entry["sha256"][:2] / entry["sha256"]).unlink()
    discard_build(city.home)
    shutil.rmtree(city.home.editions)
    city.run()
    assert decided(city) == before


def test_a_lead_that_moved_reports_from_then_on_and_not_before(city):
    lead_moved(city)
    city.run()
    city.send("2026-09-16", "KT", "2026-09", DVC)
    city.send("2026-09-17", "PVHCC", "2026-09", {})
    city.run(date(2026, 9, 25))
    rows = city.ask("SELECT agency_code, period_code FROM core.fct_actual WHERE indicator_code = 'DVC-02' ORDER BY 2")
    assert rows == [("PVHCC", "2026-06"), ("KT", "2026-09")]
    asked = city.ask("SELECT agency_code, period_code FROM marts.mart_reporting_status JOIN core.known_duty AS d "
                     "USING (commune_code, agency_code) WHERE d.code = 'DVC-02' AND commune_code = '11164' "
                     "AND figures_asked > 0 AND period_code BETWEEN '2026-07' AND '2026-09' ORDER BY 2, 1")  # fmt: skip
    assert ("KT", "2026-09") in asked


def test_the_old_lead_may_still_report_on_a_period_it_led(city):
    lead_moved(city)
    city.run()
    city.send("2026-08-26", "KT", "2026-08", {})
    city.edit(f"plans/{PLAN}/plan.yml", "DVC-02: KT", "DVC-02: PVHCC")  # only so that the form has the line
    office_file = city.send("2026-08-27", "PVHCC", "2026-08", DVC)
    city.edit(f"plans/{PLAN}/plan.yml", "DVC-02: PVHCC", "DVC-02: KT")
    assert office_file.exists()
    city.run(date(2026, 8, 28))
    assert city.ask("SELECT value FROM core.fct_actual WHERE indicator_code = 'DVC-02' AND period_code = '2026-08'")


def test_a_superseded_plan_s_tasks_are_closed_and_a_dropped_indicator_is_not_asked(city):
    plan_superseded(city)
    city.run()
    tasks = dict(city.ask("SELECT plan_id, count(*) FILTER (is_closed) FROM marts.mart_task_progress "
                          "WHERE commune_code = '11164' GROUP BY ALL"))  # fmt: skip
    assert tasks == {PLAN: 71, "11164-vinh-lai-2026": 0}
    assert city.ask("SELECT count(*) FROM marts.mart_task_progress WHERE plan_id = ? AND task_status = 'overdue'",
                    PLAN) == [(0,)]  # fmt: skip
    known = registries.load(city.sources)
    assert "DVC-02" not in known.led_in("11164", date(2026, 9, 14))
    assert known.led_in("11164", date(2026, 6, 14))["DVC-02"] == "PVHCC"
    assert len(known.tasks_of("11164", "CA", date(2026, 9, 14))) <= 1


def test_le_chan_s_plan_of_2027_gives_no_debt_before_2027(city):
    """A yearly plan follows another: issued in February 2027, for 2027."""
    before = city.ask("FROM marts.mart_reporting_status WHERE commune_code = '11383' ORDER BY ALL")
    old = city.sources / "plans" / "11383-le-chan-2026"
    path = old / "plan.yml"
    plan = yaml.safe_load(path.read_text(encoding="utf-8"))
    path.write_text(yaml.safe_dump(plan | {"for_year": 2026}, allow_unicode=True), encoding="utf-8")
    new = city.sources / "plans" / "11383-le-chan-2027"
    shutil.copytree(old, new)
    plan |= {"plan_id": new.name, "for_year": 2027, "supersedes_plan": old.name, "issued_on": date(2027, 2, 25),
             "in_force_from": date(2027, 1, 1)}  # fmt: skip
    (new / "plan.yml").write_text(yaml.safe_dump(plan, allow_unicode=True), encoding="utf-8")
    lines = (new / "tasks.csv").read_text(encoding="utf-8").replace("2026", "2027")
    (new / "tasks.csv").write_text(lines, encoding="utf-8")
    city.run()
    assert city.ask("FROM marts.mart_reporting_status WHERE commune_code = '11383' ORDER BY ALL") == before
    city.run(date(2027, 3, 1))
    tasks = city.ask("SELECT plan_id, task_status, count(*) FROM marts.mart_task_progress WHERE commune_code = '11383' "
                     "GROUP BY ALL ORDER BY ALL")  # fmt: skip
    assert [row for row in tasks if row[0] == old.name] == [(old.name, "closed", 8)]
    known = registries.load(city.sources)
    forms = {task["plan_id"] for agency in known.agencies_of("11383", date(2027, 3, 14))
             for task in known.tasks_of("11383", agency, date(2027, 3, 14))}  # fmt: skip
    assert forms == {new.name}
    since = city.ask("SELECT DISTINCT period_code FROM marts.mart_reporting_status WHERE commune_code = '11383' "
                     "AND due_on >= DATE '2027-01-01' ORDER BY 1")  # fmt: skip
    assert since == [("2027-01",), ("2027-02",)]


def test_a_number_used_again_the_next_year_wipes_no_duty(city):
    """Numbers begin anew each year: the new plan names the number of another year's plan."""
    city.plan(document_number="37/KH-UBND", issued_on=date(2025, 10, 1))
    new = city.sources / "plans" / "11164-vinh-lai-2026"
    shutil.copytree(city.sources / "plans" / PLAN, new)
    plan = yaml.safe_load((new / "plan.yml").read_text(encoding="utf-8"))
    plan |= {"plan_id": new.name, "issued_on": date(2026, 10, 1),
             "supersedes": {"document_number": "37/KH-UBND", "issued_on": date(2024, 1, 1)}}  # fmt: skip
    (new / "plan.yml").write_text(yaml.safe_dump(plan, allow_unicode=True), encoding="utf-8")
    known = registries.load(city.sources)
    assert known.plans[PLAN]["in_force_to"] is None
    assert known.led_in("11164", date(2026, 6, 14)) == registries.load(SOURCES).led_in("11164", date(2026, 6, 14))


# ---------------------------------------------------------------- judging again


def test_judging_again_is_an_act_and_the_old_verdict_stays_for_the_past(city):
    """A rule that refused a result alone is made milder: an audit names the line, an act lets it in from then on."""
    city.rule("C15", "warn")
    city.run()
    before = decided(city)
    with building(city.home) as con:
        found, _ = judged_otherwise(city.home, con)
        con.execute("DELETE FROM raw.reading")
    assert {one.code for one in found if one.code} == {"DVC-02"}
    city.run()
    assert decided(city) == before  # an audit changes nothing
    with building(city.home) as con:
        [submission] = chosen(con, agency="PVHCC", period="2026-07")
        judge_again(city.home, con, Ledger(city.home), [submission], "quy tắc đã sửa", "Sở KH&CN")
    [act] = Ledger(city.home).of("recheck")
    assert (act["reason"], act["changed"]) == ("quy tắc đã sửa", [submission])
    flow.record_verdicts(city.home)
    discard_build(city.home)  # the new verdict is in the archive
    city.run()
    assert city.ask("SELECT version, status FROM core.fct_submission WHERE submission_id = ?", submission) == [
        (2, "accepted")]  # fmt: skip
    at = datetime.fromisoformat(act["at"]).replace(tzinfo=None)
    assert city.ask("SELECT recorded_at FROM core.fct_actual WHERE submission_id = ?", submission) == [(at,)]
    now = decided(city)
    assert {moment: now[moment] for moment in MOMENTS} == {moment: before[moment] for moment in MOMENTS}


def test_what_a_change_would_have_decided_is_told_before_a_run_meets_it(city):
    """Of sources/ that are no edition yet; nothing of it is kept."""
    assert judged_otherwise_today(city.home, city.sources) == (0, 5)
    before = decided(city)
    city.rule("C15", "warn")
    assert judged_otherwise_today(city.home, city.sources) == (1, 5)
    assert len(Ledger(city.home).of("edition")) == 1
    flow.load_registry(city.home)
    assert judged_otherwise_today(city.home, city.sources) == (1, 5)
    city.run()
    assert decided(city) == before


def test_the_same_bytes_are_judged_anew_once_the_registry_was_fixed(city):
    """Refused for a fault of the registry; the officer sends the same file again once it is fixed."""
    [[sha256]] = city.ask(
        "SELECT sha256 FROM core.fct_submission WHERE agency_code = 'PVHCC' AND period_code = '2026-07'"
    )
    original = city.home.archive / sha256[:2] / sha256
    again = city.home.inbox / "11164-vinh-lai" / "PVHCC" / "gửi lại.xlsx"
    again.parent.mkdir(parents=True, exist_ok=True)

    def resend(day):
        shutil.copyfile(original, again)
        at = datetime(2026, 8, day, 9, tzinfo=VIETNAM).timestamp()
        os.utime(again, (at, at))
        city.run()
        return city.ask("SELECT status FROM core.fct_submission ORDER BY ledger_sequence DESC LIMIT 1")[0][0]

    assert resend(20) == "duplicate"
    city.rule("C15", "warn")
    assert resend(21) == "accepted"
    assert resend(22) == "duplicate"


# ---------------------------------------------------------------- looking back


def test_a_past_moment_made_again_says_what_progress_as_of_says(city, tmp_path):
    lead_moved(city)
    city.run()
    plan_superseded(city)
    city.send("2026-08-20", "CA", "2026-08", {"XHS-02": {"numerator": 61, "denominator": 100}})
    city.run()
    for n, moment in enumerate(("2025-06-01 12:00:00", *MOMENTS, "2026-08-24 12:00:00")):
        out = tmp_path / f"{n}.duckdb"
        write_as_of(city.home, datetime.fromisoformat(moment).replace(tzinfo=VIETNAM), out)
        then = Warehouse(out)("FROM marts.mart_kpi_progress ORDER BY ALL")
        assert then == city.ask(f"FROM marts.progress_as_of(TIMESTAMP '{moment}') ORDER BY ALL"), moment
    assert then, "there is something to say of the last moment"


def test_the_report_of_a_past_day_is_what_that_day_said(city, tmp_path):
    """Reporting status, tasks and city of 18/07: as a home says that stopped there."""
    late = city.ask.one("SELECT count(*) FROM marts.mart_reporting_status WHERE reporting_status = 'late'")
    write_as_of(city.home, datetime(2026, 7, 18, 12, tzinfo=VIETNAM), tmp_path / "then.duckdb")
    then = Warehouse(tmp_path / "then.duckdb")
    assert then.one("SELECT as_of_on FROM core.dim_build") == date(2026, 7, 18)
    assert then.one("SELECT count(*) FROM core.fct_submission") == 3
    assert then("SELECT reporting_status FROM marts.mart_reporting_status WHERE commune_code = '11164' "
                "AND agency_code = 'CA' AND period_code = '2026-07'") == [("pending",)]  # fmt: skip
    assert late == 1


def test_a_bundle_of_the_past_is_made_again_byte_for_byte(city, tmp_path):
    """From archive and ledger alone, after ten changes of the registry and figures that came late."""
    made = flow.make_bundles(city.home, "2026-07", ["11164", "city"])
    for change in (lead_moved, rule_stricter, other_due_day, range_narrowed):
        change(city)
        flow.load_registry(city.home)
    for day in (21, 22, 23, 24, 25):
        city.plan(annual_report_due=f"11-{day}")
        flow.load_registry(city.home)
    plan_superseded(city)
    city.send("2026-08-18", "CA", "2026-07", {"XHS-02": {"numerator": 54, "denominator": 100}})
    city.run()
    assert len(Ledger(city.home).of("edition")) == 11
    files = {bundle.name: {path.name: path.read_bytes() for path in bundle.iterdir()} for bundle in made}
    alone = Home(tmp_path / "alone")
    shutil.copytree(city.home.archive, alone.archive)
    for name, content in files.items():
        again, is_same = make_bundle_again(alone, name, tmp_path / "again")
        assert {path.name: path.read_bytes() for path in again.iterdir()} == content
        assert is_same
    with pytest.raises(FileExistsError):
        make_bundle_again(alone, name, tmp_path / "again")
    with pytest.raises(LookupError, match="names no bundle 20260101-0"):
        make_bundle_again(alone, "20260101-0", tmp_path / "again")


def test_a_registry_that_does_not_hold_together_is_no_edition(city):
    city.plan(focal_agency_as_written="Phòng không có thật")
    with pytest.raises(ValueError, match="Phòng không có thật"):
        city.run()
    assert len(Ledger(city.home).of("edition")) == 1
    city.plan(focal_agency_as_written="Phòng Văn hóa - Xã hội")
    city.run()


def test_a_rule_that_cannot_be_run_is_told_before_a_file_is_judged_by_it(city):
    city.rule("C31", "fail")
    city.send("2026-08-18", "CA", "2026-07", {"XHS-02": {"numerator": 54, "denominator": 100}})
    with pytest.raises(ValueError, match=r"rules\.yml: rule C31 looks at earlier figures"):
        city.run()
    city.rule("C31", "warn")
    city.run()
    assert city.ask("SELECT status FROM core.fct_submission ORDER BY ledger_sequence DESC LIMIT 1") == [("accepted",)]


def test_two_editions_met_one_after_the_other_are_known_one_after_the_other(city):
    """In an illustrative home too, whose time is that of its files."""
    for due_days in (2, 3):
        city.plan(due_days=due_days)
        city.run()
    times = [entry["known_from"] for entry in Ledger(city.home).of("edition")]
    assert times == sorted(set(times))


def test_an_edition_is_kept_whole(city):
    """Every file that sources/ has of plans, reference, forms and wording can be laid out again."""
    from pipelines.intake.editions import editions, sources_of

    [edition] = editions(Ledger(city.home))
    laid_out = sources_of(city.home, edition.digest)
    names = {path.relative_to(laid_out).as_posix() for path in laid_out.rglob("*") if path.is_file()}
    assert {"plans/11164-vinh-lai-2025/targets.csv", "reference/periods.yml", "forms/rules.yml"} <= names
    assert read_csv(laid_out / "reference" / "agencies.csv") == read_csv(city.sources / "reference" / "agencies.csv")


# ---------------------------------------------------------------- the yearly report in November


def test_the_yearly_report_in_november_is_an_estimate_until_the_final_figures_come(city):
    """Đại Sơn asks for 80 % of online services by 31/12/2026 and for the yearly report before 30/11."""
    asked = ("SELECT level_label, value, in_force_on, next_on, is_estimate FROM marts.mart_kpi_progress "
             "WHERE commune_code = '11086' AND indicator_code = 'DVC-01' AND is_latest")  # fmt: skip
    city.send("2026-11-28", "PVHCC", "2026", {"DVC-01": {"numerator": 78, "denominator": 100}}, commune="11086")
    city.run(date(2026, 11, 28))
    year_end = date(2026, 12, 31)
    assert city.ask(asked) == [("Ước không đạt mốc", 78, year_end, year_end, True)]
    city.send("2026-11-29", "PVHCC", "2026", {"DVC-01": {"numerator": 81, "denominator": 100}}, commune="11086")
    city.run(date(2026, 11, 29))
    assert city.ask(asked) == [("Ước đạt mốc", 81, year_end, year_end, True)]
    final = {"numerator": 79, "denominator": 100, "estimate": "Số chính thức"}
    city.send("2027-01-05", "PVHCC", "2026", {"DVC-01": final}, commune="11086")
    city.run(date(2027, 1, 5))
    assert city.ask(asked) == [("Chưa đạt mốc", 79, year_end, None, False)]


def test_no_milestone_later_than_the_moment_is_passed(city):
    """December closes on the 14th and is measured on the 31st: on the 20th the milestone of the 31st is still ahead."""
    city.send("2026-12-16", "PVHCC", "2026-12", {"DVC-01": {"numerator": 70, "denominator": 100}}, commune="11086")
    city.run(date(2026, 12, 20))
    asked = ("SELECT level_status, next_on FROM marts.mart_kpi_progress "
             "WHERE commune_code = '11086' AND indicator_code = 'DVC-01' AND is_latest")  # fmt: skip
    assert city.ask(asked) == [("not_due", date(2026, 12, 31))]
    city.run(date(2026, 12, 31))
    assert city.ask(asked) == [("not_met", None)]
