"""A plan that was scanned: cells by their lines, every row to be looked at beside its picture, signs asked.

The words of a picture are tesseract's affair; a program in its place counts the spots in each picture and says the text
that has so many.
"""

import json
import sys

import openpyxl
import pytest
from PIL import Image, ImageDraw

from pipelines.home import SOURCES
from pipelines.plans.draft_workbook import write_draft
from pipelines.plans.drafting import draft_plan
from pipelines.plans.form import read_form
from pipelines.plans.reading.document import Cell, Table, UnreadableDocumentError
from pipelines.plans.reading.pdf import read_pdf
from pipelines.plans.reading.scan import Number, settle_numbers

FORM = read_form(SOURCES)
PROGRAM = """#!{python}
import json, sys
from pathlib import Path
import numpy as np
from PIL import Image
from scipy import ndimage
if sys.argv[1] == "--list-langs":
    print("List of available languages:\\nvie\\nosd")
elif sys.argv[1] == "page.png":
    sys.exit(1)  # hardly a letter on it
else:
    texts = json.loads(Path({texts!r}).read_text())
    for name in Path(sys.argv[1]).read_text().split():
        spots = ndimage.label(np.asarray(Image.open(name)) < 128)[1]
        sys.stdout.write(texts.get(str(spots), "") + "\\f")
"""
WIDTHS, HEIGHT = (180, 900, 500, 600, 420), 170  # pixels at 300 a point


class Scan:
    """A page of one table. A text is drawn as spots, so many as it has a place in texts."""

    def __init__(self, folder, monkeypatch):
        self.folder, self.texts = folder, {}
        self.page = Image.new("L", (2800, 2000), 250)
        self.draw = ImageDraw.Draw(self.page)
        self.top = 300
        program = folder / "bin" / "tesseract"
        program.parent.mkdir()
        program.write_text(PROGRAM.format(python=sys.executable, texts=str(folder / "texts.json")))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(program.parent))

    def row(self, *texts):
        """A cell for each text; the last reaches to the end of the row."""
        left = 100
        for at, text in enumerate(texts):
            right = 100 + (sum(WIDTHS) if at == len(texts) - 1 else sum(WIDTHS[: at + 1]))
            self.draw.rectangle((left, self.top, right, self.top + HEIGHT), outline=20, width=4)
            self._spots(text, left + 20, self.top + 20)
            left = right
        self.top += HEIGHT

    def _spots(self, text, left, top):
        if not text:
            return
        known = {said: spots for spots, said in self.texts.items()}
        spots = known.get(text, len(self.texts) + 1)
        self.texts[spots] = text
        for at in range(spots):
            x, y = left + at % 5 * 28, top + at // 5 * 28
            self.draw.ellipse((x, y, x + 14, y + 14), fill=10)

    def save(self, askew=0.0):
        (self.folder / "texts.json").write_text(json.dumps(self.texts))
        page = self.page.rotate(askew, fillcolor=250, resample=Image.Resampling.BICUBIC)
        page.save(self.folder / "kh.pdf", resolution=300)
        return self.folder / "kh.pdf"


@pytest.fixture
def scan(tmp_path, monkeypatch):
    made = Scan(tmp_path, monkeypatch)
    made.row("STT", "Chỉ tiêu", "Năm 2030", "Cơ quan chủ trì", "Ghi chú")
    return made


@pytest.mark.parametrize("askew", [0.0, 0.8, -1.5])
def test_cells_are_found_by_their_lines_on_a_page_that_lies_askew(askew, scan):
    scan.row("I", "Hạ tầng số")
    scan.row("1", "Hồ sơ trực tuyến", "90%", "Công an xã", "")
    document = read_pdf(scan.save(askew))
    [table] = [block for block in document.blocks if isinstance(block, Table)]
    assert document.reader == "scan"
    assert [[cell.text for cell in row.distinct] for row in table.rows] == [
        ["STT", "Chỉ tiêu", "Năm 2030", "Cơ quan chủ trì", "Ghi chú"], ["I", "Hạ tầng số"],
        ["1", "Hồ sơ trực tuyến", "90%", "Công an xã", ""],
    ]  # fmt: skip
    assert all(row.picture.startswith(b"\x89PNG") for row in table.rows)


def test_no_cell_of_a_scan_is_white_and_a_sign_is_asked_beside_its_picture(scan, registry, tmp_path):
    scan.row("1", "Hồ sơ trực tuyến", "> 90%", "Công an xã", "")
    scan.row("2", "Dữ liệu được số hóa", "80%", "Công an xã", "")
    path = scan.save()
    drafted = write_draft([path], SOURCES, registry, tmp_path / "a.xlsx")
    assert [(row["row_number"], row["operator"], row["value"]) for row in drafted.rows["targets"]] == [
        ("1", "", ""), ("2", "=", "80"),
    ]  # fmt: skip
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    sheet, columns = book[FORM["targets"]["title"]], [one["name"] for one in FORM["targets"]["columns"]]
    top = next(cell.row for cell in sheet["A"] if str(cell.value).startswith("Phụ lục"))
    for row in (top + 1, top + 2):
        assert all(cell.fill.fill_type == "solid" for cell in sheet[row][: len(columns)])
    asked = sheet.cell(top + 1, columns.index("value") + 1)
    assert (asked.value, asked.fill.fgColor.rgb[-6:]) == (None, "F4B6B6")
    assert len(book["Nguồn"]._images) == 2
    write_draft([path], SOURCES, registry, tmp_path / "b.xlsx")
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()


def test_without_tesseract_a_scan_is_refused_with_what_to_install(scan, registry, monkeypatch):
    path = scan.save()
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UnreadableDocumentError, match=r"trang 1 là ảnh quét.*tesseract-ocr-vie"):
        draft_plan([path], SOURCES, registry, FORM)


def numbers(*read):
    """(readings, is_section) as the cells of a column, from the top down."""
    return [Number(Cell(each[-1]), each, is_section, False) for each, is_section in read]


def settled(*read):
    found = numbers(*read)
    settle_numbers(found)
    return [one.cell.text for one in found]


def test_a_number_is_read_as_what_follows_the_one_above():
    rows = [(("1", "1", "1"), False), (("2", "8", "ự."), False), (("", "3", "€"), False)]
    assert settled(*rows) == ["1", "2", "3"]
    below = [(("4", "4", "4"), False), (("41", "", "41"), False), (("", "4.2", "A2"), False), (("5", "8", "s"), False)]
    assert settled(*rows, *below)[3:] == ["4", "4.1", "4.2", "5"]
    assert settled((("1-3.", "8", "1-3."), False), (("4.", "4", "A."), False)) == ["1-3", "4"]


def test_sections_count_on_their_own_and_begin_anew():
    heads = [(("", "1", "|"), True), (("", "1", "H"), True), (("", "I", "Hị!"), True), (("", "V", "VỊ"), True)]
    assert settled(*heads[:3]) == ["I", "II", "III"]
    assert settled(*heads[:2], (("I", "1", "I"), True)) == ["I", "II", "I"]


def test_numbers_that_were_not_read_are_counted_from_those_beside():
    unread = (("", "", "?"), False)
    five = (("5", "5", "5"), False)
    assert settled((("3", "3", "3"), False), unread, five) == ["3", "4", "5"]
    assert settled((("9", "9", "9"), False), (("", "V", "V"), True), unread, unread, (("3", "3", "3"), False)) == [
        "9", "V", "1", "2", "3",
    ]  # fmt: skip
    assert settled(five, unread, (("I", "I", "I"), True), (("1", "1", "1"), False))[:2] == ["5", "6"]
