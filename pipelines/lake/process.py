"""Which lake there is (KPI57_LAKE), and the process that works in it (publisher.py)."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.home import Home
from pipelines.warehouse.models import Model, comment, models

ADDRESS = "KPI57_LAKE"
# Where the DuckDB lies that has DuckLake as a package: beside the project's own, which has none yet.
ENGINE = Path(sys.prefix, "engines", "lake")
_SECONDS = 3600  # a publish that takes longer hangs; what it wrote is no part of the lake
_SECRET = re.compile(r"\b((?:password|passwd|pwd)\s*=\s*)(?:'[^']*'|\S+)|(//[^/@:]*:)[^@]*(?=@)", re.IGNORECASE)


class LakeError(RuntimeError):
    """The lake cannot be reached, or refuses; the message says why."""


@dataclass(frozen=True)
class Lake:
    """An address as DuckLake attaches it ('ducklake:postgres:dbname=kpi57'), and where its files are."""

    address: str
    data_path: str

    @property
    def shown(self) -> str:
        """Without a password."""
        return without_secrets(self.address)


def without_secrets(text: str) -> str:
    """A text in which no password is left."""
    return _SECRET.sub(r"\1\2...", text)


def lake() -> Lake | None:
    """The lake that KPI57_LAKE names, as 'ducklake:... data_path=...'; None where it names none."""
    address, _, data_path = os.environ.get(ADDRESS, "").strip().partition(" data_path=")
    return Lake(address.strip(), data_path.strip()) if address else None


def publish(home: Home, to: Lake, *, replace: bool = False) -> dict[str, Any]:
    """Make the lake hold what the published copy holds. Returns the snapshot and the rows written by table. The caller
    holds the run lock. Raises LakeError; the lake is then as it was."""
    return _ask(to, "publish", **_of(home), ledger=str(home.ledger), replace=replace)


def compare(home: Home, to: Lake) -> dict[str, Any]:
    """In what the lake differs from the published copy, row by row. Raises LakeError."""
    return _ask(to, "compare", **_of(home))


def snapshots(to: Lake, newest: int) -> list[dict[str, Any]]:
    """The newest snapshots. Raises LakeError."""
    found: list[dict[str, Any]] = _ask(to, "snapshots", newest=newest)["snapshots"]
    return found


def tidy(to: Lake, days: int) -> dict[str, Any]:
    """Forget what is older than so many days. The caller holds the run lock. Raises LakeError."""
    return _ask(to, "tidy", days=days)


def _of(home: Home) -> dict[str, Any]:
    sources = [_source(model) for model in models() if model.is_published]
    return {"published": str(home.published), "sources": sources}


def _source(model: Model) -> dict[str, Any]:
    is_table = not model.parameters and not model.is_view
    columns = model.spec["columns"]
    return {
        "table": model.table,
        "key": model.spec["key"],
        "definition": "" if is_table else model.definition,
        "comment": comment(model.spec),
        "comments": {name: comment(about) for name, about in columns.items()},
    }


def _ask(to: Lake, does: str, **what: Any) -> dict[str, Any]:
    """Let the process do something in the lake. Raises LakeError."""
    if not ENGINE.is_dir():
        raise LakeError("DuckLake's packages are not installed: make .venv/lake.done (docs/many-machines.md)")
    asked = {"does": does, "lake": to.address, "data_path": to.data_path, **what}
    env = {"PGCONNECT_TIMEOUT": "10", **os.environ, "PYTHONPATH": str(ENGINE)}
    command = [sys.executable, "-P", "-m", "pipelines.lake.publisher"]
    try:
        done = subprocess.run(command, input=json.dumps(asked), env=env, capture_output=True, encoding="utf-8",
                              timeout=_SECONDS, check=False)  # fmt: skip
    except subprocess.TimeoutExpired:
        raise LakeError(f"it took longer than {_SECONDS} seconds and was stopped") from None
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"])[-1]
        raise LakeError(without_secrets(last))
    answer: dict[str, Any] = json.loads(done.stdout)
    if "error" in answer:
        raise LakeError(without_secrets(answer["error"].strip().splitlines()[0]))
    return answer
