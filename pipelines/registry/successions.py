"""What takes the place of what: communes and agencies that were merged or got another code, indicators that did, and
indicators whose definition changed (sources/reference/successions.csv).

A row says that a code ends on a day (the first on which it is no longer valid) and which code goes on. Where several
end in one that had its code before, that one has a row of its own, with its code in both places. An indicator without a
new code keeps its own with another definition from that day on: figures before and after are not compared.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date

from pipelines.files import Row

KINDS = ("commune", "agency", "indicator")


class Successions:
    """rows: kind, old_code, new_code ('' for a changed definition), ends_on, source. faults: rows that do not fit."""

    def __init__(
        self, rows: Iterable[Mapping[str, str]] = (), known: Mapping[str, Collection[str]] | None = None
    ) -> None:
        self.faults: list[str] = []
        self.rows: list[Row] = []
        for number, row in enumerate(rows, 2):
            if fault := _fault(row, known or {}):
                self.faults.append(f"successions.csv row {number}: {fault}")
            else:
                self.rows.append({**row, "ends_on": date.fromisoformat(row["ends_on"])})
        self._ends: dict[tuple[str, str], Row] = {}
        self._goes_on: set[tuple[str, str]] = set()
        for row in self.rows:
            key = row["kind"], row["old_code"]
            if row["old_code"] == row["new_code"]:
                self._goes_on.add(key)
            elif row["new_code"] and key in self._ends:
                self.faults.append(f"successions.csv: {' '.join(key)} has two successors: figures cannot be split")
            elif row["new_code"]:
                self._ends[key] = row
        self.faults += [f"successions.csv: {kind} {code} comes after itself" for kind, code in self._ends
                        if self._comes_after_itself(kind, code)]  # fmt: skip
        if self.faults:
            self._ends.clear()
        self._before: dict[tuple[str, str], list[str]] = {}
        for kind, old in sorted(self._ends):
            self._before.setdefault((kind, self.newest(kind, old)), []).append(old)

    def _comes_after_itself(self, kind: str, code: str) -> bool:
        seen, now = {code}, str(self._ends[kind, code]["new_code"])
        while (kind, now) in self._ends and now not in seen:
            seen.add(now)
            now = str(self._ends[kind, now]["new_code"])
        return now == code

    def ended(self, kind: str, code: str) -> Row | None:
        """The row by which a code ends, if it does."""
        return self._ends.get((kind, code))

    def begins_on(self, kind: str, code: str) -> date | None:
        """The first day on which a code is valid; None for one that was valid before anything ended in it."""
        days = [row["ends_on"] for row in self.rows if (row["kind"], row["new_code"]) == (kind, code)]
        return min(days, default=None) if (kind, code) not in self._goes_on else None

    def newest(self, kind: str, code: str, on: date | None = None) -> str:
        """The code valid on a day in place of this one; without a day, the last."""
        while (row := self._ends.get((kind, code))) and (on is None or row["ends_on"] <= on):
            code = row["new_code"]
        return code

    def before(self, kind: str, code: str) -> list[str]:
        """The codes that ended in this one, directly or not."""
        return self._before.get((kind, code), [])


def _fault(row: Mapping[str, str], known: Mapping[str, Collection[str]]) -> str:
    kind, old, new = row["kind"], row["old_code"], row["new_code"]
    if kind not in KINDS:
        return f"no kind '{kind}': write one of {', '.join(KINDS)}"
    try:
        date.fromisoformat(row["ends_on"])
    except ValueError:
        return f"'{row['ends_on']}' is no day: write it as 2027-07-01"
    if not new and kind != "indicator":
        return f"{kind} {old} has no successor: write new_code"
    if kind == "agency" and old in known.get(kind, ()) and old != new:
        return f"agency {old} has a successor and is still in agencies.csv: take it out there, its figures stay"
    if missing := [
        code for code in (old if kind != "agency" else "", new) if code and code not in known.get(kind, (code,))
    ]:
        return f"no {kind} {missing[0]} under sources/reference/"
    return ""
