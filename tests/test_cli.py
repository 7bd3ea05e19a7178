"""The command line: what each command does, what it says, and with which exit code it ends."""

import json
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

import click
import dagster as dg
import openpyxl
import pytest
from click.testing import CliRunner
from conftest import DAI_SON, VINH_LAI, Warehouse
from test_rules import typing

from pipelines.cli import main
from pipelines.home import PROJECT, Home
from pipelines.intake.ledger import Ledger
from pipelines.office.workbook import ILLUSTRATIVE
from pipelines.registry.plan_folders import RegistryError
from pipelines.warehouse.database import run_lock

DOCUMENTS = [*sorted(PROJECT.glob("README*.md")), *sorted((PROJECT / "docs").glob("*.md"))]
GOOD = typing(("XHS-02", "Tử số", 20), ("XHS-02", "Mẫu số", 40))
LETTER = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog >>\x00\nendobj\n%%EOF\n"
BAD = typing(("XHS-02", "Tử số", 50), ("XHS-02", "Mẫu số", 40))

OCTOBER = date(2026, 10, 14)


@pytest.fixture
def kpi57(home, tmp_path, monkeypatch):
    """Run a command in an empty folder. Returns click's result: exit_code, stdout, stderr, output (both)."""
    for name in ("KPI57_DAY", "DAGSTER_HOME", "DAGSTER_DISABLE_TELEMETRY"):
        monkeypatch.setenv(name, "")  # commands set them; this way they are forgotten after the test
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)

    def command(*words):
        result = CliRunner().invoke(main, [str(word) for word in words])
        if not isinstance(result.exception, SystemExit | None):
            raise result.exception  # what a user would see as a traceback
        return result

    return command


@pytest.fixture
def quick(monkeypatch):
    """A run history that is forgotten: keeping it takes two thirds of a small run."""
    monkeypatch.setattr(dg.DagsterInstance, "get", dg.DagsterInstance.ephemeral)


@pytest.fixture
def desk(office, tmp_path):
    """Write a filled form to an officer's own folder, as it is before it is sent."""

    def write(edit, **options):
        return office.send("CA", "2026-10", edit=edit, into=tmp_path / "desk", **options)

    return write


