"""The doctor: is this installation fit for tomorrow's run, and is what cannot be rebuilt still whole?

Every finding says how to fix it. It changes nothing; what is wrong in an agency's file is no matter of the doctor and
does not belong here.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import duckdb

from pipelines.files import read_json, sha256_of
from pipelines.home import MODELS, PACKAGE, PROJECT, SOURCES, Home
from pipelines.intake.editions import named_in
from pipelines.intake.ledger import VIETNAM, LedgerError, archived, entries_in, read_lines, received_in, whole_lines
from pipelines.intake.receive import unreadable_folders
from pipelines.registry import registry as registries
from pipelines.registry.registry import Registry
from pipelines.upkeep import disk, summary
from pipelines.upkeep.alerts import AlertsError, read_settings
from pipelines.upkeep.disk import GIB
from pipelines.warehouse import published_copy
from pipelines.warehouse.database import BusyError, run_lock, schema_mark

OK, WARN, FAIL = "ok", "warn", "fail"
MIB = 2**20
_SOME_FREE = 5 * GIB
_DAYS_AHEAD = 31  # a full disk is told so many days before
_RUN_EVERY = timedelta(hours=26)
_BACKUP_EVERY = timedelta(days=7)


@dataclass(frozen=True)
class Finding:
    """The result of one check. fix: what to do, where it is not ok."""

    level: str
    about: str
    words: str
    fix: str = ""


def examine(home: Home, *, full: bool = False) -> Iterator[Finding]:
    """Run every check once. full: read and hash every original of the archive too."""
    looks: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("versions", _versions),
        ("disk", lambda: _disk(home)),
        ("folders", lambda: _folders(home)),
        ("rights", lambda: _rights(home)),
        ("ledger", lambda: _ledger(home)),
        ("archive", lambda: _archive(home, full)),
        ("places", lambda: _places(home)),
        ("clock", lambda: _clock(home)),
        ("schema", lambda: _schema(home)),
        ("published", lambda: _published(home)),
        ("runs", lambda: _runs(home)),
        ("alerts", lambda: _alerts(home)),
        ("backup", lambda: _backup(home)),
    ]
    for about, look in looks:
        try:
            yield from look()
        except OSError as error:
            yield Finding(FAIL, about, f"cannot be checked: {error}", "fix the disk or the permissions it names")
        except ValueError as error:  # of an entry that was altered: the ledger's own finding says where
            yield Finding(FAIL, about, f"cannot be checked: {error}", "first fix the ledger, see its finding")


# ---------------------------------------------------------------- the installation


def _versions() -> Iterator[Finding]:
    python = ".".join(map(str, sys.version_info[:3]))
    lock = (PROJECT / "requirements.lock").read_text(encoding="utf-8")
    locked = dict(re.findall(r"^([\w.-]+)(?:\[[\w,-]+\])?==(\S+)", lock, re.MULTILINE))
    other = []
    for package in ("dagster", "dagster-webserver", "duckdb", "great-expectations", "openpyxl", "pandas", "pebble"):
        try:
            found = version(package)
        except PackageNotFoundError:
            yield Finding(FAIL, "versions", f"{package} is not installed", "install from requirements.lock again")
            return
        if found != locked.get(package):
            other.append(f"{package} {found} instead of {locked.get(package)}")
    if other:
        yield Finding(WARN, "versions", "; ".join(other), "install from requirements.lock: only that was tested")
        return
    yield Finding(OK, "versions", f"kpi57 {version('kpi57')}, Python {python}, DuckDB {version('duckdb')}, "
                                  f"Dagster {version('dagster')}, as locked")  # fmt: skip


def _disk(home: Home) -> Iterator[Finding]:
    found = disk.outlook(home)
    words = f"{found.free / GIB:.1f} GiB free for {home.warehouse}"
    if found.a_day is not None:
        words += f", {max(found.a_day, 0) / MIB:.0f} MiB less a day over the last {found.measured_days} days"
    if found.free < found.needed:
        fix = f"a run needs {found.needed / GIB:.1f} GiB: free space or move KPI57_HOME"
        yield Finding(FAIL, "disk", words, fix)
    elif found.days_left is not None and found.days_left < _DAYS_AHEAD:
        fix = "free space or get a larger disk; docs/operations.md says what grows by how much"
        yield Finding(WARN, "disk", f"{words}: in {found.days_left:.0f} days a run has no room", fix)
    elif found.free < max(_SOME_FREE, 2 * found.needed):
        yield Finding(WARN, "disk", words, "enough for now; plan for more")
    else:
        yield Finding(OK, "disk", words)


def _folders(home: Home) -> Iterator[Finding]:
    needed = [SOURCES / "plans", SOURCES / "reference", SOURCES / "forms", MODELS]
    if missing := [path.name for path in needed if not path.is_dir()]:
        yield Finding(FAIL, "folders", f"missing in {PROJECT}: {', '.join(missing)}", "get the project folder again")
        return
    try:
        known = registries.load()
    except ValueError as error:
        yield Finding(FAIL, "sources", str(error), "fix the place named, see 'kpi57 plans check'")
        return
    yield Finding(OK, "sources", f"{len(known.plans)} plans can be read")
    if not home.inbox.is_dir():
        yield Finding(WARN, "inbox", f"there is no {home.shown(home.inbox)} yet", "make it, with one folder per agency")
        return
    if closed := unreadable_folders(home):
        yield Finding(
            FAIL, "inbox", f"cannot be read: {', '.join(closed[:5])}", "give the account of the run read access"
        )
        return
    odd = sorted(_odd_folders(home, known))
    if odd:
        shown = ", ".join(odd[:5]) + (f" and {len(odd) - 5} more" if len(odd) > 5 else "")
        fix = "rename: <commune code>-<name>/<agency code>; files in such a folder count only where they say who sends"
        yield Finding(WARN, "inbox", f"folders that name no commune or agency: {shown}", fix)
    else:
        yield Finding(OK, "inbox", f"every folder below {home.shown(home.inbox)} names a commune and an agency")


def _odd_folders(home: Home, known: Registry) -> Iterator[str]:
    for commune in (p for p in home.inbox.iterdir() if p.is_dir() and not p.name.startswith(".")):
        if commune.name.partition("-")[0] not in known.city_communes:
            yield commune.name
            continue
        for agency in (p for p in commune.iterdir() if p.is_dir() and not p.name.startswith(".")):
            if agency.name not in known.agencies:
                yield f"{commune.name}/{agency.name}"


def _rights(home: Home) -> Iterator[Finding]:
    written = [path for path in (home.warehouse, home.archive, home.inbox) if path.exists()]
    if closed := [home.shown(path) for path in written if not os.access(path, os.R_OK | os.W_OK | os.X_OK)]:
        yield Finding(FAIL, "rights", f"not writable for this account: {', '.join(closed)}", "give it write access")
        return
    if os.name == "nt":
        yield Finding(OK, "rights", "the folders are writable; who else may write is set in Windows (icacls)")
        return
    inside = [home.warehouse, *home.warehouse.iterdir()] if home.warehouse.exists() else []
    kept = [*inside, home.ledger, SOURCES / "plans", PACKAGE, MODELS]
    if open_to_all := [home.shown(path) for path in kept if path.exists() and path.lstat().st_mode & 0o002]:
        fix = "chmod o-w: only the inbox may be written by others"
        yield Finding(FAIL, "rights", f"writable by everybody: {', '.join(open_to_all)}", fix)
    elif home.alerts.exists() and home.alerts.stat().st_mode & 0o077:
        fix = "chmod 600: it may hold a password"
        yield Finding(WARN, "rights", f"{home.shown(home.alerts)} can be read by others", fix)
    else:
        yield Finding(OK, "rights", "inbox and warehouse are writable, and only the inbox by others")


# ---------------------------------------------------------------- what cannot be rebuilt


def _ledger(home: Home) -> Iterator[Finding]:
    from_backup = "restore the newest backup: kpi57 restore FOLDER --replace"
    lines = whole_lines(home)
    if not lines:
        lost = home.archive.exists() and any(home.archive.glob("??/*"))
        yield (
            Finding(FAIL, "ledger", "it is gone, but the archive holds files", from_backup)
            if lost
            else Finding(OK, "ledger", "nothing was received yet")
        )
        return
    try:
        entries, heads = read_lines(lines)
    except LedgerError as error:
        yield Finding(FAIL, "ledger", f"{home.shown(home.ledger)}: {error}", from_backup)
        return
    for proof, number, head in _proofs(home):
        if number > len(heads) or (number and heads[number - 1] != head):
            words = f"it is not the ledger that {proof} proves: an entry up to {number} was altered or taken out"
            yield Finding(FAIL, "ledger", words, from_backup)
            return
    if "before" not in entries[-1]:
        words = f"{len(entries)} entries of version 0.1.0, which are not chained by hashes"
        yield Finding(WARN, "ledger", words, "kpi57 run chains them")
        return
    torn = home.ledger.stat().st_size - len(lines)
    more = f"; {torn} bytes of a line that was cut off, which the next run drops" if torn > 0 else ""
    words = f"{len(entries)} entries, each chained to those before, head {heads[-1][:12]}{more}"
    yield Finding(OK, "ledger", words)


def _proofs(home: Home) -> Iterator[tuple[str, int, str]]:
    """What was written elsewhere of the ledger: the newest backup and every bundle say how many entries there were, and
    the head that proves them."""
    bundles = {path: path.parent.name for path in sorted(home.exports.glob("*/*/[0-9]*/manifest.json"))}
    bundles |= {path: path.stem for path in sorted(home.exports.glob("*/*/removed/*.json"))}
    for path in (home.last_backup, *bundles):
        try:
            said = json.loads(path.read_bytes()).get("ledger")
            proof = (int(said["entries"]), str(said["head"])) if said else None  # 0.1.0 wrote none
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue  # whoever verifies it is told
        if proof:
            yield (f"bundle {bundles[path]}" if path in bundles else "the last backup"), *proof


def _entries(home: Home) -> list[dict[str, Any]]:
    """The entries that can be read; those that cannot are the ledger's own finding."""
    return [entry for entry in entries_in(whole_lines(home)) if entry]


