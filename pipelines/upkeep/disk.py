"""The disk below a home: how much is free, how much a run needs, and for how long it lasts, by what the summaries of
past runs say was free then.
"""

from __future__ import annotations

import json
import shutil
from datetime import datetime, timedelta
from typing import NamedTuple

from pipelines.home import Home
from pipelines.intake.ledger import VIETNAM

GIB = 2**30
LEAST_FREE = GIB
WINDOW, LEAST_WINDOW = timedelta(days=35), timedelta(days=7)  # a month's work has quiet days and one with all bundles


class Outlook(NamedTuple):
    """Bytes free and needed by a run; bytes taken a day, over how many days that was measured, and after how many days
    a run has no room (None: not known yet, or not growing)."""

    free: int
    needed: int
    a_day: float | None = None
    measured_days: int = 0
    days_left: float | None = None


def free_bytes(home: Home) -> int:
    place = next(p for p in (home.warehouse, *home.warehouse.parents) if p.exists())
    return shutil.disk_usage(place).free


def outlook(home: Home) -> Outlook:
    databases = sum(path.stat().st_size for path in (home.build, home.built, home.published) if path.exists())
    free, needed = free_bytes(home), max(LEAST_FREE, 3 * databases)
    now = datetime.now(VIETNAM)
    before = _before(home, now)
    if before is None:
        return Outlook(free, needed)
    days = (now - before[0]) / timedelta(days=1)
    a_day = (before[1] - free) / days
    return Outlook(free, needed, a_day, round(days), max(free - needed, 0) / a_day if a_day > 0 else None)


def _before(home: Home, now: datetime) -> tuple[datetime, int] | None:
    """When a run ended a week to a month ago, the earliest of them, and how much was free then."""
    since = f"{now - WINDOW:%Y%m%d}"
    for path in sorted(path for path in home.runs.glob("*.json") if path.name >= since):  # named by when they began
        told = json.loads(path.read_bytes())
        if "free_bytes" in told:
            at = datetime.fromisoformat(told["ended_at"])
            return (at, int(told["free_bytes"])) if now - at >= LEAST_WINDOW else None
    return None
