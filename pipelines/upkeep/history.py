"""Dagster's run history while a run works. How long it is kept is retention.py."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

from sqlalchemy import Engine, event

from pipelines.home import Home


@contextmanager
def held_open(home: Home, run_id: str) -> Iterator[None]:
    """Within it the files a run's events go to are open here as well, and nothing is read from them.

    Dagster opens and closes them for every event. Whoever closes a SQLite file last writes its log back and deletes it
    (https://sqlite.org/wal.html, Checkpointing); now nobody is the last until the run ends. Nor is each event forced to
    disk, which takes ten times as long as writing it: a power cut may cost the last events, and no more.
    """
    runs = home.dagster / "history" / "runs"
    with ExitStack() as held:
        event.listen(Engine, "connect", _without_forcing)
        held.callback(event.remove, Engine, "connect", _without_forcing)
        for path in (runs / "index.db", runs / f"{run_id}.db", home.dagster / "history" / "runs.db"):
            if path.exists():  # a run without a history on disk has none
                con = held.enter_context(closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)))
                con.execute("SELECT count(*) FROM sqlite_master").fetchall()  # it is opened by the first question
        yield


def _without_forcing(connection: Any, _: object) -> None:
    if isinstance(connection, sqlite3.Connection):  # where the history is not in PostgreSQL
        connection.execute("PRAGMA synchronous = NORMAL")  # https://sqlite.org/pragma.html#pragma_synchronous