def _archive(home: Home, full: bool) -> Iterator[Finding]:
    sizes = {e["sha256"]: e["size"] for e in received_in(whole_lines(home))}
    named = named_in(whole_lines(home), home.archive)
    missing, damaged = [], []
    for sha256 in named:
        path = archived(home, sha256)
        if not path.exists():
            missing.append(sha256[:12])
        elif path.stat().st_size != sizes.get(sha256, path.stat().st_size) or (full and sha256_of(path) != sha256):
            damaged.append(sha256[:12])
    faults = [f"{len(found)} {word}: {', '.join(found[:5])}" for word, found in
              (("missing", missing), ("damaged", damaged)) if found]  # fmt: skip
    if faults:
        fix = "copy them from a backup's archive/ folder, or restore it: kpi57 restore FOLDER --replace"
        yield Finding(FAIL, "archive", f"files that the ledger names are {'; '.join(faults)}", fix)
        return
    seen = "each read, sha256 correct" if full else "each present with its size (--full reads them all)"
    kinds = Counter(named.values())
    what = f"{kinds['original']} originals, {kinds['segment']} segments of verdicts, files of all editions"
    yield Finding(OK, "archive", f"{what}, {seen}")


def _places(home: Home) -> Iterator[Finding]:
    """Those that are joined here; nothing where none is."""
    noted = read_json(home.joined)
    for name, one in sorted(noted.items()):
        if one["error"]:
            fix = "see to that place and its shared folder; the next run joins what it missed"
            yield Finding(WARN, "places", f"{name} was not joined in the last run: {one['error']}", fix)
        elif one["waiting"]:
            yield Finding(WARN, "places", f"{name}: {one['waiting']}", "update this machine, then that one")
    if noted and not any(one["error"] or one["waiting"] for one in noted.values()):
        yield Finding(OK, "places", f"{len(noted)} joined in the last run")


