"""No file stops the day: one that cannot be published is set aside with its reason, and all else is published."""

import io
import random
import shutil
import zipfile
from dataclasses import replace

import duckdb
import openpyxl
import pytest
from conftest import VINH_LAI, Office, run_day
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_cli import kpi57, quick  # noqa: F401 - fixtures

from pipelines import flow, judging
from pipelines.checking.quarantine import CheckFailedError
from pipelines.home import Home
from pipelines.intake.ledger import Ledger
from pipelines.warehouse.database import building

GOOD = {"XHS-02": {"numerator": 20, "denominator": 40}}
OTHER = {"DVC-01": {"numerator": 30, "denominator": 40}}


def statuses(ask):
    return dict(ask("SELECT original_name, status FROM core.fct_submission"))


def spoil(monkeypatch, name, change):
    """As if reader or rules made something of one file that no model can take."""
    validate = judging.validate_readings

    def spoilt(registry, rows, readings, *rest):
        checked = validate(registry, rows, readings, *rest)
        for row in rows:
            if row["original_name"] == name:
                change(checked, row["submission_id"])
        return checked

    monkeypatch.setattr(judging, "validate_readings", spoilt)


def a_line_twice(checked, submission_id):
    line = next(line for line in checked.lines if line["submission_id"] == submission_id)
    checked.lines.append({**line})


def a_figure_without_its_line(checked, submission_id):
    """No key is broken: only the count of what was accepted says so."""
    figure = next(one for one in checked.actuals if one["submission_id"] == submission_id)
    checked.actuals.append({**figure, "source_row": 9999, "indicator_code": "XHS-01"})


def a_figure_of_nothing_known(checked, submission_id):
    next(one for one in checked.actuals if one["submission_id"] == submission_id)["indicator_code"] = "XX-99"


def a_text_for_a_number(checked, submission_id):
    next(one for one in checked.actuals if one["submission_id"] == submission_id)["numerator"] = "nhiều"


def our_own_mistake(checked, submission_id):
    raise KeyError("as a rule may raise that met what nobody thought of")


@pytest.mark.parametrize(
    "change",
    [a_line_twice, a_figure_without_its_line, a_figure_of_nothing_known, a_text_for_a_number, our_own_mistake],
)
def test_a_file_that_breaks_a_check_is_set_aside_and_the_rest_is_published(office, home, ask, monkeypatch, change):
    office.send("CA", "2026-10", GOOD, name="bad.xlsx")
    office.send("PVHCC", "2026-10", OTHER, name="good.xlsx")
    spoil(monkeypatch, "bad.xlsx", change)
    flow.run_steps(home)
    assert statuses(ask) == {"bad.xlsx": "set_aside", "good.xlsx": "accepted"}
    assert ask("SELECT indicator_code FROM core.fct_actual") == [("DVC-01",)]
    assert ask("SELECT DISTINCT rows_unaccounted FROM marts.mart_reconciliation") == [(0,)]
    [entry] = Ledger(home).of("set_aside")
    assert (entry["by"], bool(entry["check"]), bool(entry["reason"])) == ("kpi57", True, True)
    [(reason,)] = ask("SELECT set_aside_reason FROM core.fct_submission WHERE status = 'set_aside'")
    assert reason == entry["reason"]
    flow.run_steps(home)
    assert len(Ledger(home).of("set_aside")) == 1


def test_the_real_job_goes_on_and_the_sender_is_answered(office, home, ask, monkeypatch, caplog):
    office.send("CA", "2026-10", GOOD, name="bad.xlsx")
    office.send("PVHCC", "2026-10", OTHER, name="good.xlsx")
    spoil(monkeypatch, "bad.xlsx", a_line_twice)
    assert run_day(home).success
    assert statuses(ask) == {"bad.xlsx": "set_aside", "good.xlsx": "accepted"}
    assert "11164-vinh-lai/CA/bad.xlsx" in caplog.text
    [answer] = (home.feedback / VINH_LAI / "CA").glob("*.xlsx")
    said = str([cell.value for row in openpyxl.load_workbook(answer).worksheets[0] for cell in row if cell.value])
    assert "Để riêng, không tính" in said
    assert "Hệ thống chưa xử lý được tệp này" in said


def test_what_was_published_once_is_never_set_aside_by_a_check(office, home):
    """Then it is the registry or the models that changed, and a decision is not taken back in silence."""
    office.send("CA", "2026-10", GOOD)
    flow.run_steps(home)
    with building(home) as con:
        con.execute("INSERT INTO checked.line SELECT * FROM checked.line LIMIT 1")
    with pytest.raises(CheckFailedError, match=r"core\.fct_line|staged\.stg_line_count"):
        flow.run_steps(home)
    assert Ledger(home).of("set_aside") == []


