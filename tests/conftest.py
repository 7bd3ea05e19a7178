"""What tests share: a home of their own, the registry, and ways to send a file and to run the day."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import openpyxl
import pytest
from filelock import FileLock
from pebble import ProcessPool

from pipelines import judging, workers
from pipelines.agencies.form import template_name, write_template
from pipelines.checking.expectations import unexpected
from pipelines.demo import fill_inbox
from pipelines.home import PROJECT, Home
from pipelines.intake.ledger import VIETNAM, Ledger
from pipelines.reading.read import known_headers, read_sheets
from pipelines.reading.sheet import Sheet
from pipelines.registry import registry as registries

CORPUS = Path(os.environ.get("KPI57_CORPUS") or PROJECT.parent / "shared" / "corpus")
SHARED_CASES = Path(os.environ.get("KPI57_CASES") or PROJECT.parent / "shared" / "cases")
PLAN_DOCS = Path(os.environ.get("KPI57_PLAN_DOCS") or PROJECT.parent / "shared" / "plan-docs")
# real files of other projects and offices, which are not kept here: tested where they lie
collect_ignore = [
    test
    for test, there in (
        ("test_corpus.py", CORPUS / "INDEX.csv"),
        ("test_shared_cases.py", SHARED_CASES / "CASES.csv"),
        ("test_plan_documents.py", PLAN_DOCS / "wordings.csv"),
    )
    if not there.exists()
]
VINH_LAI, DAI_SON = "11164", "11086"


# What takes longest begins first, so that both cores end together.
LONGEST = (
    "faults",
    "time",
    "run",
    "unchanged",
    "site",
    "upkeep",
    "plan_workbook",
    "successions",
    "places",
    "history",
    "exports",
    "dagster",
    "progress",
    "inbox",
    "set_aside",
    "cli",
    "mail",
    "analysts",
    "portal",
    "country",
    "shared_cases",
    "no_network",
    "any_change",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {f"test_{name}": n for n, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.stem, len(order)))


@pytest.fixture(scope="session")
def registry() -> registries.Registry:
    return registries.load()


SheetsOf = Callable[..., list[Sheet]]


@pytest.fixture
def sheets_of(tmp_path: Path, registry: registries.Registry) -> SheetsOf:
    """Read a file given as bytes."""

    def read(data: bytes) -> list[Sheet]:
        path = tmp_path / "tệp"
        path.write_bytes(data)
        return read_sheets(path, known_headers(registry.form))

    return read


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """An empty home that every part of the code finds through KPI57_HOME."""
    monkeypatch.setenv("KPI57_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("KPI57_DAY", raising=False)
    monkeypatch.setattr("pipelines.intake.receive.QUIET_SECONDS", 0)  # nobody writes slowly here, but in test_faults.py
    return Home(tmp_path / "home")


Edit = Callable[[openpyxl.Workbook], None]


class Office:
    """An agency's desk: fills the form and drops it into its folder."""

    def __init__(self, home: Home, registry: registries.Registry) -> None:
        self.home, self.registry = home, registry

    def fill(self, path: Path, commune: str, agency: str, period: str, answers: dict[str, Any]) -> Path:
        return write_template(self.registry, commune, agency, period, path, answers=answers)

    def folder(self, commune: str, agency: str) -> Path:
        folder = self.home.inbox / self.registry.folder_of(commune) / agency
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def send(
        self,
        agency: str = "CA",
        period: str = "2026-10",
        answers: dict[str, Any] | None = None,
        *,
        commune: str = VINH_LAI,
        name: str | None = None,
        edit: Edit | None = None,
        into: Path | None = None,
    ) -> Path:
        """Fill the form, let edit change the workbook, and drop it into the inbox."""
        folder = into or self.folder(commune, agency)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / (name or template_name(self.registry, commune, agency, period))
        self.fill(path, commune, agency, period, answers or {})
        if edit is not None:
            book = openpyxl.load_workbook(path)
            edit(book)
            book.save(path)
        then = time.time_ns() - 60 * 10**9  # it has lain there for a minute: nobody is still writing it
        os.utime(path, ns=(then, then))
        return path


