"""Damaged forms among good ones, in one inbox, through the real run.

    .venv/bin/python -m benchmarks.damaged --damaged 2000 --good 50

Forms are damaged at random: bytes, members of the package, attributes of the XML. What must hold: the run exits 0, the
good files give exactly their facts, and each damaged file gives a reason, or figures equal to what openpyxl and
python-calamine show in its cells (where openpyxl cannot open it, LibreOffice, where it is installed).
"""

from __future__ import annotations

import argparse
import io
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
from python_calamine import CalamineWorkbook

from pipelines.agencies.form import write_template
from pipelines.home import Home
from pipelines.registry import registry as registries

OF_GOOD, OF_DAMAGED = ("2026-09", "2026-10"), ("2026-07", "2026-08")


# ---------------------------------------------------------------- the files


def forms(registry: registries.Registry, folder: Path, periods: tuple[str, ...], seed: int) -> list[tuple[Path, str]]:
    """A filled form of every agency of every commune with a plan, and the folder of its agency."""
    dice, made = random.Random(seed), []
    for commune in sorted(registry.commune_codes_with_plans):
        for period in periods:
            on = registry.period_of(commune, period).ends_on
            for agency in registry.agencies_of(commune, on):
                answers = figures(registry.indicators_of(commune, agency, on), dice)
                path = folder / f"{commune}-{agency}-{period}.xlsx"
                write_template(registry, commune, agency, period, path, answers=answers)
                made.append((path, f"{registry.folder_of(commune)}/{agency}"))
    return made


def figures(indicators: list[dict[str, Any]], dice: random.Random) -> dict[str, dict[str, Any]]:
    answers: dict[str, dict[str, Any]] = {}
    for indicator in indicators:
        code = indicator["indicator_code"]
        if indicator["kind"] == "ratio":
            below = dice.randint(50, 9000)
            answers[code] = {"numerator": dice.randint(0, below), "denominator": below}
        elif indicator["kind"] == "amount":
            answers[code] = {"value": dice.randint(1, 500)}
    return answers


def damaged(data: bytes, dice: random.Random) -> tuple[str, bytes]:
    """A form damaged in one of the three ways; which, and the bytes."""
    way = dice.choice(("bytes", "members", "attributes"))
    if way == "bytes":
        changed = bytearray(data)
        for _ in range(dice.choice((1, 1, 2, 5, 50))):
            changed[dice.randrange(len(changed))] = dice.randrange(256)
        if dice.random() < 0.2:
            del changed[dice.randrange(len(changed)) :]
        return way, bytes(changed)
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        parts = [(name, package.read(name)) for name in package.namelist()]
    if way == "members":
        at = dice.randrange(len(parts))
        what = dice.choice(("lost", "twice", "renamed", "emptied", "swapped", "cut"))
        name, content = parts[at]
        if what == "lost":
            del parts[at]
        elif what == "twice":
            parts.append((name, parts[dice.randrange(len(parts))][1]))
        elif what == "renamed":
            parts[at] = name + "x", content
        elif what == "swapped":
            other = dice.randrange(len(parts))
            parts[at], parts[other] = (name, parts[other][1]), (parts[other][0], content)
        else:
            parts[at] = name, b"" if what == "emptied" else content[: dice.randrange(len(content) + 1)]
    else:
        for _ in range(dice.choice((1, 1, 3, 10))):
            at = dice.randrange(len(parts))
            name, content = parts[at]
            places = [match.span(1) for match in re.finditer(rb'="([^"]{1,40})"', content)]
            if places:
                begin, end = dice.choice(places)
                value = dice.choice((b"", b"0", b"1", b"-1", b"99999999", b"x", b"A1", content[begin:end] * 2, b"\xff"))
                parts[at] = name, content[:begin] + value + content[end:]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts:
            package.writestr(name, content)
    return way, buffer.getvalue()


# ---------------------------------------------------------------- the run, and what must hold


_FACTS = """
SELECT s.original_name, a.indicator_code, a.numerator, a.denominator, a.value
FROM core.fct_actual AS a JOIN core.fct_submission AS s USING (submission_id)
ORDER BY ALL
"""


_SILENT = """
SELECT original_name
FROM core.fct_submission AS s
WHERE original_name LIKE 'damaged%' AND status NOT IN ('accepted', 'partly_accepted', 'duplicate', 'empty')
    AND NOT EXISTS (FROM core.fct_rejection AS r WHERE r.submission_id = s.submission_id AND severity <> 'warn')
"""
_STATUSES = """
SELECT status, count(*) FROM core.fct_submission WHERE original_name LIKE 'damaged%' GROUP BY ALL ORDER BY ALL
"""


def run(home: Home) -> tuple[int, float]:
    beside = Path(sys.executable).parent / "kpi57"
    start = time.monotonic()
    done = subprocess.run([beside, "run"], env={**os.environ, "KPI57_HOME": str(home.root)}, check=False)
    return done.returncode, time.monotonic() - start