def test_a_person_sets_a_file_aside_and_takes_it_back(kpi57, office, home, ask):  # noqa: F811
    office.send("CA", "2026-10", GOOD, name="first.xlsx")
    flow.run_steps(home)
    office.send("CA", "2026-10", {"XHS-02": {"numerator": 30, "denominator": 40}}, name="second.xlsx")
    flow.run_steps(home)
    second = ask.one("SELECT submission_id FROM core.fct_submission WHERE original_name = 'second.xlsx'")
    words = ["--reason", "gửi nhầm tệp", "--by", "Phòng VH-XH"]
    assert kpi57("set-aside", "none-1", *words).exit_code == 1
    assert kpi57("take-back", second, *words).exit_code == 1
    assert kpi57("set-aside", second, *words).exit_code == 0
    assert "already" in kpi57("set-aside", second, *words).stderr
    flow.run_steps(home)
    assert ask("SELECT numerator, is_current FROM core.fct_actual") == [(20, True)]
    assert ask("SELECT status, set_aside_reason, set_aside_by FROM core.fct_submission WHERE submission_id = ?",
               second) == [("set_aside", "gửi nhầm tệp", "Phòng VH-XH")]  # fmt: skip
    assert "gửi nhầm tệp" in ask.one("SELECT message FROM core.fct_rejection WHERE submission_id = ?", second)
    assert "gửi nhầm tệp" in kpi57("status").stdout
    assert kpi57("take-back", second, *words).exit_code == 0
    flow.run_steps(home)
    assert ask("SELECT numerator FROM core.fct_actual WHERE is_current") == [(30,)]
    assert statuses(ask)["second.xlsx"] == "accepted"


# ---------------------------------------------------------------- one more file changes nothing for the others


@pytest.fixture(scope="module")
def day(tmp_path_factory, registry):
    """A home with a day behind it and an inbox, what its files give alone, and a file of another agency."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipelines.intake.receive.QUIET_SECONDS", 0)
        start = Home(tmp_path_factory.mktemp("day") / "start")
        patch.setenv("KPI57_HOME", str(start.root))
        office = Office(start, registry)
        office.send("CA", "2026-10", GOOD, name="a.xlsx")
        flow.run_steps(start)
        office.send("PVHCC", "2026-10", {"DVC-01": {"numerator": 50, "denominator": 40}}, name="b.xlsx")
        office.send("CA", "2026-09", GOOD, name="c.xlsx")
        office.send("KT", "2026-10", {}, name="d.xlsx")
        more = office.fill(start.root.parent / "more.xlsx", VINH_LAI, "VHXH", "2026-10", {}).read_bytes()
        alone = replace(start, root=start.root.parent / "alone")
        shutil.copytree(start.root, alone.root)
        flow.run_steps(alone)
    return start, given_by(alone), more


OF_THE_RUN = {
    "received_at",
    "entered_at",
    "recorded_at",
    "superseded_at",
    "judged_at",
    "ledger_sequence",
}  # its clock, its order


def given_by(home):
    """What the files a to d gave, in every table that names a file."""
    found = {}
    with duckdb.connect(home.published, read_only=True) as con:
        tables = con.execute("SELECT schema_name || '.' || table_name, list(column_name) FROM duckdb_columns() "
                             "WHERE schema_name IN ('core', 'marts') GROUP BY ALL").fetchall()  # fmt: skip
        for table, columns in tables:
            if "submission_id" in columns:
                kept = ", ".join(sorted(f"x.{column}" for column in columns if column not in OF_THE_RUN))
                rows = con.execute(f"SELECT {kept} FROM {table} AS x JOIN core.fct_submission AS s USING "
                                   "(submission_id) WHERE s.original_name < 'e'").fetchall()  # fmt: skip
                found[table] = sorted(map(repr, rows))
    return found


def spoilt(data: bytes, seed: int, kind: str) -> bytes:
    dice = random.Random(seed)
    if kind == "bytes":
        damaged = bytearray(data)
        for _ in range(dice.randint(1, 20)):
            damaged[dice.randrange(len(data))] = dice.randrange(256)
        return bytes(damaged)
    if kind == "noise":
        return dice.randbytes(dice.randint(0, 3000))
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        parts = [(name, package.read(name)) for name in package.namelist()]
    if kind == "sheet twice":
        parts = [(name, twice(content) if name == "xl/workbook.xml" else content) for name, content in parts]
    elif kind == "part twice":
        parts.append(dice.choice(parts))
    else:  # a digit of the XML
        at = dice.randrange(len(parts))
        name, content = parts[at]
        place = dice.choice([n for n, byte in enumerate(content) if 48 <= byte < 58] or [0])
        parts[at] = name, content[:place] + str(dice.randint(0, 9)).encode() + content[place + 1 :]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts:
            package.writestr(name, content)
    return buffer.getvalue()


def twice(workbook: bytes) -> bytes:
    begin, end = workbook.index(b"<sheet "), workbook.index(b"</sheets>")
    return workbook[:end] + workbook[begin:end] + workbook[end:]


@pytest.mark.filterwarnings("ignore:Duplicate name")
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kind=st.sampled_from(["bytes", "noise", "sheet twice", "part twice", "digit"]), seed=st.integers(0, 10**6))
def test_one_more_file_changes_nothing_that_the_others_give(day, tmp_path_factory, kind, seed):
    start, alone, more = day
    home = replace(start, root=tmp_path_factory.mktemp("one-more") / "home")
    shutil.copytree(start.root, home.root)
    folder = home.inbox / "11164-vinh-lai" / "VHXH"
    folder.mkdir()
    (folder / "e.xlsx").write_bytes(spoilt(more, seed, kind))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipelines.intake.receive.QUIET_SECONDS", 0)
        patch.setenv("KPI57_HOME", str(home.root))
        flow.run_steps(home)
    assert given_by(home) == alone
    shutil.rmtree(home.root)
