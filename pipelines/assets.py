"""The flow as Dagster assets: what each step makes, from what, with row counts and checks. The work is in flow.py."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import CodeType
from typing import Any, TypeVar

import dagster as dg
import duckdb

from pipelines import flow
from pipelines.checking.quarantine import build_model
from pipelines.files import read_yaml
from pipelines.home import MODELS, SOURCES, Home, current_home
from pipelines.lake.process import lake as lake_named
from pipelines.upkeep import summary
from pipelines.upkeep.error_advice import may_pass
from pipelines.upkeep.history import held_open
from pipelines.warehouse.database import building, kept_open, run_lock
from pipelines.warehouse.incremental import Done
from pipelines.warehouse.models import Check, Model, columns_built, models

RETRIES, RETRY_AFTER_SECONDS = 3, 20
Result = TypeVar("Result")
# The builder over several places is one: a pool with a limit of one (deploy/dagster/places.yaml).
POOL = "builder" if current_home().places else None
OPERATORS, ANALYSTS = ["team:operators"], ["team:analysts"]  # owners: of what is received, and of what is queried

REGISTRY = {
    "edition": "What sources/ said, each time it said something new.",
    "commune": "The country's communes with their official codes.",
    "agency": "The agencies that plans name.",
    "indicator": "One catalogue of what is measured, for all plans.",
    "period": "Reporting periods with their bounds and due days.",
    "asked": "Which frequency of figure is asked for in which period.",
    "status": "Status codes with their labels.",
    "succession": "Communes, agencies and indicators that others take the place of, and definitions that change.",
    "plan": "One row per plan document.",
    "target": "One row per figure a plan sets, as written and as understood.",
    "task": "One row per task a plan assigns.",
    "higher_plan": "One row per plan of a city or of the Government.",
    "plan_document": "One row per plan: the document its rows were read from.",
    "higher_target": "One row per figure such a plan sets.",
    "indicator_duty": "Which agency reports an indicator of a commune.",
    "task_duty": "Which agencies report on a task.",
}
RECEIVED = {
    "raw/receipt": "The ledger: one row per file received.",
    "raw/period_event": "Locks and unlocks of periods, from the ledger.",
    "raw/approval_event": "Approvals of a commune's figures and their withdrawals, from the ledger.",
    "raw/set_aside": "Files that a person or a check set aside, from the ledger.",
    "raw/bundle_event": "Bundles made and handed over, from the ledger.",
    "raw/told": "What each sender was told of a submission, from the ledger.",
    "raw/build_info": "The as-of date, and whether the figures are illustrative.",
}
READ = {
    "raw/reading": "What the reader found in a file not judged yet: its tables, headers, lines as typed.",
}
CHECKED = {
    "checked/submission": "The period a file reports, and whether it was refused whole.",
    "checked/line": "The outcome of every line: accepted, rejected or ignored, and why.",
    "checked/actual": "Figures of accepted lines.",
    "checked/task_report": "Task reports of accepted lines.",
    "checked/finding": "Every finding of every rule, with its cell.",
}


class Warehouse(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The home a run works in, held by one run at a time."""

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Warehouse]:
        run_id = context.run_id or ""
        with run_lock(self.home), kept_open(), held_open(self.home, run_id):
            summary.begin(self.home, run_id)
            yield self

    @property
    def home(self) -> Home:
        return current_home()

    def do(self, step: Callable[[Home], Result]) -> Result:
        """Do a step of the flow. A temporary error is retried after a while, others are not."""
        try:
            return step(self.home)
        except (OSError, duckdb.Error) as error:
            if not may_pass(error):
                raise
            raise dg.RetryRequested(max_retries=RETRIES, seconds_to_wait=RETRY_AFTER_SECONDS) from error


def _code(*places: tuple[str | Path, int]) -> dict[str, Any]:
    """The files and lines an asset is written in."""
    with warnings.catch_warnings(category=dg.BetaWarning, action="ignore"):
        return {
            "dagster/code_references": dg.CodeReferencesMetadataValue(
                code_references=[
                    dg.LocalFileCodeReference(file_path=str(path), line_number=line) for path, line in places
                ]
            )
        }


