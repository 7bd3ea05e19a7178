"""Real files of other projects: each gives its cells or a problem with a name, and costs the others nothing.

The files lie outside the project (conftest.CORPUS); without them this module is not collected.
"""

import csv
import datetime as dt
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import corpus_calls
import pytest
import python_calamine
from conftest import CORPUS, VINH_LAI

from pipelines import flow
from pipelines.reading.formats.cell_values import number_cell
from pipelines.reading.formats.csv_text import decode
from pipelines.reading.formats.package import Package
from pipelines.reading.formats.xlsx_sheet import Shared, parse_sheet, scan_sheet
from pipelines.reading.read import Job, read_all
from pipelines.reading.sheet import Cell
from pipelines.workers import SECONDS_A_CALL, WORKERS, run_limited

with (CORPUS / "INDEX.csv").open(encoding="utf-8") as _handle:
    INDEX = {row["file"]: row for row in csv.DictReader(_handle)}

UNREADABLE = {
    "ExcelDataReader+ExcelDataReader__TestExcel_2040.xls": ("protected", "asks for a password"),
    "ExcelDataReader+ExcelDataReader__agile_AES128_MD5_CBC_pwd_password__6a8b0565.xlsx": ("protected", "likewise"),
    "SheetJS+test_files__password_2002_128_enhrsa.xls": ("protected", "likewise"),
    "PHPOffice+PhpSpreadsheet__oleloop.xls": ("damaged", "1 kB of a container that points to itself; aborts calamine"),
    "apache+poi__Simple.xlsb": ("damaged", "written by a preview of Excel 2007, with other records; calamine panics"),
    "apache+poi__clusterfuzz-testcase-minimized-POIHSSFFuzzer-4657005060816896.xls": (
        "damaged",
        "made to break readers",
    ),
    "apache+poi__clusterfuzz-testcase-minimized-POIXSSFFuzzer-6419366255919104.xlsx": ("damaged", "likewise"),
    "apache+poi__clusterfuzz-testcase-minimized-POIXSSFFuzzer-6448258963341312.xlsx": ("damaged", "likewise"),
    "apache+poi__poc-xmlbomb.xlsx": ("unsafe", "entities that unfold into gigabytes"),
    "mini-software+MiniExcel__TestIssue459.xlsx": (
        "damaged",
        "lists a sheet that is missing; openpyxl says nothing of it",
    ),
    "tealeg+xlsx__badfile_noWorksheets.xlsx": ("damaged", "all the sheets it lists are missing"),
    "wireservice+csvkit__empty.csv": ("empty", "one line break"),
}
# Cells more (or less) than the best of calamine and openpyxl see.
DIFFERENT = {
    "PHPOffice+PhpSpreadsheet__RepeatedDataCells.ods": (7, "calamine stops at a cell that is repeated"),
    "PHPOffice+PhpSpreadsheet__explicitdate.xlsx": (2, "formulas never calculated"),
    "SheetJS+test_files__apachepoi_34775.xls.xlsb": (2012, "calamine fails"),
    "SheetJS+test_files__apachepoi_IndexFunctionTestCaseData.xls.xlsb": (104, "errors"),
    "SheetJS+test_files__apachepoi_WeekNumFunctionTestCaseData.xls.xlsb": (8, "errors"),
    "SheetJS+test_files__apachepoi_testRVA.xls.xlsb": (5, "errors"),
    "SheetJS+test_files__comments_stress_test.xls": (3, "errors"),
    "SheetJS+test_files__wtf_path.xlsx": (3, "formulas never calculated"),
    "apache+poi__13796.xls": (12, "errors"),
    "apache+poi__FactDoubleFunctionTestCaseData.xls": (4, "errors"),
    "apache+poi__excelant.xls": (2, "errors"),
    "apache+poi__45540_classic_Footer.xlsx": (-2, "cells with one space"),
    "apache+poi__AverageTaxRates.xlsx": (-2, "cells with one space"),
    "apache+poi__FormulaEvalTestData_Copy.xlsx": (-2, "cells with two spaces"),
}
# Cells read otherwise than by calamine.
OTHERWISE = {
    "SheetJS+test_files__LONumbers-2011.xls": "negative numbers under date formats, which calamine makes times of day",
    "SheetJS+test_files__formula_stress_test.ods": "errors, which calamine makes 0",
}


@pytest.fixture(scope="module")
def found():
    """{file: its cells by sheet, or why it cannot be read}, read in real workers with the real limits."""
    paths = [CORPUS / name for name in INDEX]
    return {path.name: outcome for path, outcome in run_limited(corpus_calls.cells_of, paths)}


def test_every_file_gives_its_cells_or_a_problem_with_a_name(registry):
    start = time.monotonic()
    outcomes = {job.key: reading for job, reading in read_all([Job(n, CORPUS / n) for n in INDEX], registry.form)}
    assert time.monotonic() - start < 3 * SECONDS_A_CALL
    assert list(outcomes) == list(INDEX)
    problems = {name: reading["problem"] for name, reading in outcomes.items() if reading["problem"]}
    assert problems == {name: code for name, (code, _) in UNREADABLE.items()}
    assert set(problems.values()) <= set(registry.form["problems"])


def test_the_cells_read_are_the_cells_there_are(found):
    differing = {}
    for name, sheets in found.items():
        if name in UNREADABLE or name.endswith(".csv"):
            continue
        seen = max(int(INDEX[name][f"nonempty_cells_{library}"] or 0) for library in ("calamine", "openpyxl"))
        more = sum(len(cells) for _, cells in sheets) - seen
        if more:
            differing[name] = more
    assert differing == {name: more for name, (more, _) in DIFFERENT.items()}


