"""The scorecard's files: written only where they changed, old ones removed, nothing done where nothing is new.

What the pages say does not belong here (pages.py, board.py).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from pipelines.home import Home
from pipelines.made_with import digest_of_code, digest_of_files
from pipelines.office.colours import as_css
from pipelines.office.figures import FORM
from pipelines.office.wording import files as wording_files
from pipelines.office.wording import say
from pipelines.scorecard.board import read_board, state_of
from pipelines.scorecard.cities import cities_of, is_country, of_city
from pipelines.scorecard.country import COUNTRY_TABLES, CountryPages, read_country
from pipelines.scorecard.downloads import FOLDER, Download, Table, packed_of
from pipelines.scorecard.environment import ASSETS, HERE
from pipelines.scorecard.front import SETTINGS
from pipelines.scorecard.pages import Pages, Unmade
from pipelines.scorecard.series import FOLDER as SERIES
from pipelines.scorecard.taken_away import tables, workbooks
from pipelines.vietnamese import slug

Paths = Collection[Path]
WORDED = ("labels", "method", "site")  # the wording that the pages are made with
MARK = ".made-from.json"
FOLDERS = ("assets", FOLDER, SERIES)  # in which every file is the site's own


class Site(NamedTuple):
    """What is written of one site: its pages by name, the tables and the workbooks to take away."""

    pages: Iterable[tuple[str, str | Unmade]]
    tables: Iterable[Table]
    workbooks: Iterable[Download]


def _of_city(con: duckdb.DuckDBPyConnection, *, in_country: bool) -> Site:
    pages = Pages(read_board(con), in_country=in_country)
    return Site(pages.unmade(), tables(pages), workbooks(pages))


def _of_country(con: duckdb.DuckDBPyConnection) -> Site:
    pages = CountryPages(read_country(con))
    return Site(pages.all(), pages.tables(), pages.workbooks())


def write_site(home: Home, con: duckdb.DuckDBPyConnection) -> int:
    """Make warehouse/site/ say what the database says. Returns how many files were written or removed.

    con: a database with core and marts built. Of several cities each has a site of its own below the pages of the
    country; a city of which nothing is new is left alone.
    """
    made_with = digest_of_code("scorecard") + digest_of_files([FORM, SETTINGS, *wording_files(*WORDED)])
    cities = cities_of(con)
    if not is_country(home, cities):
        return _write_if_new(home.site, made_with, state_of(con), lambda: _of_city(con, in_country=False))
    below = {code: home.site / slug(code) for code in cities}
    state = state_of(con, COUNTRY_TABLES)
    folders = set(below.values())
    if _standing(home.site, _made_from(made_with, state), folders) and all(map(_whole, folders)):
        return 0
    changed = 0
    for code, site in below.items():
        with of_city(con, code):
            state_of_one = f"{state_of(con)} in the country"
            changed += _write_if_new(site, made_with, state_of_one, lambda: _of_city(con, in_country=True))
    return changed + _write_if_new(home.site, made_with, state, lambda: _of_country(con), folders)


def _made_from(made_with: str, state: str) -> str:
    return hashlib.sha256(f"{state}{made_with}".encode()).hexdigest()


def _write_if_new(site: Path, made_with: str, state: str, make: Callable[[], Site], below: Paths = ()) -> int:
    """Write one site. below: the folders in it that are sites of their own. Returns how many files were written or
    removed. The mark is written last: a site that was not finished is made again."""
    made_from = _made_from(made_with, state)
    if _standing(site, made_from, below):
        return 0
    before = _mark(site)
    (site / MARK).unlink(missing_ok=True)
    files = {f"assets/{name}": (HERE / "assets" / name).read_bytes() for name in ASSETS}
    files["assets/site.css"] = f"{as_css()}{_on_paper()}".encode() + files["assets/site.css"]
    sizes: dict[str, int] = {}
    digests: dict[str, str] = {}
    changed = 0
    made = make()

    def stands(name: str, digest: str) -> bool:
        """Whether a file is there, as it was made from the same."""
        digests[name] = digest
        there = (site / name).stat().st_size if (site / name).is_file() else None
        return bool(before["digests"].get(name) == digest and before["files"].get(name) == there)

    def texts() -> Iterator[tuple[str, bytes]]:
        for name, page in made.pages:
            if not isinstance(page, Unmade):
                yield name, page.encode()
            elif stands(name, _made_from(made_with, page.digest)):
                sizes[name] = before["files"][name]
            else:
                yield name, page.make().encode()

    packed = ((packed_of(table.name), table.packed()) for table in made.tables)
    for name, data in chain(files.items(), texts(), packed):
        changed += _write(site / name, data)
        sizes[name] = len(data)
    for download in made.workbooks:
        path = site / download.workbook
        if not stands(download.workbook, download.digest(made_with)):
            download.write(path)
            changed += 1
        sizes[download.workbook] = path.stat().st_size
    for path in _found(site, below):
        if path.relative_to(site).as_posix() not in sizes:
            path.unlink()
            changed += 1
    mark = {"made_from": made_from, "files": sizes, "digests": digests}
    _write(site / MARK, json.dumps(mark, indent=1, sort_keys=True).encode() + b"\n")
    return changed


def _on_paper() -> str:
    """What stands on every printed page; how it looks is in site.css."""
    number = say("labels.page", page='" counter(page) "', pages='" counter(pages) "')
    return (f'@page {{ @bottom-right {{ content: "{number}"; }} }}\n'
            f'@page illustrative {{ @top-center {{ content: "{say("labels.illustrative")}"; }} }}\n')  # fmt: skip


def _standing(site: Path, made_from: str, below: Paths = ()) -> bool:
    """Whether the site was made from the same, and every file of it is there."""
    return bool(_mark(site)["made_from"] == made_from and _whole(site, below))


def _whole(site: Path, below: Paths = ()) -> bool:
    """Whether the site was finished, and every file of it is there."""
    sizes = {path.relative_to(site).as_posix(): path.stat().st_size for path in _found(site, below)}
    return bool(_mark(site)["files"] == sizes)


def _mark(site: Path) -> dict[str, Any]:
    """What the site was made from, the sizes of its files, and the digests of what workbooks and the pages of which
    there are many were made from; nothing where it was not finished or is of a version before."""
    nothing: dict[str, Any] = {"made_from": None, "files": {}, "digests": {}}
    try:
        mark = json.loads((site / MARK).read_bytes())
    except (FileNotFoundError, ValueError):
        return nothing
    return nothing | mark if isinstance(mark, dict) else nothing


def _found(site: Path, below: Paths = ()) -> list[Path]:
    """The site's own files, what a killed run left half-written, and what is left of a site that was below it; a file
    somebody else put there is let be."""
    tops = [path for path in site.glob("*") if path not in below]
    files = (path for top in tops for path in (top, *top.rglob("*")) if path.is_file())
    return sorted(path for path in files if path != site / MARK and _is_own(path))


def _is_own(path: Path) -> bool:
    return path.suffix in (".html", ".new") or path.parent.name in FOLDERS or path.name == MARK


def _write(path: Path, data: bytes) -> bool:
    """Put the file in its place, whole, if it says something new. A file lost with the power is seen by its size."""
    if path.is_file() and path.read_bytes() == data:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_bytes(data)
    temporary.replace(path)
    return True