def _made_by(step: Callable[..., object]) -> dict[str, Any]:
    """The source location of the step that makes an asset."""
    code: CodeType = step.__code__
    return _code((code.co_filename, code.co_firstlineno))


def _specs(
    tables: Mapping[str, str], group: str, deps: Sequence[str], step: Callable[..., object]
) -> list[dg.AssetSpec]:
    return [
        dg.AssetSpec(table.split("/"), description=text, group_name=group, deps=[d.split("/") for d in deps],
                     kinds={"duckdb"}, owners=OPERATORS, metadata=_made_by(step))
        for table, text in tables.items()
    ]  # fmt: skip


def _results(rows: Mapping[str, int], **metadata: int) -> Iterator[dg.MaterializeResult[None]]:
    for table, n in rows.items():
        yield dg.MaterializeResult(asset_key=table.split("."), metadata={"dagster/row_count": n, **metadata})


_PLANS = [f"raw/{name}" for name in REGISTRY]


@dg.multi_asset(
    pool=POOL,
    specs=_specs({f"raw/{name}": text for name, text in REGISTRY.items()}, "registry", [], flow.load_registry),
)
def registry(warehouse: Warehouse) -> Iterator[dg.MaterializeResult[None]]:
    """Plans, agencies, indicators, periods and forms, from sources/."""
    yield from _results(warehouse.do(flow.load_registry))


@dg.multi_asset(pool=POOL, specs=_specs(RECEIVED, "receive", _PLANS, flow.receive_files))
def received(warehouse: Warehouse) -> Iterator[dg.MaterializeResult[None]]:
    """The inbox, taken into archive and ledger."""
    yield from _results(warehouse.do(flow.receive_files))


@dg.multi_asset(pool=POOL, specs=_specs(READ, "read", ["raw/receipt"], flow.read_files))
def read(warehouse: Warehouse) -> Iterator[dg.MaterializeResult[None]]:
    """New files, read in worker processes."""
    yield from _results(warehouse.do(flow.read_files))


@dg.multi_asset(pool=POOL, specs=_specs(CHECKED, "validate", ["raw/reading", *_PLANS], flow.validate_files))
def validated(warehouse: Warehouse) -> Iterator[dg.MaterializeResult[None]]:
    """New readings, checked by the rules with Great Expectations."""
    yield from _results(warehouse.do(flow.validate_files))


@dg.asset(
    pool=POOL,
    key=["raw", "segment"],
    deps=[table.split("/") for table in CHECKED],
    group_name="record",
    kinds={"parquet"},
    owners=OPERATORS,
    metadata=_made_by(flow.record_verdicts),
)
def recorded(warehouse: Warehouse) -> dg.MaterializeResult[None]:
    """Verdicts, kept once in the archive and named by the ledger."""
    [(_, rows)] = warehouse.do(flow.record_verdicts).items()
    return dg.MaterializeResult(metadata={"dagster/row_count": rows})


# Reported when no input changed: the table and its passed checks still hold.
_UNCHANGED = {"unchanged": True}


# A model's checks are one of Dagster's for each severity: an event of its own for each of two hundred would be most of
# what a quiet day takes and leaves on the disk.
_SEVERITIES = {
    "error": ("no_errors", dg.AssetCheckSeverity.ERROR),
    "warn": ("no_warnings", dg.AssetCheckSeverity.WARN),
}


def _check_specs(model: Model) -> list[dg.AssetCheckSpec]:
    return [
        dg.AssetCheckSpec(
            name,
            asset=model.table.split("."),
            description="\n".join(f"- {check.code}: {check.description}" for check in checks),
            blocking=severity == "error",
        )
        for severity, (name, _) in _SEVERITIES.items()
        if (checks := [check for check in model.checks if check.severity == severity])
    ]


