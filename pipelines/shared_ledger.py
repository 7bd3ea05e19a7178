"""The ledger's home in PostgreSQL, where a place may be taken over by another machine: one row a line, never changed.

KPI57_LEDGER names the database ('postgres:host=... dbname=...', as libpq reads it). A line is entered there first, and
then in ledger.jsonl, which is its export. What a line says, and how lines are bound to each other, is
intake/ledger.py; needs the packages of kpi57[places].
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812 - a class, named as one

ADDRESS = "KPI57_LEDGER"
_TABLE = """
CREATE TABLE IF NOT EXISTS ledger_line (
    place text NOT NULL, sequence integer NOT NULL, line text NOT NULL, head text NOT NULL,
    entered_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (place, sequence))
"""
_NEWEST = "SELECT sequence, head FROM ledger_line WHERE place = %s ORDER BY sequence DESC LIMIT 1"
_AT = "SELECT head FROM ledger_line WHERE place = %s AND sequence = %s"
_AFTER = "SELECT line FROM ledger_line WHERE place = %s AND sequence > %s ORDER BY sequence"
_ENTER = "INSERT INTO ledger_line (place, sequence, line, head) VALUES (%s, %s, %s, %s)"
# Two locks a place: one for a run, as long as its connection is open, and one for an entry, within its transaction.
_FOR_A_RUN, _FOR_AN_ENTRY = (f"SELECT pg_{kind}(57, hashtext(%s))" for kind in ("try_advisory_lock",
                                                                               "advisory_xact_lock"))  # fmt: skip
_SECONDS = 10  # within which a connection is made, or is not


class ForkedError(RuntimeError):
    """Another machine entered something in the same ledger meanwhile."""


class UnreachableError(ConnectionError):
    """PostgreSQL cannot be reached; what was to be entered may or may not be: the next run finds out."""


def shared_ledger(place: str | None) -> SharedLedger | None:
    """The ledger of a place in the database that KPI57_LEDGER names; None where it names none.

    Raises ValueError where the place has no name.
    """
    address = os.environ.get(ADDRESS, "").strip()
    if not address:
        return None
    if place is None:
        raise ValueError(f"{ADDRESS} is set and KPI57_SITE is not: name the place whose ledger it is")
    return SharedLedger(address.removeprefix("postgres:").strip(), place)


class SharedLedger:
    """The ledger of one place: its lines, and the head after each."""

    def __init__(self, address: str, place: str) -> None:
        self.address, self.place = address, place

    @contextmanager
    def held(self) -> Iterator[bool]:
        """Whether no other machine works at this place; while it is open none begins. A machine that dies, or loses its
        connection, lets go."""
        with self._connected() as cursor:
            yield bool(_one(cursor, _FOR_A_RUN, f"run {self.place}")[0])

    def newest(self) -> tuple[int, str | None]:
        """How many lines there are, and the head after the last."""
        with self._connected() as cursor:
            found = _one(cursor, _NEWEST, self.place)
            return (int(found[0]), str(found[1])) if found else (0, None)

    def head_at(self, entries: int) -> str | None:
        """The head after so many lines; None where there are fewer."""
        with self._connected() as cursor:
            found = _one(cursor, _AT, self.place, entries)
            return str(found[0]) if found else None

    def after(self, entries: int) -> list[bytes]:
        """The lines after so many, without their ends."""
        with self._connected() as cursor:
            cursor.execute(_AFTER, (self.place, entries))
            return [line.encode() for (line,) in cursor.fetchall()]

    def append(self, entries: int, head: str, lines: Sequence[bytes], heads: Sequence[str]) -> None:
        """Enter lines after so many, the last of which has this head; all or none.

        Raises ForkedError where there are others by now, UnreachableError.
        """
        rows = [(self.place, entries + n, line.decode(), after) for n, (line, after) in enumerate(
            zip(lines, heads, strict=True), 1)]  # fmt: skip
        with self._connected() as cursor:
            cursor.execute("BEGIN")
            cursor.execute(_FOR_AN_ENTRY, (f"entry {self.place}",))
            there, last = _one(cursor, _NEWEST, self.place) or (0, head)
            if (there, last) != (entries, head):
                raise ForkedError(
                    f"another machine entered something in the ledger of '{self.place}' meanwhile: run again"
                )
            cursor.executemany(_ENTER, rows)
            cursor.execute("COMMIT")

    @contextmanager
    def _connected(self) -> Iterator[Cursor]:
        """A connection of its own, on which nothing is in a transaction unless begun; what was not committed is not
        there."""
        try:
            import psycopg2
        except ImportError:
            raise ModuleNotFoundError(f"{ADDRESS} is set, and PostgreSQL's driver is not installed: "
                                      "make .venv/places.done (docs/many-machines.md)") from None  # fmt: skip
        try:
            with closing(psycopg2.connect(self.address, connect_timeout=_SECONDS)) as con, con.cursor() as cursor:
                con.autocommit = True
                cursor.execute(_TABLE)
                yield cursor
        except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
            first = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise UnreachableError(f"the ledger in PostgreSQL cannot be reached: {first}") from error


def _one(cursor: Cursor, question: str, *given: Any) -> Any:
    cursor.execute(question, given)
    return cursor.fetchone()