def commands(group=main, before="kpi57"):
    """Every command below a group: 'kpi57 run', 'kpi57 plans check' ..."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{before} {name}")
        else:
            yield f"{before} {name}", command


COMMANDS = dict(commands())


# ---------------------------------------------------------------- what there is


def test_help_lists_every_command():
    """The installed program, as a user starts it."""
    program = Path(sys.executable).parent / "kpi57"
    said = subprocess.run([program, "--help"], capture_output=True, text=True, check=True).stdout
    listed = set(re.findall(r"^  ([\w-]+)  ", said.partition("Commands:")[2], re.MULTILINE))
    assert listed == set(main.commands)
    assert {"check", "demo", "run", "serve", "status", "template"} <= listed


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_says_what_it_does(name):
    command = COMMANDS[name]
    assert command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.opts


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_is_in_the_documents(name):
    text = "\n".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)
    assert re.search(rf"{name}\b", text)
    for parameter in COMMANDS[name].params:
        for option in parameter.opts:
            if option.startswith("--"):
                assert re.search(rf"(?<![\w-]){option}(?![\w-])", text), option


def test_the_documents_name_no_command_that_is_not_there():
    named = set()
    for path in DOCUMENTS:
        text = path.read_text(encoding="utf-8")
        code = [*re.findall(r"`([^`\n]+)`", text), *re.findall(r"^    (.+)", text, re.MULTILINE)]
        code += "\n".join(re.findall(r"```(?:sh|bash|console|text)?\n(.*?)```", text, re.DOTALL)).splitlines()
        named |= {line.split("kpi57 ", 1)[1] for line in code if re.match(r"(?:\$ )?(?:\S*/)?kpi57 [a-z]", line)}
    assert named
    unknown = [line for line in named if not any(f"kpi57 {line} ".startswith(f"{name} ") for name in COMMANDS)]
    assert unknown == []


def test_a_command_that_is_not_there_is_wrong_use(kpi57):
    assert kpi57("runn").exit_code == 2


# ---------------------------------------------------------------- template


def test_template_writes_the_form_under_its_usual_name(kpi57):
    result = kpi57("template", "--commune", VINH_LAI, "--agency", "CA", "--period", "2026-10")
    assert (result.exit_code, result.stdout) == (0, "vinh-lai-CA-2026-10.xlsx\n")
    assert openpyxl.load_workbook("vinh-lai-CA-2026-10.xlsx").sheetnames == ["Chỉ tiêu", "Nhiệm vụ", "Hướng dẫn"]


def test_template_writes_the_form_where_it_is_told_to(kpi57, tmp_path):
    path = tmp_path / "a folder" / "form.xlsx"
    result = kpi57("template", "--commune", VINH_LAI, "--agency", "CA", "--period", "2026-Q4", "--out", path)
    assert (result.exit_code, result.stdout.strip()) == (0, str(path))
    assert path.exists()


@pytest.mark.parametrize(
    ("commune", "agency", "period", "words"),
    [
        ("99999", "CA", "2026-10", ["commune '99999'", "11164 (Xã Vĩnh Lại)"]),
        ("00004", "CA", "2026-10", ["commune '00004' has no plan", "11164 (Xã Vĩnh Lại)"]),
        (VINH_LAI, "XX", "2026-10", ["agency 'XX'", "agencies that report in commune 11164: CA, "]),
        (VINH_LAI, "CA", "2026-13", ["there is no period '2026-13'", "2026-Q4"]),
        (VINH_LAI, "CA", "1999", ["there is no period '1999'", "from 2025 to 2045"]),
    ],
)
def test_template_refuses_what_is_not_known_and_says_what_is(kpi57, commune, agency, period, words):
    result = kpi57("template", "--commune", commune, "--agency", agency, "--period", period)
    assert (result.exit_code, result.stdout) == (1, "")
    assert all(word in result.stderr for word in words), result.stderr
    assert "Traceback" not in result.output
    assert list(Path().iterdir()) == []


def test_template_writes_all_forms_of_a_commune_laid_out_as_the_inbox(kpi57, registry):
    result = kpi57("template", "--commune", VINH_LAI, "--period", "2026-11", "--out", "forms")
    owing = registry.agencies_of(VINH_LAI, OCTOBER)
    paths = [f"forms/11164-vinh-lai/{agency}/vinh-lai-{agency}-2026-11.xlsx" for agency in owing]
    assert result.stdout.splitlines() == [*map(str, map(Path, paths)), f"{len(owing)} forms for 2026-11 in forms"]
    assert sorted(Path("forms").rglob("*.xlsx")) == sorted(map(Path, paths))
    kpi57("template", "--commune", VINH_LAI, "--agency", "KT", "--period", "2026-11", "--out", "one.xlsx")
    assert Path("one.xlsx").read_bytes() == Path("forms/11164-vinh-lai/KT/vinh-lai-KT-2026-11.xlsx").read_bytes()


def test_template_writes_an_agency_s_forms_of_every_commune_it_reports_in(kpi57, registry):
    result = kpi57("template", "--agency", "KT", "--period", "2026", "--out", "forms")
    reports_in = [code for code in registry.commune_codes_with_plans if "KT" in registry.agencies_of(code, OCTOBER)]
    assert 1 < len(reports_in) < len(registry.commune_codes_with_plans)
    assert {path.parent.parent.name[:5] for path in Path("forms").rglob("*.xlsx")} == set(reports_in)
    assert result.stdout.splitlines()[-1] == f"{len(reports_in)} forms for 2026 in forms"


def test_template_writes_the_forms_of_all_that_report_and_leaves_what_an_officer_filled_in(kpi57, registry):
    filled = Path("forms/11164-vinh-lai/CA/vinh-lai-CA-2026-11.xlsx")
    filled.parent.mkdir(parents=True)
    filled.write_text("an officer's work")
    result = kpi57("template", "--period", "2026-11", "--out", "forms")
    owed = sum(len(registry.agencies_of(code, OCTOBER)) for code in registry.commune_codes_with_plans)
    assert len(list(Path("forms").rglob("*.xlsx"))) == owed
    assert filled.read_text() == "an officer's work"
    assert f"{filled} (there already, left as it is)" in result.stdout.splitlines()
    assert result.stdout.endswith(f"{owed} forms for 2026-11 in forms, 1 there already and left as they are\n")


def test_template_puts_many_forms_neither_beside_the_user_nor_into_the_inbox_nor_over_a_file(kpi57, home):
    Path("form.xlsx").write_text("another's")
    many = ("template", "--commune", VINH_LAI, "--period", "2026-11")
    for out, words in [
        ((), "--out"),
        (("--out", home.inbox / "forms"), "in the inbox"),
        (("--out", "form.xlsx"), "a file"),
    ]:
        result = kpi57(*many, *out)
        assert result.exit_code in (1, 2)
        assert words in result.stderr
    assert (
        "owes nothing; agencies that report: CA, "
        in kpi57("template", "--agency", "XX", "--period", "2026-11", "--out", "forms").stderr
    )
    assert [path.name for path in Path().iterdir()] == ["form.xlsx"]
    assert not home.inbox.exists()


def test_a_form_says_that_figures_are_illustrative_where_the_home_is(kpi57, home):
    def first_text(path):
        return openpyxl.load_workbook(path)["Chỉ tiêu"]["A1"].value

    order = ("template", "--commune", VINH_LAI, "--agency", "CA", "--period", "2026-11", "--out")
    kpi57(*order, "real.xlsx")
    Ledger(home).append([{"event": "illustrative", "seed": 0, "day": "2026-11-01"}])
    kpi57(*order, "made-up.xlsx")
    kpi57("template", "--commune", VINH_LAI, "--period", "2026-11", "--out", "forms")
    assert first_text("real.xlsx").startswith("BÁO CÁO SỐ LIỆU ĐỊNH KỲ")
    assert first_text("made-up.xlsx") == ILLUSTRATIVE
    assert {first_text(path) for path in Path("forms").rglob("vinh-lai-CA-*.xlsx")} == {ILLUSTRATIVE}


# ---------------------------------------------------------------- check


def test_check_of_a_clean_file_ends_with_0_and_needs_no_warehouse(kpi57, desk, home):
    path = desk(GOOD)
    result = kpi57("check", path)
    assert result.exit_code == 0
    assert f"{path.name}: 18 dòng, nhận 1, giữ lại 0, từ chối 0, bỏ qua 17; 0 lỗi" in result.stdout
    assert not home.root.exists()
    assert path.exists()


def test_check_of_a_file_with_errors_ends_with_1_and_names_each_at_its_cell_in_vietnamese(kpi57, desk, home):
    result = kpi57("check", desk(BAD))
    assert result.exit_code == 1
    [error] = [line for line in result.stdout.splitlines() if line.startswith("Lỗi")]
    assert error == (
        "Lỗi C09 · Chỉ tiêu!H12 · tìm thấy: 50 — Tử số 50 lớn hơn mẫu số 40. "
        "Cách sửa: Kiểm tra xem có ghi nhầm cột tử số và mẫu số không."
    )
    assert "nhận 0, giữ lại 0, từ chối 1" in result.stdout.splitlines()[-1]
    assert "1 lỗi" in result.stdout.splitlines()[-1]
    assert not home.root.exists()


def test_check_as_if_sent_by_somebody_else_holds_the_file_against_them(kpi57, desk):
    path = desk(GOOD)
    assert kpi57("check", path, "--commune", VINH_LAI, "--agency", "CA").exit_code == 0
    result = kpi57("check", path, "--commune", DAI_SON)
    assert result.exit_code == 1
    assert "Lỗi T04 · " in result.stdout
    result = kpi57("check", path, "--agency", "VHXH")
    assert result.exit_code == 1
    assert "Lỗi T05 · " in result.stdout


def test_check_of_what_is_no_workbook_says_so(kpi57, tmp_path):
    path = tmp_path / "thư.xlsx"
    path.write_bytes(LETTER)
    result = kpi57("check", path)
    assert result.exit_code == 1
    assert "Lỗi T01 · cả tệp" in result.stdout
    assert "tệp là văn bản PDF" in result.stdout


def test_check_answers_programs_one_object_a_file_for_all_files_of_a_folder(kpi57, desk, tmp_path):
    folder = tmp_path / "gửi"
    folder.mkdir()
    desk(GOOD).rename(folder / "a.xlsx")
    desk(BAD).rename(folder / "b.xlsx")
    (folder / "~$b.xlsx").write_bytes(b"")
    result = kpi57("check", folder, "--format", "json")
    assert result.exit_code == 1
    good, bad = map(json.loads, result.stdout.splitlines())
    assert (good["commune"], good["agency"], good["period"]) == (VINH_LAI, "CA", "2026-10")
    assert good["facts"] == [{"code": "XHS-02", "period": "2026-10", "numerator": 20, "denominator": 40, "value": 50,
                              "is_estimate": False, "state": "accepted"}]  # fmt: skip
    assert good["lines"] == {"read": 18, "accepted": 1, "held": 0, "rejected": 0, "ignored": 17}
    assert Path(bad["file"]).name == "b.xlsx"
    [finding] = [one for one in bad["findings"] if one["severity"] == "fail"]
    assert (finding["rule"], finding["code"], finding["sheet"], finding["cell"]) == ("C09", "XHS-02", "Chỉ tiêu", "H12")
    assert finding.keys() == {"rule", "severity", "code", "sheet", "cell", "found", "message", "fix"}
    assert bad["tasks"] == bad["facts"] == []


def test_check_takes_names_and_says_what_to_add_where_a_file_says_nothing_of_itself(kpi57, tmp_path):
    path = tmp_path / "số liệu.csv"
    path.write_text("Kỳ báo cáo;2026-10\nMã chỉ tiêu;Tử số;Mẫu số;Kết quả\nXHS-02;20;40;\n", encoding="utf-8")
    alone = kpi57("check", path)
    assert alone.exit_code == 1
    assert "Thêm vào lệnh: --commune" in alone.stdout
    named = kpi57("check", path, "--commune", "Vĩnh Lại", "--agency", "Công an xã")
    assert (named.exit_code, "nhận 1" in named.stdout) == (0, True)
    wrong = kpi57("check", path, "--commune", "Vinh Lai", "--agency", "CA")
    assert wrong.exit_code == 2
    assert "commune 'Vinh Lai' is not a commune of a city with a plan: give its code of five digits" in wrong.stderr


def test_check_of_a_file_that_is_not_there_is_wrong_use(kpi57):
    result = kpi57("check", "nothing.xlsx")
    assert result.exit_code == 2
    assert "'nothing.xlsx' does not exist" in result.stderr


# ---------------------------------------------------------------- demo


@pytest.fixture
def used(home):
    """A home that has received a file."""
    Ledger(home).append([{"event": "received", "name": "a.xlsx"}])
    return home


def test_demo_refuses_a_home_that_was_used(kpi57, used):
    result = kpi57("demo")
    assert result.exit_code == 1
    assert "illustrative workbooks are only made in an unused home; set KPI57_HOME to a new folder" in result.stderr
    assert not used.inbox.exists()
    assert Ledger(used).illustrative is None


def test_demo_unless_used_leaves_a_used_home_alone_and_says_so(kpi57, used):
    result = kpi57("demo", "--unless-used")
    assert result.exit_code == 0
    assert "has received files already" in result.stdout
    assert not used.inbox.exists()
    assert Ledger(used).illustrative is None


def test_demo_never_mixes_with_a_file_that_waits(kpi57, office, home):
    office.send("CA", "2026-10")
    result = kpi57("demo")
    assert result.exit_code == 1
    assert "1 files wait in sources/inbox, the first is vinh-lai-CA-2026-10.xlsx" in result.stderr
    assert Ledger(home).illustrative is None


def test_demo_unless_used_takes_a_home_where_a_file_waits_for_used(kpi57, office, home):
    """'make run' begins with it: who drops a first real file and types 'make run' wants that file taken."""
    sent = office.send("CA", "2026-10")
    assert kpi57("demo", "--unless-used").exit_code == 0
    assert [path for path in home.inbox.rglob("*") if path.is_file()] == [sent]
    assert Ledger(home).illustrative is None


# ---------------------------------------------------------------- run, status


def overdue(said):
    """Periods that Vĩnh Lại's police owe, as run and status print them."""
    [line] = [line for line in said.splitlines() if line.startswith("  11164 Xã Vĩnh Lại · CA ")]
    return line.partition(": ")[2].split(", ")


