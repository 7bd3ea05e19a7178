"""Bundles for the city and the communes: files to read and print, the same tables for machines, a manifest.

A bundle is immutable and carries no clock time: the same state of the warehouse gives the same bytes. What it says
(extract.py) and how its files look (workbook/workbook.py, data_package.py) do not belong here.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, time
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb
from pebble import ProcessPool

from pipelines.bundles.data_package import as_json, seal, snapshot, write_tables
from pipelines.bundles.extract import CITY, Extract, read_extract
from pipelines.bundles.origin import Origin, read_origins
from pipelines.bundles.workbook.workbook import workbook
from pipelines.files import fsync, write_whole
from pipelines.home import MODELS, Home
from pipelines.made_with import digest_of_code, digest_of_files
from pipelines.office.wording import files as wording_files
from pipelines.office.workbook import save, save_office
from pipelines.warehouse.database import reading

MANIFEST = "manifest.json"
REMOVED = "removed"  # folder of the manifests of bundles whose files were removed
MANY = 12  # bundles from which on workers are worth their start
WORDED = ("labels", "method", "package", "report", "workbook")  # the wording that a bundle is made with
_VERSIONS = ("kpi57", "duckdb", "openpyxl", "python-docx")


class BundleDamagedError(RuntimeError):
    """An existing bundle is not what its name says; it is left for a person to look at."""


def export_all(home: Home, period_code: str, scopes: Sequence[str], *, only_if_new: bool = False) -> list[Path]:
    """The published database's bundles of a period for several scopes, as export makes them; many on all cores.

    only_if_new: a bundle made from the same submissions and sources is kept, even if its as-of date is earlier; of the
    city, which takes as long as a hundred communes, no second is made in a day. One at a time, under the run lock.
    """
    for left in home.exports.glob(".making-*"):  # by a run that was cut off
        shutil.rmtree(left)
    with reading(home) as con:
        found: dict[str, Path | None] = dict.fromkeys(scopes)
        if only_if_new:
            origins = read_origins(con, period_code, scopes)
            found = {scope: _standing(home, period_code, scope, origins[scope]) for scope in scopes}
        wanted = [scope for scope, standing in found.items() if not standing]
        if len(wanted) < MANY:
            return [found[scope] or export(home, con, period_code, scope) for scope in scopes]
    with ProcessPool(context=multiprocessing.get_context("spawn")) as pool:
        made = dict(zip(wanted, pool.map(partial(_export_one, home, period_code), wanted).result(), strict=True))
    return [found[scope] or made[scope] for scope in scopes]


def _export_one(home: Home, period_code: str, scope: str) -> Path:
    """In a worker."""
    with reading(home) as con:
        return export(home, con, period_code, scope)


def _standing(home: Home, period_code: str, scope: str, origin: Origin) -> Path | None:
    """The newest bundle made from the same submissions and sources by the same versions, if there is one; of the city
    also one of the same day."""
    made_from = _made_from(origin)
    for bundle in sorted((home.exports / period_code / scope).glob("[0-9]*"), reverse=True):
        try:
            manifest = json.loads((bundle / MANIFEST).read_bytes())
        except (FileNotFoundError, ValueError):  # damaged: whoever verifies it is told; it is not taken for whole
            continue
        is_of_the_day = scope == CITY and manifest.get("as_of_on") == origin.as_of_on.isoformat()
        if (is_of_the_day or manifest.get("made_from") == made_from) and manifest.get("versions") == _versions():
            return bundle
    return None


def export(home: Home, con: duckdb.DuckDBPyConnection, period_code: str, scope: str) -> Path:
    """Write the bundle of a period for a commune (its code) or for all communes with plans ('city').

    con: a database with core and marts built. Returns the bundle's folder; one that exists already is checked and
    returned as it is. Raises LookupError for a period that is none or has not begun and for a commune without a plan,
    BundleDamagedError if the bundle exists already and is not intact.
    """
    origin = read_origins(con, period_code, [scope])[scope]
    above = home.exports / period_code / scope
    above.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".making-", dir=home.exports) as making:
        made = Path(making) / "bundle"
        made.mkdir()
        manifest = _write(con, read_extract(con, period_code, scope), origin, made)
        bundle = _same(above, manifest) or above / _bundle_id(manifest)
        if not bundle.exists():
            fsync(made)
            made.rename(bundle)
            fsync(above)
        elif faults := verify(bundle):
            raise BundleDamagedError(f"{home.shown(bundle)} is not intact: {'; '.join(faults)}")
    return bundle


def _same(above: Path, manifest: Mapping[str, Any]) -> Path | None:
    """The first bundle made that says the same, whatever unrelated entries the ledger got since."""
    said = json.loads(as_json(manifest)) | {"ledger": None}
    for bundle in sorted(above.glob(f"{manifest['as_of_on'].replace('-', '')}-*")):
        try:
            other = json.loads((bundle / MANIFEST).read_bytes())
        except (FileNotFoundError, ValueError):  # damaged: whoever verifies it is told
            continue
        if bundle.name == _bundle_id(other) and other | {"ledger": None} == said:
            return bundle
    return None


def remove(home: Home, period_code: str, scope: str, bundle_id: str) -> bool:
    """Remove a bundle's files, but for its manifest, which is kept as removed/<bundle id>.json. Returns whether that is
    so now, also where a run that was cut off had removed them; a bundle that is not intact is left alone."""
    above = home.exports / period_code / scope
    bundle, kept = above / bundle_id, above / REMOVED / f"{bundle_id}.json"
    if not bundle.exists():
        return kept.exists()
    if verify(bundle):
        return False
    kept.parent.mkdir(exist_ok=True)
    write_whole(kept, (bundle / MANIFEST).read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(prefix=".making-", dir=home.exports) as away:
        try:
            bundle.rename(Path(away) / "bundle")
        except PermissionError:  # on Windows, of a file somebody has open: the next run removes it
            return False
    return True


def about(bundle: Path) -> dict[str, Any]:
    """What the ledger keeps of a bundle. Raises OSError or ValueError where its manifest cannot be read."""
    path = bundle / MANIFEST
    what = json.loads(path.read_bytes())["what"]
    return {
        "bundle_id": bundle.name,
        "period_code": what["period_code"],
        "scope": what["scope"],
        "manifest_sha256": seal(path)[1],
    }


def verify(bundle: Path) -> list[str]:
    """Compare every file of a bundle with its manifest, and the manifest against the bundle's name.

    Returns the faults, one text each ('missing: tasks.csv'); [] when the bundle is whole.
    """
    try:
        manifest = json.loads((bundle / MANIFEST).read_bytes())
        listed, named = dict(manifest["files"]), _bundle_id(manifest)
    except FileNotFoundError:
        return [f"missing: {MANIFEST}"]
    except (ValueError, KeyError, TypeError, AttributeError):
        return [f"changed: {MANIFEST}"]
    if named != bundle.name:  # a list that was changed proves nothing about the files
        return [f"changed: {MANIFEST}"]
    found = {path.name: path for path in bundle.iterdir() if path.name != MANIFEST}
    faults = [f"missing: {name}" for name in sorted(listed.keys() - found.keys())]
    faults += [f"extra: {name}" for name in sorted(found.keys() - listed.keys())]
    for name in sorted(listed.keys() & found.keys()):
        if not found[name].is_file() or seal(found[name]) != (listed[name]["bytes"], listed[name]["sha256"]):
            faults.append(f"changed: {name}")
    return faults


# ---------------------------------------------------------------- sealing


def _made_from(origin: Origin) -> dict[str, Any]:
    made_from: dict[str, Any] = {
        "submissions": origin.submissions,
        "earlier_submissions": origin.earlier,
        "sources_fingerprint": origin.sources_fingerprint,
    }
    if origin.approvals:  # a home without any has bundles that do not know the word
        made_from["approvals"] = [one | {"acted_at": one["acted_at"].isoformat()} for one in origin.approvals]
    return made_from


@cache
def _versions() -> dict[str, str]:
    """What a bundle's bytes depend on besides the figures: libraries, models, wording, and the code that writes it."""
    said = digest_of_files([*MODELS.rglob("*.sql"), *MODELS.rglob("*.yml"), *wording_files(*WORDED)])
    code = hashlib.sha256(f"{digest_of_code('bundles')}{said}".encode()).hexdigest()
    return {package: version(package) for package in _VERSIONS} | {"code": code}