def asked(home: Home, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with duckdb.connect(home.published, read_only=True) as con:
        return con.execute(sql, parameters).fetchall()


def put(home: Home, files: list[tuple[Path, str]]) -> None:
    for path, folder in files:
        (home.inbox / folder).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, home.inbox / folder / path.name)


def unexplained(home: Home, kept: Path) -> list[str]:
    """The figures of damaged files that no witness shows, and files without figures and without a reason."""
    silent = asked(home, _SILENT)
    found = [f"{name}: no figure and no reason" for (name,) in silent]
    facts = asked(home, "SELECT s.original_name, a.source_sheet, a.source_cell, a.numerator, a.value "
                        "FROM core.fct_actual AS a JOIN core.fct_submission AS s USING (submission_id) "
                        "WHERE s.original_name LIKE 'damaged%' ORDER BY ALL")  # fmt: skip
    shown: dict[str, Any] = {}
    for name, sheet, cell, numerator, value in facts:
        if name not in shown:
            shown = {name: witnesses(kept / name)}
        said = [one(sheet, cell) for one in shown[name]]
        if not any(equal(one, numerator) or equal(one, value) for one in said):
            found.append(f"{name}: {sheet}!{cell} is {numerator or value}, shown {said}")
    return found


def witnesses(path: Path) -> list[Any]:
    """Ways to ask what a cell shows, of the programs that can open the file."""
    ways: list[Any] = []
    for program in (_by_openpyxl, _by_calamine):
        try:
            ways.append(program(path))
        except Exception as error:  # noqa: BLE001 - whatever it raises, it is no witness
            print(f"  {path.name}: {program.__name__}: {type(error).__name__}", file=sys.stderr)
    if not ways and shutil.which("soffice"):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["soffice", "--headless", "--convert-to", "xlsx", "--outdir", folder, path], check=False,
                           capture_output=True, timeout=120)  # fmt: skip
            ways += [_by_openpyxl(made) for made in Path(folder).glob("*.xlsx")]
    return ways


def _by_openpyxl(path: Path) -> Callable[[str, str], Any]:
    book = openpyxl.load_workbook(path, data_only=True)
    return lambda sheet, cell: book[sheet][cell].value if sheet in book.sheetnames else None


def _by_calamine(path: Path) -> Callable[[str, str], Any]:
    book = CalamineWorkbook.from_path(str(path))
    return lambda sheet, cell: at(book, sheet, cell)


def at(book: CalamineWorkbook, sheet: str, cell: str) -> Any:
    row, column = openpyxl.utils.cell.coordinate_to_tuple(cell)
    rows = book.get_sheet_by_name(sheet).to_python(skip_empty_area=False)
    return rows[row - 1][column - 1] if row <= len(rows) and column <= len(rows[row - 1]) else None


def equal(shown: Any, fact: Decimal | None) -> bool:
    try:
        return fact is not None and abs(Decimal(str(shown).replace(",", ".")) - fact) < Decimal("0.0001")
    except InvalidOperation:
        return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--damaged", type=int, default=2000)
    parser.add_argument("--good", type=int, default=50)
    parser.add_argument("--seed", type=int, default=57)
    parser.add_argument("--keep", type=Path, help="Work here and leave everything.")
    given = parser.parse_args()
    registry, dice = registries.load(), random.Random(given.seed)
    with tempfile.TemporaryDirectory() as made:
        root = given.keep or Path(made)
        for name in ("good", "whole", "damaged"):
            (root / name).mkdir(parents=True, exist_ok=True)
        good = dice.sample(forms(registry, root / "good", OF_GOOD, given.seed), given.good)
        whole = forms(registry, root / "whole", OF_DAMAGED, given.seed + 1)
        bad, ways = [], Counter[str]()
        for number in range(given.damaged):
            path, folder = whole[number % len(whole)]
            way, data = damaged(path.read_bytes(), dice)
            place = root / "damaged" / f"damaged-{number:04}-{way}.xlsx"
            place.write_bytes(data)
            bad.append((place, folder))
            ways[way] += 1
        alone, together = Home(root / "alone"), Home(root / "together")
        put(alone, good)
        put(together, good + bad)
        print(f"{len(good)} good files alone: exit code {run(alone)[0]}")
        code, seconds = run(together)
        print(f"with {len(bad)} damaged ones ({dict(ways)}): exit code {code}, {seconds:.0f} s")
        theirs = asked(alone, _FACTS)
        mine = [row for row in asked(together, _FACTS) if not row[0].startswith("damaged")]
        is_same = "equal" if theirs == mine else "OTHER"
        print(f"facts of the good files: {len(theirs)} alone, {len(mine)} together, {is_same}")
        statuses = asked(together, _STATUSES)
        print(f"what became of the damaged: {dict(statuses)}")
        odd = unexplained(together, root / "damaged")
        print(f"without a reason, or with a figure that no witness shows: {len(odd)}")
        print("\n".join(odd[:50]))
        if code or theirs != mine or odd:
            sys.exit(1)


if __name__ == "__main__":
    main()