def test_what_is_more_than_the_libraries_see_is_errors_and_formulas(found):
    for name, (more, reason) in DIFFERENT.items():
        kinds = Counter(kind for _, cells in found[name] for kind, _ in cells.values())
        if reason == "errors":
            assert kinds["e"] == more, name
        elif reason == "formulas never calculated":
            assert kinds["f"] == more, name


def test_values_are_those_of_calamine(found):
    """Two readers that know nothing of each other agree on every cell both see, errors and percentages apart."""
    compared = 0
    for name in INDEX:
        if INDEX[name]["outcome_calamine"] != "ok" or name in OTHERWISE:
            continue
        ours = {(sheet, place): cell for sheet, cells in found[name] for place, cell in cells.items()}
        for sheet, place, (its_kind, its_text) in calamine_cells(CORPUS / name):
            kind, text = ours.get((sheet, place), ("", ""))
            assert text.strip() == its_text.strip(), (name, sheet, place)
            assert kind == its_kind or (kind, its_kind) == ("p", "n"), (name, sheet, place)
            compared += 1
    assert compared > 20_000


def calamine_cells(path):
    book = python_calamine.load_workbook(str(path))
    for meta in book.sheets_metadata:
        if meta.typ == python_calamine.SheetTypeEnum.WorkSheet:
            rows = book.get_sheet_by_name(meta.name).to_python(skip_empty_area=False)
            for row, values in enumerate(rows, 1):
                for column, value in enumerate(values, 1):
                    if (cell := as_read(value)) is not None:
                        yield meta.name, (row, column), cell


def as_read(value):
    """A Python value of calamine as (kind, text)."""
    match value:
        case str():
            return ("t", value) if value.strip() else None
        case bool():
            return ("b", "1" if value else "0")
        case int() | float():
            return tuple(number_cell(value))
        case dt.date():  # a datetime is one
            return ("d", value.isoformat()[:10])
        case dt.time():
            return tuple(number_cell((value.hour * 3600 + value.minute * 60 + value.second) / 86400
                                     + value.microsecond / 864e8, "d"))  # fmt: skip
        case dt.timedelta():
            return tuple(number_cell(value / dt.timedelta(days=1), "duration"))
    raise TypeError(value)


def test_the_scan_and_the_parser_read_the_same():
    scanned = 0
    for name in INDEX:
        if not name.endswith((".xlsx", ".xlsm")) or name in UNREADABLE:
            continue
        package = Package((CORPUS / name).read_bytes())
        for part in (n for n in package.names if n.startswith("xl/worksheets/") and n.endswith(".xml")):
            shared = Shared(
                [Cell("t", f"text {n}") for n in range(5000)], False, ["", "d", "p", "duration"] * 100, False
            )
            found = scan_sheet(package.read(part), shared)
            if found is not None:
                assert found[:-1] == parse_sheet(package, part, shared, 0)[:-1], (name, part)
                scanned += 1
    assert scanned > 100


def test_no_letter_of_a_text_table_is_lost(found):
    for name in INDEX:
        if name.endswith(".csv") and name not in UNREADABLE:
            read = "".join(text for _, cells in found[name] for _, text in cells.values())
            assert letters(read) == letters(decode((CORPUS / name).read_bytes())), name


def letters(text):
    """A text's characters but for white space, quotes and what may be a delimiter."""
    return Counter(char for char in text if not char.isspace() and char not in '",;')


def run_as_its_user_types_it():
    """The whole daily run, feedback and extracts included, within its memory."""
    done = subprocess.run([sys.executable, Path(__file__).with_name("corpus_calls.py")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    own, largest_child = map(int, done.stdout.split()[-2:])
    assert own + (WORKERS + 1) * largest_child < 2048  # MiB; at most so many children work at once


@pytest.mark.parametrize("first", ["good", "bad"])
def test_all_of_it_in_one_inbox_beside_good_files(home, office, ask, first):
    names = {"good": "0 {}.xlsx", "bad": "zz {}.xlsx"}[first]  # files that came together are taken by their names
    good = [
        office.send("CA", period, {"XHS-02": {"numerator": 20, "denominator": 40}}, name=names.format(period))
        for period in ("2026-09", "2026-10")
    ]
    bad = [Path(shutil.copy(CORPUS / name, office.folder(VINH_LAI, "CA"))) for name in INDEX]
    for path in (*good, *bad):
        os.utime(path, (time.time() - 3600,) * 2)

    if first == "good":
        run_as_its_user_types_it()
    else:
        flow.run_steps(home)

    assert not [path for path in home.inbox.rglob("*") if path.is_file()]
    submissions = ask("SELECT original_name, status, submission_id FROM core.fct_submission ORDER BY received_at")
    assert {name for name, _, _ in submissions} == {*INDEX, *(path.name for path in good)}
    assert {name for name, _, _ in (submissions[:2] if first == "good" else submissions[-2:])} == {p.name for p in good}
    reasons = dict(ask("SELECT submission_id, any_value(message) FROM core.fct_rejection GROUP BY ALL"))
    for name, status, submission in submissions:
        if name in INDEX:
            assert status == "duplicate" or (status in ("rejected", "unreadable") and reasons[submission]), name
            assert (status == "unreadable") == (name in UNREADABLE), name
        else:
            assert status == "accepted", name
    assert ask("SELECT period_code, numerator, denominator, value FROM core.fct_actual ORDER BY ALL") == [
        ("2026-09", 20, 40, 50),
        ("2026-10", 20, 40, 50),
    ]
