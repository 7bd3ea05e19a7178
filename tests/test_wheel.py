"""A wheel is all one needs: installed into an empty environment, kpi57 works in an empty folder."""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import duckdb
import pytest

from pipelines.home import PROJECT

LEFT_OUT = "sources/inbox/11164-vinh-lai/CA/from-an-agency.xlsx"


def called(*command, cwd, **options):
    """Run a program with no home named; it must succeed, unless check=False."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("KPI57", "DAGSTER"))}
    ended = subprocess.run([str(word) for word in command], cwd=cwd, text=True, encoding="utf-8", capture_output=True,
                           env=environment | {"PYTHONDONTWRITEBYTECODE": "1"}, check=False)  # fmt: skip
    assert ended.returncode == options.get("code", 0), ended.stdout + ended.stderr
    return ended


def tracked():
    listed = called("git", "-c", "safe.directory=*", "ls-files", "-z", cwd=PROJECT).stdout
    return [name for name in listed.split("\0") if name and (PROJECT / name).is_file()]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, made from the source distribution of a checkout in which an agency's file lies."""
    project, made = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("dist")
    for name in (*tracked(), LEFT_OUT):
        place = project / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch() if name == LEFT_OUT else shutil.copyfile(PROJECT / name, place)
    build = "import sys, setuptools.build_meta as backend; backend.build_sdist(sys.argv[1])"
    called(sys.executable, "-c", build, made, cwd=project)
    [sdist] = made.iterdir()
    called(sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", made,
           sdist, cwd=made)  # fmt: skip
    [built] = made.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """An environment of its own that holds kpi57 alone and borrows the libraries of this one. Returns its programs."""
    folder = tmp_path_factory.mktemp("environment")
    called(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder)
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    python = programs / Path(sys.executable).name
    called(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel, cwd=folder)
    asked = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = Path(called(python, "-c", asked, cwd=folder).stdout.strip())
    borrowed = {sysconfig.get_path(name) for name in ("purelib", "platlib")}
    (packages / "borrowed.pth").write_text("\n".join(sorted(borrowed)), encoding="utf-8")
    return programs


def test_a_wheel_holds_what_a_run_reads_and_nothing_else(wheel):
    """Given a checkout, expect code, sources, models, schema and settings; no test, no document, no agency's file."""
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    settings = {"warehouse/schema.sql", "dagster.yaml", "workspace.yaml", "requirements.lock"}
    carried = {
        name for name in tracked() if name.startswith(("sources/", "models/", "deploy/dagster/")) or name in settings
    }
    assert held == {name for name in tracked() if name.startswith("pipelines/")} | {
        f"pipelines/project/{name}" for name in carried
    }
    assert settings < carried


def test_demo_and_run_work_in_an_empty_folder_and_write_nowhere_else(installed, tmp_path):
    """With one small plan and the files of one agency, so that it is quick. The folder is the home."""
    kpi57, home = installed / "kpi57", tmp_path / "empty"
    home.mkdir()
    [package] = installed.parent.rglob("pipelines/project")
    for plan in (package / "sources" / "plans").iterdir():
        if plan.name != "11791-tien-minh-2026":
            shutil.rmtree(plan)
    before = {path: path.stat().st_mtime_ns for path in installed.parent.rglob("*")}
    assert "illustrative workbooks are in" in called(kpi57, "demo", cwd=home).stdout
    for folder in (home / "sources" / "inbox").glob("*/*"):
        if folder.name != "PVHCC":
            shutil.rmtree(folder)
    said = called(kpi57, "run", cwd=home).stdout
    assert f"Scorecard    {home / 'warehouse' / 'site' / 'index.html'}" in said
    assert (home / "warehouse" / "site" / "index.html").exists()
    with duckdb.connect(home / "warehouse" / "kpi.duckdb", read_only=True) as con:
        assert con.execute("SELECT count(*) > 0 FROM core.fct_actual WHERE is_current").fetchone() == (True,)
    assert list((home / "warehouse" / "exports").rglob("*.docx"))
    assert {path: path.stat().st_mtime_ns for path in installed.parent.rglob("*")} == before
    assert {path.name for path in home.iterdir()} == {"sources", "warehouse"}


def test_the_plans_of_a_wheel_are_read_only(installed, tmp_path):
    (tmp_path / "plan.xlsx").touch()
    refused = called(installed / "kpi57", "plans", "add", "plan.xlsx", cwd=tmp_path, code=1)
    assert "read only: add the plan in a checkout of the project" in refused.stderr
