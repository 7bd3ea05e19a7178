"""Inputs for the benchmarks: filled forms of one real agency, each with its own figures, from a fixed seed.

A form is blank for each month once, and is then stored as Excel stores it when an officer saves it: shared texts,
UTF-8, empty cells without content. Figures and notes are put into that XML, so that thousands take seconds.
"""

from __future__ import annotations

import random
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import openpyxl

from pipelines.agencies.form import write_template
from pipelines.registry.registry import Registry

COMMUNE, AGENCY = "11164", "VHXH"  # 21 indicators and 47 tasks: a long form
PERIODS = tuple(f"2026-{month:02}" for month in range(3, 11))
LINES = 68
_CELL = re.compile(
    r'<c r="([A-Z]+\d+)"((?: s="\d+")?)(?: t="(?:inlineStr|n)")?>'
    r"(?:<is>(.*?)</is>|(<v>[^<]*</v>))?</c>",
    re.DOTALL,
)
_SHARED = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


class Blank(NamedTuple):
    """A form to be filled: its parts, its shared texts, and the answer cells of each ratio line."""

    parts: Mapping[str, str]
    texts: list[str]  # each as its XML, as some are in runs
    sheet: str  # the part with the indicators
    answers: list[tuple[str, str, str]]  # cells of numerator, denominator, note


def make_workbooks(registry: Registry, folder: Path, number: int, seed: int = 57) -> list[Path]:
    """Write the agency's forms of several months with figures of their own. Returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    dice = random.Random(seed)
    blanks = [blank_form(registry, period, folder) for period in PERIODS]
    level = [dice.uniform(0.3, 0.9) for _ in blanks[0].answers]  # of each line; its months differ by a little
    files = []
    for n in range(number):
        blank = blanks[n % len(blanks)]
        values: dict[str, str] = {}
        texts = list(blank.texts)
        for (numerator, denominator, note), share in zip(blank.answers, level, strict=True):
            total = dice.randint(50, 20_000)
            values |= {
                denominator: f"<v>{total}</v>",
                numerator: f"<v>{round(total * (share + dice.random() / 20))}</v>",
            }
            if dice.random() < 0.2:
                values[note] = f"<v>{len(texts)}</v>"
                texts.append(f"<t>Theo báo cáo số {dice.randint(1, 999)} của đơn vị</t>")
        files.append(folder / f"{n:05}.xlsx")
        _save(files[-1], blank, texts, values)
    return files


def blank_form(registry: Registry, period: str, folder: Path) -> Blank:
    """The agency's form of a month, as Excel stores it."""
    path = write_template(registry, COMMUNE, AGENCY, period, folder / "blank.xlsx")
    answers = _answer_cells(openpyxl.load_workbook(path)["Chỉ tiêu"])
    with zipfile.ZipFile(path) as package:
        parts = {name: package.read(name).decode() for name in package.namelist()}
    path.unlink()
    numbers: dict[str, int] = {}

    def stored(cell: re.Match[str]) -> str:
        address, style, text, value = cell.groups()
        if text is None:
            return f'<c r="{address}"{style}>{value}</c>' if value else f'<c r="{address}"{style}/>'
        number = numbers.setdefault(text, len(numbers))
        return f'<c r="{address}"{style} t="s"><v>{number}</v></c>'

    sheets = [name for name in parts if name.startswith("xl/worksheets/") and name.endswith(".xml")]
    for name in sheets:
        parts[name] = _CELL.sub(stored, parts[name])
        if "inlineStr" in parts[name]:
            raise RuntimeError(f"{name} of the form is written in a way this generator does not know")
    links, types = "xl/_rels/workbook.xml.rels", "[Content_Types].xml"
    link = f'<Relationship Id="rIdTexts" Type="{_SHARED}" Target="sharedStrings.xml"/>'
    parts[links] = parts[links].replace("</Relationships>", f"{link}</Relationships>")
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    override = f'<Override PartName="/xl/sharedStrings.xml" ContentType="{kind}"/>'
    parts[types] = parts[types].replace("</Types>", f"{override}</Types>")
    return Blank(parts, list(numbers), min(sheets), answers)


def _save(path: Path, blank: Blank, texts: list[str], values: Mapping[str, str]) -> None:
    def filled(cell: re.Match[str]) -> str:
        value = values.get(cell[1])
        kind = ' t="s"' if value and cell[1].startswith(_note_column(blank)) else ""
        return f'<c r="{cell[1]}"{cell[2]}{kind}>{value}</c>' if value else cell[0]

    shared = "".join(f"<si>{text}</si>" for text in texts)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, part in blank.parts.items():
            content = re.sub(r'<c r="([A-Z]+\d+)"((?: s="\d+")?)/>', filled, part) if name == blank.sheet else part
            package.writestr(name, content)
        package.writestr("xl/sharedStrings.xml", f'<sst xmlns="{_MAIN}" uniqueCount="{len(texts)}">{shared}</sst>')


def _note_column(blank: Blank) -> str:
    return blank.answers[0][2].rstrip("0123456789")


def _answer_cells(sheet: openpyxl.worksheet.worksheet.Worksheet) -> list[tuple[str, str, str]]:
    """The cells of numerator, denominator and note of each ratio indicator."""
    heads = {cell.value: cell for row in sheet.iter_rows(max_row=20) for cell in row if cell.value}
    code = heads["Mã chỉ tiêu"]
    columns = [heads[text].column_letter for text in ("Tử số", "Mẫu số", "Ghi chú")]
    return [
        (f"{columns[0]}{row}", f"{columns[1]}{row}", f"{columns[2]}{row}")
        for row in range(code.row + 1, sheet.max_row + 1)
        if sheet.cell(row, code.column).value and not sheet[f"{columns[0]}{row}"].protection.locked
    ]
