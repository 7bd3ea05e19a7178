"""Bundles for the city and the communes: a workbook to read and print, a report to sign, the tables as CSV, a manifest.

A bundle is immutable and carries no clock time: the same state of the warehouse gives the same bytes. What it says
(extract.py) and how its workbook looks (extract_workbook.py) do not belong here.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from datetime import date, datetime, time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb

from pipelines.home import Home
from pipelines.outputs.extract import Extract, read_extract
from pipelines.outputs.extract_workbook import workbook
from pipelines.outputs.workbook import save, save_csv, save_office
from pipelines.warehouse import fsync

MANIFEST = "manifest.json"
# what the bytes of a bundle depend on besides the figures
_VERSIONS = ("kpi57", "duckdb", "openpyxl", "python-docx", "matplotlib", "pillow")


class BundleDamagedError(RuntimeError):
    """A bundle that stands already is not what its name says; it is left for a person to look at."""


def export(
    home: Home, con: duckdb.DuckDBPyConnection, period_code: str, scope: str, *, only_if_new: bool = False
) -> Path:
    """Write the bundle of a period for a commune (its code) or for all communes with plans ('city').

    con: a database with core and marts built. only_if_new: where a bundle made from the same submissions and sources
    stands, return it, even if it speaks of an earlier day. Returns the bundle's folder; one that stands already is
    checked and returned as it is. Raises LookupError for an unknown period or a commune without a plan,
    BundleDamagedError if the bundle stands already and is not whole. One export at a time, under the run lock.
    """
    extract = read_extract(con, period_code, scope)
    above = home.exports / period_code / scope
    above.mkdir(parents=True, exist_ok=True)
    for left in home.exports.glob(".making-*"):  # by a run that was cut off
        shutil.rmtree(left)
    if only_if_new and (standing := _made_from_the_same(above, extract)):
        return standing
    with tempfile.TemporaryDirectory(prefix=".making-", dir=home.exports) as making:
        made = Path(making) / "bundle"
        made.mkdir()
        bundle = above / _write(extract, made)
        if not bundle.exists():
            fsync(made)
            made.rename(bundle)
            fsync(above)
        elif faults := verify(bundle):
            raise BundleDamagedError(f"{home.shown(bundle)} is not whole: {'; '.join(faults)}")
    return bundle


def verify(bundle: Path) -> list[str]:
    """Hold every file of a bundle against its manifest, and the manifest against the bundle's name.

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
        if not found[name].is_file() or _seal(found[name]) != (listed[name]["bytes"], listed[name]["sha256"]):
            faults.append(f"changed: {name}")
    return faults


# ---------------------------------------------------------------- sealing


def _made_from_the_same(above: Path, extract: Extract) -> Path | None:
    """The newest bundle made from the same submissions and sources by the same versions, if one stands."""
    for bundle in sorted(above.glob("[0-9]*"), reverse=True):
        manifest = json.loads((bundle / MANIFEST).read_bytes())
        if manifest["made_from"] == _made_from(extract) and manifest["versions"] == _versions():
            return bundle
    return None


def _made_from(extract: Extract) -> dict[str, Any]:
    return {"submissions": extract.submissions, "sources_fingerprint": extract.sources_fingerprint}


def _versions() -> dict[str, str]:
    return {package: version(package) for package in _VERSIONS}


def _write(extract: Extract, folder: Path) -> str:
    """Write all files of the bundle into the folder. Returns the bundle's id."""
    from pipelines.outputs.official_report import official_report  # Word and charts: slow to load

    name = f"{extract.stem}.xlsx"
    save(workbook(extract), folder / name, datetime.combine(extract.as_of_on, time()))
    rows = {name: sum(len(table.rows) for table in extract.tables.values())}
    report = f"{extract.stem.replace('kpi57', 'bao-cao', 1)}.docx"
    save_office(official_report(extract), folder / report, datetime.combine(extract.as_of_on, time()))
    rows[report] = rows[name]
    for name, table in extract.tables.items():
        save_csv(folder / f"{name}.csv", table.columns, ([_csv_value(v) for v in row] for row in table.rows))
        rows[f"{name}.csv"] = len(table.rows)
    files = {}
    for name, count in rows.items():
        size, sha256 = _seal(folder / name)
        files[name] = {"rows": count, "bytes": size, "sha256": sha256}
    manifest = {
        "what": {"period_code": extract.period_code, "scope": extract.scope, "communes": list(extract.communes)},
        "as_of_on": extract.as_of_on.isoformat(),
        "is_illustrative": extract.is_illustrative,
        "made_from": _made_from(extract),
        "versions": _versions(),
        "files": files,
    }
    path = folder / MANIFEST
    path.write_text(_as_json(manifest), encoding="utf-8", newline="\n")
    fsync(path)
    return _bundle_id(manifest)


def _bundle_id(manifest: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(_as_json(manifest).encode()).hexdigest()
    return f"{manifest['as_of_on'].replace('-', '')}-{digest[:12]}"


def _as_json(value: Any) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _seal(path: Path) -> tuple[int, str]:
    data = path.read_bytes()
    return len(data), hashlib.sha256(data).hexdigest()


def _csv_value(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return " ".join(value)
    return value.isoformat() if isinstance(value, date) else value
