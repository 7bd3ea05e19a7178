"""Inputs for the benchmarks: filled forms of one real agency, each with its own figures, from a fixed seed."""

from __future__ import annotations

import random
from pathlib import Path

import openpyxl

from pipelines.outputs.template import write_template
from pipelines.registry import Registry

COMMUNE, AGENCY = "11164", "VHXH"  # 21 indicators and 47 tasks: a long form


def make_workbooks(registry: Registry, folder: Path, number: int, seed: int = 57) -> list[Path]:
    """Write the agency's form of October 2026 with different figures each time. Returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    dice = random.Random(seed)
    blank = write_template(registry, COMMUNE, AGENCY, "2026-10", folder / "blank.xlsx")
    book = openpyxl.load_workbook(blank)
    blank.unlink()
    rows = _answer_rows(book["Chỉ tiêu"])
    files = []
    for n in range(number):
        for row, numerator, denominator in rows:
            total = dice.randint(50, 20_000)
            book["Chỉ tiêu"][f"{denominator}{row}"] = total
            book["Chỉ tiêu"][f"{numerator}{row}"] = dice.randint(0, total)
        files.append(folder / f"{n:05}.xlsx")
        book.save(files[-1])
    return files


def _answer_rows(sheet: openpyxl.worksheet.worksheet.Worksheet) -> list[tuple[int, str, str]]:
    """Rows of ratio indicators with the columns of numerator and denominator."""
    heads = {cell.value: cell for row in sheet.iter_rows(max_row=20) for cell in row if cell.value}
    numerator, denominator, code = heads["Tử số"], heads["Mẫu số"], heads["Mã chỉ tiêu"]
    return [
        (row, numerator.column_letter, denominator.column_letter)
        for row in range(code.row + 1, sheet.max_row + 1)
        if sheet.cell(row, code.column).value and not sheet.cell(row, numerator.column).protection.locked
    ]
