"""The scorecard's files: written only where they changed, old ones removed, nothing done where nothing is new.

What the pages say does not belong here (pages.py, board.py).
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import duckdb

from pipelines.home import Home
from pipelines.made_with import digest_of_code, digest_of_files
from pipelines.office.colours import as_css
from pipelines.office.figures import FORM
from pipelines.office.wording import files as wording_files
from pipelines.office.wording import say
from pipelines.scorecard.board import read_board, state_of
from pipelines.scorecard.downloads import FOLDER, packed_of
from pipelines.scorecard.front import SETTINGS
from pipelines.scorecard.pages import ASSETS, HERE, Pages
from pipelines.scorecard.series import FOLDER as SERIES
from pipelines.scorecard.taken_away import tables, workbooks

WORDED = ("labels", "method", "site")  # the wording that the pages are made with
MARK = ".made-from.json"
FOLDERS = ("assets", FOLDER, SERIES)  # in which every file is the site's own


def write_site(home: Home, con: duckdb.DuckDBPyConnection) -> int:
    """Make warehouse/site/ say what the database says. Returns how many files were written or removed.

    con: a database with core and marts built. The mark is written last: a site that was not finished is made again.
    """
    made_with = digest_of_code("scorecard") + digest_of_files([FORM, SETTINGS, *wording_files(*WORDED)])
    made_from = hashlib.sha256(f"{state_of(con)}{made_with}".encode()).hexdigest()
    if _standing(home.site, made_from):
        return 0
    before = _mark(home.site)
    (home.site / MARK).unlink(missing_ok=True)
    files = {f"assets/{name}": (HERE / "assets" / name).read_bytes() for name in ASSETS}
    files["assets/site.css"] = f"{as_css()}{_on_paper()}".encode() + files["assets/site.css"]
    sizes: dict[str, int] = {}
    changed = 0
    for name, data in files.items():
        changed += _write(home.site / name, data)
        sizes[name] = len(data)
    pages = Pages(read_board(con))
    for name, text in pages.all():
        page = text.encode()
        changed += _write(home.site / name, page)
        sizes[name] = len(page)
    digests: dict[str, str] = {}
    for table in tables(pages):
        name, data = packed_of(table.name), table.packed()
        changed += _write(home.site / name, data)
        sizes[name] = len(data)
    for download in workbooks(pages):
        name, path = download.workbook, home.site / download.workbook
        digests[name] = download.digest(made_with)
        there = path.stat().st_size if path.is_file() else None
        if before["workbooks"].get(name) != digests[name] or before["files"].get(name) != there:
            download.write(path)
            changed += 1
        sizes[name] = path.stat().st_size
    for path in _found(home.site):
        if path.relative_to(home.site).as_posix() not in sizes:
            path.unlink()
            changed += 1
    mark = {"made_from": made_from, "files": sizes, "workbooks": digests}
    _write(home.site / MARK, json.dumps(mark, indent=1, sort_keys=True).encode() + b"\n")
    return changed


def _on_paper() -> str:
    """What stands on every printed page; how it looks is in site.css."""
    number = say("labels.page", page='" counter(page) "', pages='" counter(pages) "')
    return (f'@page {{ @bottom-right {{ content: "{number}"; }} }}\n'
            f'@page illustrative {{ @top-center {{ content: "{say("labels.illustrative")}"; }} }}\n')  # fmt: skip


def _standing(site: Path, made_from: str) -> bool:
    """Whether the site was made from the same, and every file of it is there."""
    mark = _mark(site)
    sizes = {path.relative_to(site).as_posix(): path.stat().st_size for path in _found(site)}
    return bool(mark["made_from"] == made_from and mark["files"] == sizes)


def _mark(site: Path) -> dict[str, Any]:
    """What the site was made from, the sizes of its files and the digests of its workbooks; nothing where it was not
    finished or is of a version before."""
    nothing: dict[str, Any] = {"made_from": None, "files": {}, "workbooks": {}}
    try:
        mark = json.loads((site / MARK).read_bytes())
    except (FileNotFoundError, ValueError):
        return nothing
    return nothing | mark if isinstance(mark, dict) else nothing


def _found(site: Path) -> list[Path]:
    """The site's own files, and what a killed run left half-written; a file somebody else put there is let be."""
    files = (path for path in site.rglob("*") if path.is_file())
    return sorted(path for path in files if path.suffix in (".html", ".new") or path.parent.name in FOLDERS)


def _write(path: Path, data: bytes) -> bool:
    """Put the file in its place, whole, if it says something new. A file lost with the power is seen by its size."""
    if path.is_file() and path.read_bytes() == data:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_bytes(data)
    temporary.replace(path)
    return True