def _clock(home: Home) -> Iterator[Finding]:
    now = datetime.now(VIETNAM)
    entries = _entries(home)
    times = [e.get("received_at") or e.get("at") for e in entries]
    last = max((datetime.fromisoformat(at) for at in times if at), default=now)
    days = [e["day"] for e in entries if e.get("event") == "day"]
    if last > now + timedelta(minutes=10):
        fix = "set the clock (NTP); until then everything counts as received just after that entry"
        words = f"it says {now:%Y-%m-%d %H:%M}, the ledger's last entry is of {last:%Y-%m-%d %H:%M}"
        yield Finding(FAIL, "clock", words, fix)
    elif days and date.fromisoformat(max(days)) > now.date():
        fix = "a run with --day in the future, or a wrong clock; the figures are as of that day until it comes"
        yield Finding(WARN, "clock", f"the as-of date is {max(days)}, today is {now:%Y-%m-%d}", fix)
    else:
        yield Finding(OK, "clock", f"{now:%Y-%m-%d %H:%M} in Vietnam, after everything in the ledger")


# ---------------------------------------------------------------- what runs leave


def _schema(home: Home) -> Iterator[Finding]:
    try:
        built = summary.published(home)
    except duckdb.Error as error:  # of a version that published other tables, or a damaged file
        fix = "the next run publishes it again; if that fails, kpi57 rebuild"
        yield Finding(WARN, "schema", f"{home.shown(home.published)}: {str(error).splitlines()[0]}", fix)
        return
    if built is None:
        yield Finding(OK, "schema", "nothing published yet: the next run makes it from archive and ledger")
    elif built["schema_mark"] != schema_mark():
        words = f"published by kpi57 {built['built_by']} with schema {str(built['schema_mark'])[:12]}"
        fix = "nothing to do: the next run rebuilds from archive and ledger, and takes longer"
        yield Finding(WARN, "schema", f"{words}, this version has {schema_mark()[:12]}", fix)
    else:
        yield Finding(OK, "schema", f"published by kpi57 {built['built_by']} with this version's schema")