def _check_results(model: Model, outcomes: Sequence[tuple[Check, int, list[str]]]) -> Iterator[dg.AssetCheckResult]:
    """One result a severity: which checks failed, with the number of rows and examples. A check that was not asked,
    because what it asks about is unchanged, still holds."""
    for severity, (name, of_dagster) in _SEVERITIES.items():
        if not any(check.severity == severity for check in model.checks):
            continue
        asked = [outcome for outcome in outcomes if outcome[0].severity == severity]
        failed = {
            check.code: f"{check.description}: {bad} rows\n" + "\n".join(examples)
            for check, bad, examples in asked
            if bad
        }
        yield dg.AssetCheckResult(asset_key=model.table.split("."), check_name=name, passed=not failed,
                                  severity=of_dagster, metadata=failed or ({} if asked else _UNCHANGED))  # fmt: skip


def _after_recording(model: Model) -> set[str]:
    """What must be there before a model; verdicts on files, and what the ledger says, are used once all of it is
    recorded: what is built before would be built again when publishing, with all that reads it."""
    said = any(table.startswith("checked.") or table.replace(".", "/") in RECEIVED for table in model.depends)
    return {*model.depends, *(["raw.segment"] if said else [])}


def _schema(model: Model, types: Mapping[str, str]) -> dg.TableSchema:
    """The columns of a model with the types built and their descriptions from its .yml."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name,
                types[name],
                description=about["en"],
                constraints=dg.TableColumnConstraints(
                    nullable=not about.get("not_null"), unique=model.spec["key"] == [name]
                ),
            )
            for name, about in model.spec["columns"].items()
        ]
    )


def _model_spec(model: Model) -> dg.AssetSpec:
    """A model as an asset: its dependencies from its SQL."""
    schema, name = model.table.split(".")
    sql = MODELS / schema / f"{name}.sql"
    return dg.AssetSpec(
        [schema, name],
        deps=[dg.AssetKey(table.split(".")) for table in sorted(_after_recording(model))],
        description=f"{model.spec['en']} Grain: {model.spec['grain']}.",
        group_name=schema,
        kinds={"duckdb", "sql"},
        owners=ANALYSTS,
        metadata=_code((sql, 1), (sql.with_suffix(".yml"), 1)),
    )


# One step, as what Dagster notes of a step of its own for each would take longer than a quiet day's work. Any of them
# can be built alone from Dagster's page, with its checks. A blocking check that fails ends the step.
@dg.multi_asset(
    name="models",
    pool=POOL,
    specs=[_model_spec(model) for model in models()],
    check_specs=[spec for model in models() for spec in _check_specs(model)],
    can_subset=True,
)
def built(warehouse: Warehouse) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """Models in SQL, each built and checked where something it is made from has changed."""
    chosen = dg.AssetExecutionContext.get().selected_asset_keys
    for model in models():
        if dg.AssetKey(model.table.split(".")) in chosen:
            yield from _built(warehouse, model)


def _built(warehouse: Warehouse, model: Model) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    def made(home: Home) -> tuple[Done, dg.TableSchema]:
        try:
            done = build_model(home, model)
        except duckdb.Error as error:
            error.add_note(f"in {model.table}")
            raise
        with building(home) as con:
            return done, _schema(model, columns_built(con, model))

    began = time.perf_counter()
    (rows, stands, outcomes), schema = warehouse.do(made)
    said: dict[str, Any] = {
        "dagster/row_count": rows,
        "dagster/column_schema": schema,
        **(_UNCHANGED if stands else {"seconds": round(time.perf_counter() - began, 3)}),
    }
    yield dg.MaterializeResult(asset_key=model.table.split("."), metadata=said)
    yield from _check_results(model, outcomes)


_PUBLISHED = [model.table.split(".") for model in models() if model.is_published]


_EVERY_MORNING = dg.FreshnessPolicy.cron(
    "0 7 * * *", lower_bound_delta=timedelta(hours=24), timezone="Asia/Ho_Chi_Minh"
)


@dg.asset(
    pool=POOL,
    deps=_PUBLISHED,
    group_name="publish",
    kinds={"duckdb"},
    owners=OPERATORS,
    metadata=_made_by(flow.publish),
    freshness_policy=_EVERY_MORNING,
)
def published(warehouse: Warehouse) -> dg.MaterializeResult[None]:
    """warehouse/kpi.duckdb: core and marts in one finished copy, swapped in whole."""
    rows = warehouse.do(flow.publish)
    said = {"dagster/row_count": sum(rows.values())} if rows else _UNCHANGED
    return dg.MaterializeResult(metadata=said | _at(warehouse.home.published))


_FEEDBACK_READS = ["fct_submission", "fct_rejection", "fct_actual", "fct_task_report", "fct_line", "dim_commune",
                   "dim_agency", "dim_period", "dim_status", "dim_due", "dim_indicator", "dim_task", "known_duty",
                   "bridge_period_asked"]  # fmt: skip


def _at(path: Path) -> dict[str, Any]:
    """The path of what was written."""
    return {"path": dg.MetadataValue.path(path)}


def _export(
    step: Callable[..., object], deps: Sequence[Any], *kinds: str, months: dg.PartitionsDefinition[str] | None = None
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """What is written for people from what is published."""
    return dg.asset(pool=POOL, deps=deps, group_name="export", kinds=set(kinds), owners=OPERATORS,
                    metadata=_made_by(step), partitions_def=months)  # fmt: skip


@_export(flow.write_feedback, [["core", name] for name in _FEEDBACK_READS], "excel")
def feedback(warehouse: Warehouse) -> dg.MaterializeResult[None]:
    """One workbook a submission, for the agency that sent it: what was taken, what was refused, how to fix it."""
    return dg.MaterializeResult(metadata={"written": warehouse.do(flow.write_feedback)} | _at(warehouse.home.feedback))


@_export(flow.write_extracts, [published], "excel", "csv")
def city_extract(warehouse: Warehouse) -> dg.MaterializeResult[None]:
    """Bundles of the newest month whose reports are due, for the city and each commune with a plan."""
    return dg.MaterializeResult(metadata={"bundles": warehouse.do(flow.write_extracts)} | _at(warehouse.home.exports))


@_export(flow.write_site, [published], "html")
def scorecard(warehouse: Warehouse) -> dg.MaterializeResult[None]:
    """warehouse/site/: the static pages leaders and officers look at, written where they changed."""
    written = warehouse.do(flow.write_site)
    return dg.MaterializeResult(metadata={"files_changed": written} | _at(warehouse.home.site / "index.html"))


# Last of all: also which bundles were made is in it.
@dg.asset(pool=POOL, deps=[published, city_extract, scorecard], group_name="publish", kinds={"ducklake"},
          owners=OPERATORS, metadata=_made_by(flow.publish_lake))  # fmt: skip
def lake(warehouse: Warehouse) -> dg.MaterializeResult[None]:
    """What is published, as a snapshot of the lake that KPI57_LAKE names, for readers on other machines."""
    noted = warehouse.do(flow.publish_lake)
    if noted["error"]:
        dg.get_dagster_logger().warning(f"the lake is not published, the next run makes up for it: {noted['error']}")
        return dg.MaterializeResult(metadata={"error": noted["error"]})
    return dg.MaterializeResult(metadata={"snapshot": noted["snapshot"], "tables_written": len(noted["written"])})


# The keys are the codes of the periods; the month that runs is one of them.
MONTHS = dg.MonthlyPartitionsDefinition(
    start_date=f"{read_yaml(SOURCES / 'reference' / 'periods.yml')['first_year']}-01",
    fmt="%Y-%m",
    timezone="Asia/Ho_Chi_Minh",
    end_offset=1,
)


@_export(flow.write_extracts, [published], "excel", "csv", months=MONTHS)
def month_extract(warehouse: Warehouse) -> dg.MaterializeResult[None]:
    """Bundles of any month, made again from what is published: the same bytes where nothing has changed."""
    month = dg.AssetExecutionContext.get().partition_key
    bundles = flow.write_extracts(warehouse.home, month)
    return dg.MaterializeResult(metadata={"bundles": bundles} | _at(warehouse.home.exports / month))


ASSETS = [
    registry,
    received,
    read,
    validated,
    recorded,
    built,
    published,
    feedback,
    city_extract,
    scorecard,
    month_extract,
    *([lake] if lake_named() else []),
]
