"""Where things are: the project's tracked folders and the folders written at run time.

Nothing else in the package builds a path of its own. KPI57_HOME moves everything that is written at run time
(inbox included) to another folder, with the same layout below it. A wheel carries the tracked folders inside the
package (setup.py); what it writes goes below the folder it is started in. Where several machines share the work (docs/
many-machines.md), KPI57_HOME is on storage they share, and KPI57_LOCAL on a disk of this machine.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
_CARRIED = PACKAGE / "project"
IS_CHECKOUT = not _CARRIED.is_dir()
PROJECT = PACKAGE.parent if IS_CHECKOUT else _CARRIED
SOURCES = PROJECT / "sources"
MODELS = PROJECT / "models"
SCHEMA = PROJECT / "warehouse" / "schema.sql"


@dataclass(frozen=True)
class Home:
    """The run-time folders below one root.

    day: run as if it were this day (None: today). local: where the files of a run at work lie, if not below the root:
    they can be made again, and need a disk of this machine. place: which of several places that receive this is.
    places: the folder of the places whose ledgers are joined here, one home each; such a home receives nothing itself.
    """

    root: Path
    day: date | None = None
    local: Path | None = None
    place: str | None = None
    places: Path | None = None

    @property
    def inbox(self) -> Path:
        """Where agencies drop files: inbox/<commune code>-<slug>/<agency code>/."""
        return self.root / "sources" / "inbox"

    @property
    def acts(self) -> Path:
        """Where the portal drops acts (approvals, locks) for the next run: nobody but it writes there."""
        return self.root / "sources" / "acts"

    @property
    def letters(self) -> Path:
        """Where letters lie whose attachments 'kpi57 mail' takes."""
        return self.root / "sources" / "mail"

    @property
    def portal(self) -> Path:
        """The portal's own: accounts, and files not yet handed in. No run reads or writes it."""
        return self.root / "portal"

    @property
    def portal_database(self) -> Path:
        return self.portal / "portal.sqlite3"

    @property
    def warehouse(self) -> Path:
        return self.root / "warehouse"

    @property
    def working(self) -> Path:
        """What one machine at a time writes in, and what can be made again."""
        return self.local or self.warehouse

    @property
    def archive(self) -> Path:
        """Originals by sha256, and the ledger: the only state that cannot be rebuilt."""
        return self.warehouse / "archive"

    @property
    def ledger(self) -> Path:
        return self.archive / "ledger.jsonl"

    @property
    def build(self) -> Path:
        """The database the pipeline writes; readers never open it."""
        return self.working / "build.duckdb"

    @property
    def earlier_build(self) -> Path:
        """The build database of version 0.1.0, until its verdicts are in the archive."""
        return self.working / "build-0.1.duckdb"

    @property
    def built(self) -> Path:
        """Core and marts as the pipeline builds them, next to the build database; publishing is copying this file."""
        return self.working / "built.duckdb"

    @property
    def published(self) -> Path:
        """The finished copy that readers open."""
        return self.warehouse / "kpi.duckdb"

    @property
    def proof(self) -> Path:
        """sha256 of the published copy, which everybody may read and some could write."""
        return self.warehouse / "kpi.duckdb.sha256"

    @property
    def lake(self) -> Path:
        """What was last published to the lake, or why it could not be."""
        return self.warehouse / "lake.json"

    @property
    def joined(self) -> Path:
        """Up to where the ledger of each place was joined, and why one could not be."""
        return self.warehouse / "places.json"

    @property
    def exports(self) -> Path:
        return self.warehouse / "exports"

    @property
    def feedback(self) -> Path:
        return self.warehouse / "feedback"

    @property
    def site(self) -> Path:
        """The scorecard: open index.html, or let any web server show the folder."""
        return self.warehouse / "site"

    @property
    def editions(self) -> Path:
        """Editions of sources/ laid out from the archive; made again where they are missing."""
        return self.working / "editions"

    @property
    def rule_docs(self) -> Path:
        """Great Expectations' pages of the rules."""
        return self.warehouse / "rules"

    @property
    def dagster(self) -> Path:
        return self.working / "dagster"

    @property
    def summary(self) -> Path:
        """How the last run ended, for programs that watch."""
        return self.warehouse / "summary.json"

    @property
    def runs(self) -> Path:
        """How each run ended."""
        return self.warehouse / "runs"

    @property
    def alerts(self) -> Path:
        """Who is told what, by e-mail or webhook; off where there is no such file."""
        return self.warehouse / "alerts.yml"

    @property
    def mail_settings(self) -> Path:
        """Who may send files by mail, and where letters come from; off where there is no such file."""
        return self.warehouse / "mail.yml"

    @property
    def alerts_sent(self) -> Path:
        return self.warehouse / "alerts-sent.json"

    @property
    def last_backup(self) -> Path:
        """When and where the last backup was made."""
        return self.warehouse / "last-backup.json"

    @property
    def lock(self) -> Path:
        return self.working / "run.lock"

    def shown(self, path: Path) -> str:
        """A path as people read it: below the root where it is there, else whole."""
        return str(path.relative_to(self.root)) if path.is_relative_to(self.root) else str(path)


def current_home() -> Home:
    """The home named by KPI57_HOME, else the project folder (of a wheel: the folder it is started in); the day named by
    KPI57_DAY, else today; what it is among others by KPI57_LOCAL, KPI57_SITE and KPI57_PLACES."""
    day = os.environ.get("KPI57_DAY")
    unnamed = PROJECT if IS_CHECKOUT else Path.cwd()
    try:
        return Home(
            _named("KPI57_HOME") or unnamed,
            date.fromisoformat(day) if day else None,
            local=_named("KPI57_LOCAL"),
            place=os.environ.get("KPI57_SITE") or None,
            places=_named("KPI57_PLACES"),
        )
    except ValueError:
        raise SystemExit(f"kpi57: KPI57_DAY is '{day}', which is not a date: write YYYY-MM-DD") from None


def _named(variable: str) -> Path | None:
    """The folder that a variable names, whole; None where it names none."""
    named = os.environ.get(variable)
    return Path(named).expanduser().resolve() if named else None
