"""Backup and restore of what cannot be built again: the ledger, the archive, files and acts that still wait for a run,
and the portal's database.

A backup folder holds archive/ (originals, editions and segments by sha256, shared by all snapshots) and
snapshots/<moment>/ with the ledger, the inbox, the acts, the portal's database and a manifest. A snapshot appears whole
or not at all. It is made while runs go on: the inbox is copied before the ledger is read, and what the ledger then
names as received is taken out of the copied inbox again; so every file is in it exactly once. Everything else comes out
of these by 'kpi57 run' and does not belong here.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pipelines.files import fsync, sha256_of, swap_in, write_whole
from pipelines.home import Home
from pipelines.intake.acts_received import waiting_acts
from pipelines.intake.editions import named_in
from pipelines.intake.ledger import (
    NO_HEAD,
    VIETNAM,
    LedgerError,
    archived,
    entries_in,
    read_lines,
    received_in,
    whole_lines,
)
from pipelines.intake.receive import entered_as, waiting
from pipelines.warehouse.database import discard_build, schema_mark

KEEP = 14
_MANIFEST, _LEDGER, _INBOX, _ACTS, _PORTAL = "backup.json", "ledger.jsonl", "inbox", "acts", "portal.sqlite3"


_SHA256 = re.compile(r"[0-9a-f]{64}")


class BackupError(RuntimeError):
    """A backup cannot be made or taken back; the message says why and what to do."""


@dataclass(frozen=True)
class Done:
    """What a backup or a restore did. copied: originals that were not there yet."""

    snapshot: Path
    originals: int
    copied: int
    waiting: int
    aside: Path | None = None


def backup(home: Home, to: Path) -> Done:
    """Write a snapshot of the home below the folder. Raises BackupError where it cannot."""
    to = to.resolve()
    if to.is_relative_to(home.warehouse) or to.is_relative_to(home.inbox):
        raise BackupError(f"{to} lies inside the home itself: give a folder on another disk")
    if not whole_lines(home) and not waiting(home):
        raise BackupError(f"there is nothing to back up: no file was received in {home.root} yet")
    _same_home(to, whole_lines(home))
    moment = datetime.now(VIETNAM)
    making = to / "snapshots" / f".{moment:%Y%m%dT%H%M%S}.new"
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    copies = _copy_inbox(home, making / _INBOX)
    others = _copy_acts(home, making / _ACTS) + _copy_portal(home, making / _PORTAL)
    ledger = whole_lines(home)
    received = received_in(ledger)
    entered = {(e["folder"], e["name"], e["identity"]) for e in received}
    for identity in entered & copies.keys():
        copies.pop(identity).unlink()
    heads = _heads(home, ledger)
    named = named_in(ledger, home.archive)
    originals = sum(what == "original" for what in named.values())
    newly = {sha256 for sha256 in sorted(named) if _copy_original(home, to, sha256)}
    copied = sum(named[sha256] == "original" for sha256 in newly)
    (making / _LEDGER).write_bytes(ledger)
    fsync(making / _LEDGER)
    manifest = {
        "made_at": moment.isoformat(timespec="seconds"),
        "kpi57": version("kpi57"),
        "schema": schema_mark(),
        "is_illustrative": any(e is not None and e["event"] == "illustrative" for e in entries_in(ledger)),
        "ledger_sha256": hashlib.sha256(ledger).hexdigest(),
        "ledger": {"entries": len(heads), "head": heads[-1] if heads else NO_HEAD},
        "originals": originals,
        "others": {p.relative_to(making).as_posix(): sha256_of(p) for p in others},
        "waiting": {p.relative_to(making / _INBOX).as_posix(): sha256_of(p) for p in sorted(copies.values())},
    }
    write_whole(making / _MANIFEST, json.dumps(manifest, indent=2) + "\n")
    snapshot = making.with_name(making.name.strip(".").removesuffix(".new"))
    shutil.rmtree(snapshot, ignore_errors=True)  # of the same second
    making.rename(snapshot)
    fsync(snapshot.parent)
    for old in snapshots(to)[:-KEEP]:
        shutil.rmtree(old)
    noted = {"at": manifest["made_at"], "folder": str(to), "originals": originals, "ledger": manifest["ledger"]}
    write_whole(home.last_backup, json.dumps(noted, indent=2, ensure_ascii=False) + "\n")
    return Done(snapshot, originals, copied, len(copies))


def restore(home: Home, frm: Path, *, replace: bool) -> Done:
    """Take the newest snapshot below the folder back into the home, which must be unused. Nothing is deleted.

    replace: what is there already is moved aside first. Raises BackupError where the backup is not intact or the home
    was used. The caller holds the run lock; the published copy stays until the next run makes it again.
    """
    found = snapshots(frm)
    if not found:
        raise BackupError(f"{frm} holds no backup: there is no snapshots/<moment>/{_MANIFEST} below it")
    snapshot = found[-1]
    manifest = json.loads((snapshot / _MANIFEST).read_bytes())
    named = _verified(frm, snapshot, manifest)
    used = home.ledger.exists() or bool(waiting(home)) or home.portal_database.exists()
    if used and not replace:
        raise BackupError(f"{home.root} was used already; --replace moves its archive and inbox aside and restores")
    aside = _move_aside(home) if used else None
    discard_build(home)  # it is of another ledger
    newly = {s for s in sorted(named) if _copy_checked(_original(frm, s), archived(home, s), s)}
    copied = sum(named[sha256] == "original" for sha256 in newly)
    for name in manifest["waiting"]:
        place = home.inbox / name
        if not place.parent.resolve().is_relative_to(home.inbox.resolve()):  # a link in the home leads elsewhere
            raise BackupError(f"{home.shown(place)} would be written outside the inbox: a folder on the way is a link")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(snapshot / _INBOX / name, place)
    for name in manifest.get("others", {}):
        place = home.portal_database if name == _PORTAL else home.acts / Path(name).name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(snapshot / name, place)
    home.archive.mkdir(parents=True, exist_ok=True)
    new = home.ledger.with_name(".ledger.new")
    shutil.copyfile(snapshot / _LEDGER, new)
    swap_in(new, home.ledger)  # last: a home without it was not restored
    originals = sum(what == "original" for what in named.values())
    return Done(snapshot, originals, copied, len(manifest["waiting"]), aside)


def snapshots(folder: Path) -> list[Path]:
    """The finished snapshots below a backup folder, oldest first."""
    return sorted(path.parent for path in folder.glob(f"snapshots/[0-9]*/{_MANIFEST}"))


# ---------------------------------------------------------------- making


def _same_home(to: Path, ledger: bytes) -> None:
    """A folder keeps the backups of one home: its newest ledger must be how ours began."""
    for snapshot in snapshots(to)[-1:]:
        if not ledger.startswith((snapshot / _LEDGER).read_bytes()):
            raise BackupError(
                f"{to} holds backups of another home, or of this one before a restore or before its ledger was altered "
                "(see 'kpi57 doctor'): give another one"
            )


def _heads(home: Home, ledger: bytes) -> list[str]:
    try:
        return read_lines(ledger)[1]
    except LedgerError as error:
        raise BackupError(f"{home.shown(home.ledger)}: {error}: see 'kpi57 doctor'") from None


def _copy_inbox(home: Home, to: Path) -> dict[tuple[str, str, str], Path]:
    """Copy what waits, with its times. Returns the copies by folder, name and identity, as the ledger names them."""
    to.mkdir()
    copies = {}
    for w in waiting(home):
        place = to / w.path.relative_to(home.inbox)
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copy2(w.path, place)
        except FileNotFoundError:
            continue  # taken by a run meanwhile: the ledger, read after this, names it
        if w.is_unchanged:
            copies[entered_as(w)] = place
        elif place.exists():
            place.unlink()  # taken, or still being written: the next backup has it
    return copies


def _copy_acts(home: Home, to: Path) -> list[Path]:
    """Copy the acts that wait. One that a run takes meanwhile is in the ledger, which is read after this; where it is
    in both, the next run knows it by its id."""
    to.mkdir()
    copies = []
    for path in waiting_acts(home):
        try:
            shutil.copy2(path, to / path.name)
        except FileNotFoundError:
            continue
        copies.append(to / path.name)
    return copies


def _copy_portal(home: Home, to: Path) -> list[Path]:
    """Copy the portal's database as it is at one moment, without its sessions."""
    if not home.portal_database.exists():
        return []
    with closing(sqlite3.connect(home.portal_database)) as source, closing(sqlite3.connect(to)) as copy:
        source.backup(copy)
        copy.execute("DELETE FROM django_session")
        copy.commit()
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
    fsync(to)
    return [to]


