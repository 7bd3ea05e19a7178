"""What officers do to the form before they send it back: edits of a workbook, to be put together."""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

Edit = Callable[[Workbook], None]
FIGURES, TASKS = "Chỉ tiêu", "Nhiệm vụ"


def find(sheet: Worksheet, text: str) -> Any:
    """The last cell that holds a text."""
    cells = [cell for row in sheet.iter_rows() for cell in row if cell.value == text]
    if not cells:
        raise LookupError(text)
    return cells[-1]


def at(sheet: Worksheet, code: str, header: str) -> Any:
    """The cell where a line's code meets a column's header."""
    head = find(sheet, header)
    rows = [c.row for row in sheet.iter_rows(min_row=head.row + 1) for c in row if c.value == code]
    return sheet.cell(rows[0], head.column)


def both(*edits: Edit) -> Edit:
    def edit(book: Workbook) -> None:
        for one in edits:
            one(book)

    return edit


def typed(code: str, header: str, value: Any, shown: str | None = None, sheet: str = FIGURES) -> Edit:
    """A value typed into a line, perhaps in a cell with a number format; '=' begins a formula, '#' an error."""

    def edit(book: Workbook) -> None:
        cell = at(book[sheet], code, header)
        cell.value = value
        if shown:
            cell.number_format = shown

    return edit


def line(code: str, numerator: Any = None, denominator: Any = None, value: Any = None) -> Edit:
    """All three figures of a line."""
    figures = {"Tử số": numerator, "Mẫu số": denominator, "Kết quả": value}
    return both(*(typed(code, header, figure) for header, figure in figures.items()))


def task(**values: Any) -> Edit:
    """What is said of the task in TASK_ROW: state, percent, number, day."""
    headers = {"state": "Trạng thái", "percent": "Tỷ lệ hoàn thành (%)", "number": "Số văn bản sản phẩm",
               "day": "Ngày văn bản", "difficulty": "Khó khăn, vướng mắc", "result": "Kết quả thực hiện",
               "proposal": "Kiến nghị, đề xuất"}  # fmt: skip

    def edit(book: Workbook) -> None:
        sheet = book[TASKS]
        for name, value in values.items():
            cell = sheet.cell(TASK_ROW, find(sheet, headers[name]).column)
            cell.value = value
            if isinstance(value, str):
                cell.data_type = "s"

    return edit


TASK_ROW = 11


def put(place: str, value: Any, sheet: str = FIGURES) -> Edit:
    """A value in a cell."""

    def edit(book: Workbook) -> None:
        book[sheet][place] = value

    return edit


def put_row(row: int, *values: Any, sheet: str = FIGURES) -> Edit:
    """Values in a row, from column A on; None leaves a cell as it is."""

    def edit(book: Workbook) -> None:
        for column, value in enumerate(values, 1):
            if value is not None:
                book[sheet].cell(row, column).value = value

    return edit


def said(label: str, value: Any) -> Edit:
    """A value of the identification block, on every sheet."""

    def edit(book: Workbook) -> None:
        for name in (FIGURES, TASKS):
            cell = find(book[name], label)
            after = [c for c in book[name][cell.row] if c.column > cell.column and c.value is not None]
            after[0].value = value

    return edit


def unsaid(*labels: str) -> Edit:
    """Labels of the identification block and their values deleted, on every sheet."""

    def edit(book: Workbook) -> None:
        for label in labels:
            said(label, None)(book)
            for name in (FIGURES, TASKS):
                find(book[name], label).value = None

    return edit


NOT_SAID = unsaid("Xã, phường", "Mã xã", "Cơ quan báo cáo", "Mã cơ quan", "Kỳ báo cáo")
NO_TITLE = both(put("A1", None), put("A1", None, TASKS))


def renamed(headers: dict[str, str | None], sheet: str = FIGURES) -> Edit:
    def edit(book: Workbook) -> None:
        cells = {header: find(book[sheet], header) for header in headers}
        for header, cell in cells.items():
            cell.value = headers[header]

    return edit


def everywhere(change: Callable[[str], str]) -> Edit:
    """A change to every text of the workbook."""

    def edit(book: Workbook) -> None:
        for sheet in book:
            for row in sheet.iter_rows():
                for cell in row:
                    if isinstance(cell.value, str):
                        cell.value = change(cell.value)

    return edit


def nfd(text: str) -> str:
    return unicodedata.normalize("NFD", text)


# ---------------------------------------------------------------- the table as a whole


def moved(order: Callable[[list[list[Any]]], list[list[Any]]], sheet: str = FIGURES, first: int = 9) -> Edit:
    """The rows from the header on, written again in another order or shape; formats and merges below are gone."""

    def edit(book: Workbook) -> None:
        of = book[sheet]
        rows = [[cell.value for cell in row] for row in of.iter_rows(min_row=first)]
        of.delete_rows(first, len(rows) + 50)
        for number, row in enumerate(order(rows), first):
            for column, value in enumerate(row, 1):
                of.cell(number, column).value = value

    return edit