def _published(home: Home) -> Iterator[Finding]:
    if not home.published.exists():
        return
    if not published_copy.proven(home):
        yield Finding(WARN, "published", "no digest is kept of it", "kpi57 run publishes it again and keeps one")
    elif published_copy.is_untouched(home):
        yield Finding(OK, "published", f"{home.shown(home.published)} is as it was published, to the byte")
    else:
        try:
            found = published_copy.differences(home)
        except duckdb.Error as error:
            found = [str(error).splitlines()[0]]
        words = (
            f"{home.shown(home.published)} was altered since it was published: {'; '.join(found[:5]) or 'its bytes'}"
        )
        yield Finding(FAIL, "published", words, "kpi57 run publishes it again; find out who can write it")


def _runs(home: Home) -> Iterator[Finding]:
    last = summary.last(home)
    if last is None:
        yield Finding(WARN, "runs", "no run has ended yet", "kpi57 run")
        return
    started = datetime.fromisoformat(last["started_at"])
    words = f"the last of {started:%Y-%m-%d %H:%M} {last['outcome']}"
    if last["outcome"] == summary.FAILED:
        first = last["failed"][0]
        yield Finding(FAIL, "runs", f"{words}: {first['step']}: {first['error'][:300]}", first["what_to_do"])
    elif last["outcome"] == summary.RUNNING and not _is_held(home):
        yield Finding(WARN, "runs", f"{words} but gone: it was killed or lost power", "kpi57 run finishes it")
    elif datetime.now(VIETNAM) - started > _RUN_EVERY:
        fix = "check that the timer, the scheduled task or 'kpi57 serve' is running"
        yield Finding(WARN, "runs", f"{words}, more than a day ago", fix)
    else:
        yield Finding(OK, "runs", words)


def _is_held(home: Home) -> bool:
    try:
        with run_lock(home):
            return False
    except BusyError:
        return True


def _alerts(home: Home) -> Iterator[Finding]:
    try:
        settings = read_settings(home)
    except AlertsError as error:
        yield Finding(FAIL, "alerts", str(error), "see the example in docs/operations.md")
        return
    if settings is None:
        yield Finding(OK, "alerts", f"off: there is no {home.shown(home.alerts)}")
        return
    last = summary.last(home) or {}
    if faults := last.get("alerts_not_sent"):
        yield Finding(WARN, "alerts", "; ".join(faults), "fix the server or alerts.yml; the next run sends them")
        return
    names = ", ".join(channel.name for channel in settings.channels) or "no channel"
    yield Finding(OK, "alerts", f"by {names}: {', '.join(sorted(settings.kinds))}")


def _backup(home: Home) -> Iterator[Finding]:
    fix = "kpi57 backup --to a folder on another disk, every day"
    try:
        last = json.loads(home.last_backup.read_bytes())
        at = datetime.fromisoformat(last["at"])
    except (FileNotFoundError, ValueError, KeyError):
        yield (
            Finding(WARN, "backup", "none was made yet", fix)
            if whole_lines(home)
            else Finding(OK, "backup", "nothing to back up yet")
        )
        return
    words = f"the last of {at:%Y-%m-%d %H:%M} in {last['folder']}"
    if datetime.now(VIETNAM) - at > _BACKUP_EVERY:
        yield Finding(WARN, "backup", f"{words}, more than a week ago", fix)
    else:
        yield Finding(OK, "backup", words)
