"""The append-only ledger of what was received and done. What is in a file does not belong here."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pipelines.files import fsync, make_folder
from pipelines.home import Home

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")


class Ledger:
    """The append-only ledger, one JSON object a line: received, locked, unlocked, day, illustrative, bundle_made,
    bundle_sent."""

    def __init__(self, home: Home) -> None:
        self.home = home
        data = home.ledger.read_bytes() if home.ledger.exists() else b""
        self._size = len(data)
        self._whole = data.rfind(b"\n") + 1  # a line cut short was never acknowledged: its file is in the inbox still
        self.entries: list[dict[str, Any]] = []
        for number, line in enumerate(data[: self._whole].splitlines(), 1):
            try:
                self.entries.append(json.loads(line))
            except ValueError as error:
                raise ValueError(
                    f"line {number} of {home.shown(home.ledger)} is damaged ({error}): take archive and ledger back "
                    "from the last backup"
                ) from None

    def append(self, entries: Iterable[dict[str, Any]]) -> None:
        """Add entries, on disk before this returns. Each gets its sequence number.

        Raises RuntimeError where another program wrote to the ledger since it was read.
        """
        new = [{"sequence": len(self.entries) + n, **entry} for n, entry in enumerate(entries, 1)]
        if not new:
            return
        make_folder(self.home.archive)
        lines = "".join(json.dumps(e, ensure_ascii=False) + "\n" for e in new).encode()
        created = not self.home.ledger.exists()
        with self.home.ledger.open("xb" if created else "r+b") as handle:
            if handle.seek(0, os.SEEK_END) != self._size:
                raise RuntimeError(f"{self.home.shown(self.home.ledger)} was written to meanwhile: run again")
            handle.truncate(self._whole)
            handle.seek(self._whole)
            handle.write(lines)
            handle.flush()
            os.fsync(handle.fileno())
        if created:
            fsync(self.home.archive)
        self._size = self._whole = self._whole + len(lines)
        self.entries += new

    def of(self, event: str) -> list[dict[str, Any]]:
        return [entry for entry in self.entries if entry["event"] == event]

    @property
    def illustrative(self) -> dict[str, Any] | None:
        """The entry that marks this home's figures as made up, if it has one."""
        return next(iter(self.of("illustrative")), None)

    @property
    def last_at(self) -> datetime:
        """When the newest file was received or act entered: what comes after is later, whatever the clock says."""
        times = [entry.get("received_at") or entry.get("at") for entry in self.entries]
        return max((datetime.fromisoformat(at) for at in times if at), default=datetime.min.replace(tzinfo=VIETNAM))

    @property
    def as_of(self) -> date:
        """The day the marts speak of: the newest day recorded or received. Kept here, so a rebuild says the same."""
        days = [date.fromisoformat(entry["day"]) for entry in self.of("day")]
        days += [datetime.fromisoformat(entry["received_at"]).date() for entry in self.of("received")]
        return max(days) if days else date.min

    def record_day(self, today: date | None) -> None:
        """Note the day of a run. An illustrative home lives on the day its figures were made for."""
        if today is None:
            marked = self.illustrative
            today = date.fromisoformat(marked["day"]) if marked else datetime.now(VIETNAM).date()
        days = [date.fromisoformat(entry["day"]) for entry in self.of("day")]
        if not days or today > max(days):
            self.append([{"event": "day", "day": today.isoformat()}])


def whole_lines(home: Home) -> bytes:
    """The ledger's finished lines as they stand, for who does not hold the run lock: nothing is mended."""
    try:
        data = home.ledger.read_bytes()
    except FileNotFoundError:
        return b""
    return data[: data.rfind(b"\n") + 1]


def archived(home: Home, sha256: str) -> Path:
    return home.archive / sha256[:2] / sha256
