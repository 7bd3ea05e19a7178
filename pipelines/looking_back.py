"""The warehouse of a past moment, made again from what was known then: ledger, verdicts, editions of sources/. And a
bundle that was made from it.

Every table answers as it did, by the models of this program. The quick way to one of them, progress, is the macro
marts.progress_as_of; both say the same.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path

from pipelines import flow
from pipelines.files import swap_in
from pipelines.home import Home
from pipelines.intake.editions import Edition, editions
from pipelines.intake.ledger import Ledger
from pipelines.warehouse.database import building, kept_open, prepare, schema_mark
from pipelines.warehouse.models import build, models
from pipelines.warehouse.publishing import publish
from pipelines.warehouse.rows import set_info
from pipelines.warehouse.segments import load_segments


def write_as_of(home: Home, moment: datetime, to: Path) -> dict[str, int]:
    """Write the published database as it was at a moment (with its time zone) to a file. Returns rows by table.

    Raises ValueError where nothing was received yet, FileExistsError where the file is there already.
    """
    if to.exists():
        raise FileExistsError(f"{to} is there already: name a new file")
    whole = Ledger(home)
    known = [one for one in editions(whole) if one.known_from is None or one.known_from <= moment]
    if not known:
        raise ValueError("nothing was received in this home yet: run 'kpi57 run' first")
    segments = flow.segments_of(home, whole)
    with _built(home, whole.until(moment), known, segments, moment.date(), until=moment) as (then, rows):
        new = to.with_name(f".{to.name}.new")
        shutil.copyfile(then.published, new)
        swap_in(new, to)
    return rows


def make_bundle_again(home: Home, bundle_id: str, to: Path) -> tuple[Path, bool]:
    """Make a bundle again, from archive and ledger alone, as the ledger was when it was made. Returns its folder in the
    folder `to`, and whether it is the bundle that was made, byte for byte. The same program makes the same bytes.

    Raises LookupError where the ledger names no such bundle, FileExistsError where its folder is there already.
    """
    from pipelines.bundles.bundle import about, export_all

    whole = Ledger(home)
    made = next((entry for entry in whole.of("bundle_made") if entry["bundle_id"] == bundle_id), None)
    if made is None:
        raise LookupError(f"the ledger names no bundle {bundle_id}")
    ledger = whole.before(made["sequence"])
    with _built(home, ledger, editions(ledger), flow.segments_of(home, ledger), ledger.as_of) as (then, _):
        [bundle] = export_all(then, made["period_code"], [made["scope"]])
        to.mkdir(parents=True, exist_ok=True)
        if (to / bundle.name).exists():
            raise FileExistsError(f"{to / bundle.name} is there already: name another folder")
        shutil.copytree(bundle, to / bundle.name)
        return to / bundle.name, about(bundle)["manifest_sha256"] == made["manifest_sha256"]


@contextmanager
def _built(
    home: Home,
    ledger: Ledger,
    known: list[Edition],
    segments: list[tuple[str, int, Path]],
    as_of: date,
    until: datetime | None = None,
) -> Iterator[tuple[Home, dict[str, int]]]:
    """A home for a while, in which is built and published what a ledger, editions and verdicts say (until: those given
    by then). Yields it and the rows by table."""
    home.warehouse.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.warehouse, prefix=".as-of-") as folder, kept_open():
        then = Home(Path(folder))
        prepare(then)
        with building(then) as con:
            set_info(con, "schema", schema_mark())
            flow.enter_editions(home, con, known)
            load_segments(con, segments, until=until)
            flow.enter_ledger(home, con, ledger, known[-1], as_of)
        for model in models():
            with building(then) as con:
                build(con, model)
        yield then, publish(then, [model for model in models() if model.is_published])