def _copy_original(home: Home, to: Path, sha256: str) -> int:
    place, source = _original(to, sha256), archived(home, sha256)
    if not source.exists():
        raise BackupError(f"{home.shown(source)} is missing though the ledger names it: see 'kpi57 doctor --full'")
    if place.exists() and place.stat().st_size == source.stat().st_size:
        return 0
    return _copy_checked(source, place, sha256)


def _copy_checked(source: Path, place: Path, sha256: str) -> int:
    """Copy an original and verify it by its hash. Returns 0 where the same is there already."""
    if place.exists() and sha256_of(place) == sha256:
        return 0
    place.parent.mkdir(parents=True, exist_ok=True)
    new = place.with_name(f".{sha256}.new")
    shutil.copyfile(source, new)
    if sha256_of(new) != sha256:
        new.unlink()
        raise BackupError(f"{source} is not what its name says (its sha256 differs): take it from another backup")
    swap_in(new, place)
    return 1


# ---------------------------------------------------------------- reading


def _original(folder: Path, sha256: str) -> Path:
    return folder / "archive" / sha256[:2] / sha256


def _verified(frm: Path, snapshot: Path, manifest: dict[str, Any]) -> dict[str, str]:
    """What the ledger of a snapshot names, every part of it there and right. Raises BackupError naming what is not."""
    faults = list(_faults(frm, snapshot, manifest))
    if faults:
        shown = "; ".join(faults[:5]) + (f"; and {len(faults) - 5} more" if len(faults) > 5 else "")
        raise BackupError(f"the backup {snapshot} is not intact: {shown}. Nothing was changed; take another backup")
    return named_in((snapshot / _LEDGER).read_bytes(), frm / "archive")


