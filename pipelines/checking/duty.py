"""Whether the sender of a line reports its indicator or task: who led it on the last day of the period."""

from __future__ import annotations

from datetime import date

from pipelines.checking.figures import LineCells
from pipelines.checking.lookup import Known
from pipelines.files import Row
from pipelines.registry.registry import Registry


def is_led(known: Known, file: Row, kind: str, line: LineCells) -> bool:
    """Whether the line's agency reports it for the period of the file."""
    agency = line.agency or ""
    codes = {agency, *known.registry.successions.before("agency", agency)}
    return known.duties.holds(kind, file["commune_code"], line.code, codes, last_day(known.registry, file))


def has_closed(registry: Registry, file: Row, task_id: str) -> bool:
    """Whether the plan's tasks were closed before the period's last day."""
    until = registry.plans[registry.tasks_by_id[task_id]["plan_id"]]["tasks_until"]
    on = last_day(registry, file)
    return bool(until and on and until <= on)


def last_day(registry: Registry, file: Row) -> date | None:
    """The last day of the file's period by the commune's own calendar."""
    period, commune = file["period"], file["commune_code"]
    return registry.period_of(commune, period.code).ends_on if period and commune else None