def test_a_run_of_an_empty_inbox_succeeds_and_the_day_decides_what_is_overdue(kpi57, quick, home: Home):
    result = kpi57("run", "--day", "2026-02-25")
    assert result.exit_code == 0, result.output
    assert "As of 2026-02-25\n" in result.stdout
    assert "0 read = 0 accepted + 0 unchanged + 0 held + 0 rejected + 0 ignored (0 unaccounted)" in result.stdout
    assert overdue(result.stdout) == ["2025", "2026-01", "2026-02"]
    for place in (home.published, home.exports, home.feedback, home.archive):
        assert f" {place}\n" in f"{result.stdout}\n"

    later = kpi57("run", "--day", "2026-04-21", "--force")
    assert later.exit_code == 0
    owed = Warehouse(home.published)(
        "SELECT period_code FROM marts.mart_reporting_status WHERE is_outstanding AND commune_code = ? "
        "AND agency_code = 'CA' ORDER BY period_code", VINH_LAI
    )  # fmt: skip
    assert [period for (period,) in owed] == ["2025", "2026-01", "2026-02", "2026-03", "2026-04"]

    assert kpi57("status").stdout == later.stdout

    back = kpi57("run", "--day", "2026-03-01")
    assert back.stdout == later.stdout
    assert "2026-03-01 is before the as-of date, which never goes back" in back.stderr