def columns_in(order: Callable[[list[Any]], list[Any]]) -> Edit:
    return moved(lambda rows: [order(row) for row in rows])


def with_column(header: str, values: Iterable[Any]) -> Edit:
    """A column of the officer's own, right of the table."""
    column = [header, *values]
    return moved(lambda rows: [[*row, *column[n : n + 1]] for n, row in enumerate(rows)])


def shifted(down: int, right: int) -> Edit:
    """Everything on the sheets lower and further to the right, below a logo and the letterhead."""

    def edit(book: Workbook) -> None:
        for name in (FIGURES, TASKS):
            of = book[name]
            merged = [area.coord for area in of.merged_cells.ranges]
            for area in merged:
                of.unmerge_cells(area)
            of.move_range(f"A1:{get_column_letter(of.max_column)}{of.max_row}", down, right)
            of["B1"] = "ỦY BAN NHÂN DÂN XÃ VĨNH LẠI"
            of["H1"] = "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"

    return edit


def merged(*areas: str, sheet: str = FIGURES) -> Edit:
    def edit(book: Workbook) -> None:
        for area in areas:
            book[sheet].merge_cells(area)

    return edit


def groups_above(*groups: tuple[str, str], sheet: str = FIGURES) -> Edit:
    """A row above the header with texts over some of its columns: a range is merged, a cell is only centred."""

    def edit(book: Workbook) -> None:
        book[sheet].unmerge_cells("A8:K8")
        book[sheet]["A8"] = None
        for area, text in groups:
            book[sheet][area.partition(":")[0]] = text
            if ":" in area:
                book[sheet].merge_cells(area)

    return edit


def named(title: str, sheet: str = FIGURES) -> Edit:
    """The sheet called otherwise."""

    def edit(book: Workbook) -> None:
        book[sheet].title = title

    return edit


def styled(place: str, sheet: str = FIGURES, **styles: Any) -> Edit:
    """A cell shown otherwise: number_format, or struck through."""

    def edit(book: Workbook) -> None:
        for name, style in styles.items():
            setattr(book[sheet][place], name, style)

    return edit


def two_row_header(book: Workbook) -> None:
    """'Số liệu' merged over 'Tử số', 'Mẫu số', 'Kết quả'; the other headers merged downwards."""
    moved(lambda rows: [["STT", "Mã chỉ tiêu", "Tên chỉ tiêu", "Số liệu", None, None, "Ghi chú"],
                        [None, None, None, "Tử số", "Mẫu số", "Kết quả", None],
                        *([r[0], r[1], r[2], r[6], r[8], r[9], r[10]] for r in rows[1:])])(book)  # fmt: skip
    merged("A9:A10", "B9:B10", "C9:C10", "D9:F9", "G9:G10")(book)


def hidden_row(row: int, sheet: str = FIGURES) -> Edit:
    def edit(book: Workbook) -> None:
        book[sheet].row_dimensions[row].hidden = True

    return edit


def hidden_column(column: str) -> Edit:
    def edit(book: Workbook) -> None:
        book[FIGURES].column_dimensions[column].hidden = True

    return edit


def hidden_sheet(book: Workbook) -> None:
    book.active = book.worksheets.index(book[TASKS])
    book[FIGURES].sheet_state = "hidden"


def copied(book: Workbook) -> None:
    book.copy_worksheet(book[FIGURES]).title = "Bản sao"


def split(book: Workbook) -> None:
    """The last line of the table on a sheet of its own, with the header."""
    of, other = book[FIGURES], book.create_sheet("Chỉ tiêu (tiếp)")
    for column in range(1, 12):
        for row, source in ((1, 9), (2, 12)):
            other.cell(row, column).value = of.cell(source, column).value
    of.delete_rows(12)


def one_below_the_other(book: Workbook) -> None:
    """The tasks on the sheet of the figures, three rows below its table."""
    of, tasks = book[FIGURES], book[TASKS]
    for number, row in enumerate(tasks.iter_rows(min_row=9), 16):
        for column, cell in enumerate(row, 1):
            of.cell(number, column).value = cell.value
    book.remove(tasks)


def other_sheet(title: str, rows: list[list[Any]], place: int = 0) -> Edit:
    def edit(book: Workbook) -> None:
        sheet = book.create_sheet(title, place)
        for row in rows:
            sheet.append(row)

    return edit


def cut_above(row: int) -> Edit:
    """Everything above the table deleted."""

    def edit(book: Workbook) -> None:
        for area in list(book[FIGURES].merged_cells.ranges):
            book[FIGURES].unmerge_cells(area.coord)
        book[FIGURES].delete_rows(1, row - 1)

    return edit


def save_csv(book: Workbook, path: Path) -> None:
    """The first sheet, as Excel saves it in Vietnam."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file, delimiter=";").writerows(
            [cell.value for cell in row] for row in book.worksheets[0].iter_rows()
        )


def only(*names: str) -> Edit:
    """All other sheets deleted."""

    def edit(book: Workbook) -> None:
        for sheet in book.worksheets:
            if sheet.title not in names:
                book.remove(sheet)

    return edit
