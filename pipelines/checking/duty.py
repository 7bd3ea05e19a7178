"""Whether the sender of a line reports its indicator or task: who led it on the last day of the period."""

from __future__ import annotations

from pipelines.checking.figures import LineCells
from pipelines.checking.lookup import Known
from pipelines.files import Row
from pipelines.registry.registry import Registry


def is_led(known: Known, file: Row, kind: str, line: LineCells) -> bool:
    """Whether the line's agency reports it for the period of the file."""
    agency = line.agency or ""
    codes = {agency, *known.registry.successions.before("agency", agency)}
    return known.duties.holds(kind, file["commune_code"], line.code, codes, file["period_ends"])


def has_closed(registry: Registry, file: Row, task_id: str) -> bool:
    """Whether the plan's tasks were closed before the period's last day."""
    until = registry.plans[registry.tasks_by_id[task_id]["plan_id"]]["tasks_until"]
    on = file["period_ends"]
    return bool(until and on and until <= on)