def test_a_bad_submission_does_not_fail_the_run(kpi57, quick, office, home, ask):
    office.send("CA", "2026-10", edit=BAD)
    (office.folder(VINH_LAI, "VHXH") / "thư.xlsx").write_bytes(LETTER)
    result = kpi57("run")
    assert result.exit_code == 0, result.output
    assert "Submissions  1 rejected, 1 unreadable" in result.stdout
    assert "2 errors reported back" in result.stdout
    assert len(list(home.feedback.rglob("*.xlsx"))) == 2
    assert ask("SELECT rule_code FROM core.fct_rejection WHERE severity = 'fail' ORDER BY ALL") == [("C09",), ("T01",)]


def test_a_run_that_fails_ends_with_1_names_step_and_cause_and_stands_in_the_history(kpi57, monkeypatch, home):
    def broken(home):
        raise RegistryError("11164-vinh-lai-2025 task III/2: unknown agency 'X'")

    monkeypatch.setattr("pipelines.flow.load_registry", broken)
    result = kpi57("run")
    assert result.exit_code == 1
    assert "kpi57: registry failed: " in result.stderr
    assert "11164-vinh-lai-2025 task III/2: unknown agency 'X'" in result.stderr
    assert "what is published is unchanged" in result.stderr
    assert result.stdout == ""
    assert not home.published.exists()
    with dg.DagsterInstance.from_config(str(home.dagster)) as instance:
        assert [run.status for run in instance.get_runs()] == [dg.DagsterRunStatus.FAILURE]


def test_run_while_another_is_at_work_ends_with_3_and_takes_nothing(kpi57, office, home):
    sent = office.send("CA", "2026-10")
    with run_lock(home):
        result = kpi57("run")
    assert result.exit_code == 3
    assert "another kpi57 run holds warehouse/run.lock; wait until it ends" in result.stderr
    assert sent.exists()


def test_a_day_that_is_none_is_wrong_use(kpi57, home):
    result = kpi57("run", "--day", "31/12/2026")
    assert result.exit_code == 2
    assert "31/12/2026" in result.stderr
    assert not home.ledger.exists()


def test_status_before_any_run_says_what_to_do(kpi57, home):
    result = kpi57("status")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no published warehouse" in result.stderr
    assert "run 'kpi57 run' first" in result.stderr
    assert not home.root.exists()