@pytest.fixture
def office(home: Home, registry: registries.Registry) -> Office:
    return Office(home, registry)


@pytest.fixture(scope="session", autouse=True)
def quick_rules():
    """The rules are evaluated without Great Expectations, which takes seconds a process and more a call. That both find
    the same is in test_expectations; it judges in test_dagster, in every process of its own, and where asked for."""
    with pytest.MonkeyPatch.context() as patch:
        by_great_expectations = judging._evaluate
        patch.setattr(judging, "_evaluate", lambda watch: by_great_expectations(watch) if watch else unexpected)
        yield by_great_expectations


@pytest.fixture
def great_expectations(quick_rules, monkeypatch):
    """Great Expectations judges, as it does in a run."""
    monkeypatch.setattr(judging, "_evaluate", quick_rules)


@pytest.fixture(scope="session", autouse=True)
def kept_workers():
    """The workers that read and mark files stay from one test to the next: starting them takes longer than most tests.
    Every process of its own starts its own, and test_limited, which is about them."""
    pools: dict[str, ProcessPool] = {}
    by_workers = workers._pool

    @contextmanager
    def kept(number: int, starting: list[Any], tasks_a_worker: int = 0) -> Iterator[ProcessPool]:
        name = f"{number} {starting}"
        if name not in pools or not pools[name].active:
            pools[name] = by_workers(number, starting, tasks_a_worker)
        yield pools[name]

    def pool(number: int, starting: list[Any], tasks_a_worker: int = 0) -> AbstractContextManager[ProcessPool]:
        return (by_workers if tasks_a_worker else kept)(number, starting, tasks_a_worker)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workers, "_pool", pool)
        yield by_workers
    for one in pools.values():
        one.stop()
        one.join()


@pytest.fixture(scope="module")
def browser():
    from browser import ADVICE, launch
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = launch(playwright)
        if started is None:
            pytest.fail(ADVICE)
        yield started
        started.close()


@pytest.fixture(scope="session")
def begun(tmp_path_factory):
    from lived_city import begin

    return begin(tmp_path_factory.mktemp("begun"))


@pytest.fixture
def city(begun, home, tmp_path, monkeypatch):
    """The city of lived_city after three months, to go on from."""
    from lived_city import go_on

    return go_on(begun, home, tmp_path, monkeypatch)


def run_day(home: Home) -> dg.ExecuteInProcessResult:
    """The real daily job, as 'kpi57 run' runs it, with a run history that is forgotten."""
    from pipelines.definitions import defs

    with dg.DagsterInstance.ephemeral() as instance:
        return defs.resolve_job_def("daily").execute_in_process(instance=instance, raise_on_error=False)


class Warehouse:
    """The published database, asked in SQL."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with duckdb.connect(self.path, read_only=True) as con:
            return con.execute(sql, parameters).fetchall()

    def one(self, sql: str, *parameters: Any) -> Any:
        [[value]] = self(sql, *parameters)
        return value


@pytest.fixture
def ask(home: Home) -> Warehouse:
    return Warehouse(home.published)


@pytest.fixture(scope="session")
def demo_home(tmp_path_factory: pytest.TempPathFactory, registry: registries.Registry) -> Home:
    """The illustrative figures of all communes, run once with the real job. Read it, do not change it.

    One for all the processes that tests are run in.
    """
    here = tmp_path_factory.getbasetemp()
    shared = here.parent if "PYTEST_XDIST_WORKER" in os.environ else here
    home, done = Home(shared / "demo"), shared / "demo-done"
    with FileLock(shared / "demo.lock"), pytest.MonkeyPatch.context() as patch:
        if not done.exists():
            patch.setenv("KPI57_HOME", str(home.root))
            fill_inbox(home, registry, Ledger(home))
            assert run_day(home).success
            done.touch()
    return home


@pytest.fixture(scope="session")
def demo(demo_home: Home) -> Warehouse:
    return Warehouse(demo_home.published)


def vietnam(year: int, month: int, day: int, hour: int = 9) -> datetime:
    return datetime(year, month, day, hour, tzinfo=VIETNAM)