def _write_workbook(con: duckdb.DuckDBPyConnection, extract: Extract, folder: Path) -> dict[str, int | None]:
    name = f"{extract.stem}.xlsx"
    save(workbook(extract), folder / name, datetime.combine(extract.as_of_on, time()))
    return {name: sum(len(table.rows) for table in extract.tables.values())}


def _write_report(con: duckdb.DuckDBPyConnection, extract: Extract, folder: Path) -> dict[str, int | None]:
    from pipelines.bundles.report.report import official_report  # Word and charts: slow to load

    name = f"{extract.stem.replace('kpi57', 'bao-cao', 1)}.docx"
    save_office(official_report(extract), folder / name, datetime.combine(extract.as_of_on, time()))
    return {name: None}


# What is written into a bundle. Each writes its files into the folder and returns their rows, None where it has none.
_WRITERS: tuple[Callable[[duckdb.DuckDBPyConnection, Extract, Path], dict[str, int | None]], ...] = (
    _write_workbook,
    _write_report,
    write_tables,
)


def _write(con: duckdb.DuckDBPyConnection, extract: Extract, origin: Origin, folder: Path) -> dict[str, Any]:
    """Write all files of the bundle into the folder. Returns its manifest."""
    rows = {name: count for write in _WRITERS for name, count in write(con, extract, folder).items()}
    files = {}
    for name, count in rows.items():
        size, sha256 = seal(folder / name)
        files[name] = {"rows": count, "bytes": size, "sha256": sha256}
    manifest = {
        "what": {"period_code": extract.period_code, "scope": extract.scope, "communes": list(extract.communes)},
        "as_of_on": extract.as_of_on.isoformat(),
        "is_illustrative": extract.is_illustrative,
        "made_from": _made_from(origin),
        "ledger": origin.ledger,
        "snapshot": snapshot(con, extract),
        "versions": _versions(),
        "files": files,
    }
    path = folder / MANIFEST
    path.write_text(as_json(manifest), encoding="utf-8", newline="\n")
    fsync(path)
    return manifest


def _bundle_id(manifest: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(as_json(manifest).encode()).hexdigest()
    return f"{manifest['as_of_on'].replace('-', '')}-{digest[:12]}"
