"""The proof of the published copy: its sha256, kept beside it in a file of its own, and what differs where the copy is
not the one that was published. How it is made is publishing.py."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import duckdb

from pipelines.files import write_whole
from pipelines.home import Home
from pipelines.warehouse.database import PUBLISHED_SCHEMAS
from pipelines.warehouse.rows import literal


class AlteredError(RuntimeError):
    """The published copy is not the one that was published; nothing is made from it."""


def digest(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def prove(home: Home, digests: Sequence[str]) -> None:
    """Note which copies are right: the new one; while it is swapped in, the old one too. As sha256sum writes it."""
    write_whole(home.proof, "".join(f"{one}  {home.published.name}\n" for one in digests))


def proven(home: Home) -> list[str]:
    """The digests of which the published copy must have one; [] where none is kept."""
    try:
        return [line.split()[0] for line in home.proof.read_text(encoding="utf-8").splitlines() if line.strip()]
    except FileNotFoundError:
        return []


def is_untouched(home: Home) -> bool:
    """Whether the published copy is there, and as it was published."""
    return home.published.exists() and digest(home.published) in proven(home)


def insist(home: Home) -> None:
    """Raise AlteredError where there is a published copy and it is not as it was published."""
    if home.published.exists() and not is_untouched(home):
        raise AlteredError(
            f"{home.shown(home.published)} is not as it was published ('kpi57 doctor' names the difference): "
            "'kpi57 run' publishes it again"
        )


def forget(home: Home) -> None:
    """Let the next run publish, whatever is there."""
    home.proof.unlink(missing_ok=True)


def differences(home: Home) -> list[str]:
    """In what the published copy differs from what was built, by table; [] where nothing is found or there is no built
    copy. Changes nothing."""
    found = []
    with duckdb.connect() as con:
        for name, path in (("published", home.published), ("built", home.built)):
            if not path.exists():
                return []
            con.execute(f"ATTACH {literal(str(path))} AS {name} (READ_ONLY)")
        tables = {name: {row[0] for row in con.execute(
            "SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE database_name = ? "
            "AND list_contains(?, schema_name)", [name, list(PUBLISHED_SCHEMAS)]).fetchall()}
            for name in ("published", "built")}  # fmt: skip
        found += [f"{table} is gone" for table in sorted(tables["built"] - tables["published"])]
        found += [f"{table} is more" for table in sorted(tables["published"] - tables["built"])]
        for table in sorted(tables["built"] & tables["published"]):
            if table == "core.fct_bundle":  # entered after publishing
                continue
            other = con.execute(f"FROM published.{table} EXCEPT ALL FROM built.{table}").fetchall()
            lost = con.execute(f"FROM built.{table} EXCEPT ALL FROM published.{table}").fetchall()
            if other or lost:
                shown = ", ".join(map(str, (other or lost)[0]))
                found.append(
                    f"{table}: {len(other)} rows not as built, {len(lost)} missing, for example ({shown[:200]})"
                )
    return found
