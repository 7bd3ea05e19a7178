"""The warehouse of a past moment, made again from what was known then: ledger, verdicts, editions of sources/.

Every table answers as it did, by the models of this program. The quick way to one of them, progress, is the macro
marts.progress_as_of; both say the same.
"""

from __future__ import annotations

import shutil
import tempfile
from datetime import datetime
from pathlib import Path

from pipelines import flow
from pipelines.files import swap_in
from pipelines.home import Home
from pipelines.intake.editions import editions
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
    ledger = whole.until(moment)
    known = [one for one in editions(whole) if one.known_from is None or one.known_from <= moment]
    if not known:
        raise ValueError("nothing was received in this home yet: run 'kpi57 run' first")
    home.warehouse.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.warehouse, prefix=".as-of-") as folder, kept_open():
        then = Home(Path(folder))
        prepare(then)
        with building(then) as con:
            set_info(con, "schema", schema_mark())
            flow.enter_editions(home, con, known)
            load_segments(con, flow.segments_of(home, whole), until=moment)
            flow.enter_ledger(home, con, ledger, known[-1], moment.date())
        for model in models():
            with building(then) as con:
                build(con, model)
        rows = publish(then, [model for model in models() if not model.table.startswith("staged.")])
        new = to.with_name(f".{to.name}.new")
        shutil.copyfile(then.published, new)
        swap_in(new, to)
    return rows
