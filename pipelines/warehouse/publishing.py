"""The finished copy that readers open. Connections are in database.py."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.files import swap_in
from pipelines.home import Home
from pipelines.warehouse import published_copy
from pipelines.warehouse.database import in_memory, let_go, log_of, opened
from pipelines.warehouse.models import Model, describe
from pipelines.warehouse.rows import count, literal, replace


def publish(home: Home, models: Sequence[Model]) -> dict[str, int]:
    """Copy what was built and swap the copy in. Returns rows by table. Raises duckdb.Error if a model is not built."""
    with opened(home) as con:
        rows = {model.table: count(con, model.table) for model in models if not model.parameters and not model.is_view}
        con.execute("CHECKPOINT built")  # all of it in the one file, or an error: closing would not say
    let_go(home)  # Windows copies no file that is open for writing
    new = home.published.with_name(".kpi.duckdb.new")
    log_of(new).unlink(missing_ok=True)
    new.unlink(missing_ok=True)  # of a run that was cut off: it may be read-only
    shutil.copyfile(home.built, new)
    log_of(home.published).unlink(missing_ok=True)  # of a reader who wrote: it does not belong to the new copy
    _swap_in(home, new)
    return rows


def _swap_in(home: Home, new: Path) -> None:
    """Put a new published copy in its place, read-only and proven by its digest at every instant."""
    right = published_copy.digest(new)
    new.chmod(0o444)
    published_copy.prove(home, [right, *published_copy.proven(home)[:1]])
    if os.name == "nt" and home.published.exists():
        home.published.chmod(0o644)  # Windows replaces no read-only file
    swap_in(new, home.published)
    published_copy.prove(home, [right])


def has_log(database: Path) -> bool:
    """Whether somebody who wrote to a database left a log beside it."""
    return log_of(database).exists()


def publish_again(home: Home, model: Model, given: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Make one table of the published copy again, from the rows of the tables it reads; all else stays as it was
    published. For what is known only after publishing. Raises AlteredError where somebody changed the copy."""
    new = home.published.with_name(".kpi.duckdb.new")
    log_of(new).unlink(missing_ok=True)
    new.unlink(missing_ok=True)
    published_copy.insist(home)
    shutil.copyfile(home.published, new)
    with in_memory() as con:
        for table, rows in given.items():
            replace(con, table, rows)
        con.execute(model.definition)
        con.execute(f"ATTACH {literal(str(new))} AS published")
        con.execute(f"CREATE OR REPLACE TABLE published.{model.table} AS FROM {model.table}")
        con.execute("USE published")
        describe(con, model)
        con.execute("CHECKPOINT published")
        con.execute("USE memory")
        con.execute("DETACH published")
    _swap_in(home, new)