def _faults(frm: Path, snapshot: Path, manifest: dict[str, Any]) -> Iterator[str]:
    ledger = (snapshot / _LEDGER).read_bytes() if (snapshot / _LEDGER).exists() else b""
    if hashlib.sha256(ledger).hexdigest() != manifest["ledger_sha256"]:
        yield "the ledger was changed"
        return
    try:
        heads = read_lines(ledger)[1]
    except LedgerError as error:
        yield f"its ledger: {error}"
        return
    if "ledger" in manifest and manifest["ledger"]["head"] != (heads[-1] if heads else NO_HEAD):  # 0.1.0 kept none
        yield "the ledger is not the one its manifest proves"
    named = named_in(ledger, frm / "archive")
    odd = [sha256 for sha256 in named if not _SHA256.fullmatch(str(sha256))]
    odd += [name for name in (*manifest["waiting"], *manifest.get("others", {})) if not _stays_inside(name)]
    if odd:
        yield f"it names places outside itself: {', '.join(map(repr, odd[:3]))}"
        return
    parts = {_original(frm, sha256): sha256 for sha256 in named}
    parts |= {snapshot / _INBOX / name: sha256 for name, sha256 in manifest["waiting"].items()}
    parts |= {snapshot / name: sha256 for name, sha256 in manifest.get("others", {}).items()}
    for path, sha256 in parts.items():
        if not path.exists():
            yield f"{path.relative_to(frm)} is missing"
        elif sha256_of(path) != sha256:
            yield f"{path.relative_to(frm)} was changed"


def _stays_inside(name: str) -> bool:
    """Whether a waiting file's name, as the manifest gives it, can only be a place below the inbox."""
    parts = name.replace("\\", "/").split("/")
    return bool(name) and not any(part in ("", ".", "..") or ":" in part for part in parts)


def _move_aside(home: Home) -> Path:
    """Move the archive and what waits in the inbox into a folder of their own. Returns it."""
    aside = home.warehouse / f"before-restore-{datetime.now(VIETNAM):%Y%m%dT%H%M%S}"
    aside.mkdir(parents=True)
    if home.archive.exists():
        home.archive.rename(aside / home.archive.name)
    for path in (*waiting_acts(home), *home.portal.glob(f"{_PORTAL}*")):  # the log of the database too
        shutil.move(path, aside / path.name)
    for w in waiting(home):
        place = aside / _INBOX / w.path.relative_to(home.inbox)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(w.path, place)
    return aside
