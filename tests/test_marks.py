"""Cells that show another number than they hold, or one that nobody calculated: marked in xlsx, xlsb and xls alike."""

import io
import struct
import zipfile

import pytest
import xlwt
from made_files import parts_of, record, saved, wide, xlsb, xlsx, zipped

from pipelines.reading.formats.odd_numbers import odd_format

SUM = '<row r="1"><c r="A1"><f>1+1</f><v>2</v></c><c r="B1"><v>2</v></c></row>'


def calculated(given, rows=SUM):
    """A workbook whose formulas were left as calcPr says."""
    parts = parts_of(xlsx(rows))
    parts["xl/workbook.xml"] = parts["xl/workbook.xml"].replace("</workbook>", f"<calcPr {given}/></workbook>")
    return zipped(parts)


@pytest.mark.parametrize(
    ("given", "marks"),
    [
        ('fullCalcOnLoad="1"', {(1, 1): "stale"}),
        ('calcMode="manual" calcCompleted="0"', {(1, 1): "stale"}),
        ('calcMode="auto" calcCompleted="false"', {(1, 1): "stale"}),
        ('calcMode="manual"', {}),
        ('calcId="191029"', {}),
    ],
)
def test_formulas_left_uncalculated_in_xlsx(sheets_of, given, marks):
    [sheet] = sheets_of(calculated(given))
    assert sheet.marks == marks
    assert sheet.cells[1, 1].text == "2"


def test_a_text_of_which_a_part_is_struck_through(sheets_of):
    strings = (
        "<si><t>120</t></si><si><r><rPr><strike/></rPr><t>120</t></r><r><t>125</t></r></si>"
        '<si><r><rPr><strike val="0"/></rPr><t>125</t></r></si>'
    )
    rows = "".join(f'<row r="{n}"><c r="A{n}" t="s"><v>{n - 1}</v></c></row>' for n in (1, 2, 3))
    [sheet] = sheets_of(xlsx(rows, strings=strings))
    assert sheet.marks == {(2, 1): "struck"}


@pytest.mark.parametrize(
    ("code", "odd"),
    [
        ("General", ""), ("#,##0", ""), ("#,##0.00", ""), ("0%", ""), ("#,##0_);(#,##0)", ""), ("[Red]-0", ""),
        ('#,##0" m2"', ""), ('"Kỳ "0', ""), ("#,##0,", "scaled"), ("0.0,,", "scaled"), ('0.0," nghìn"', "scaled"),
        ('0" triệu"', "scaled"), (";;;", "hidden"), ('"x"', "hidden"), ('0"000"', "added"), (r"0\0\0", "added"),
    ],
)  # fmt: skip
def test_a_number_format_shows_the_number_or_is_odd(code, odd):
    assert odd_format(code) == odd


def test_a_format_may_hide_zero_alone():
    assert (odd_format("0;-0;"), odd_format("0;-0;", is_zero=True)) == ("", "hidden")


def with_calculation(data, flags):
    """An .xlsb whose workbook says with these flags how it was calculated."""
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    parts["xl/workbook.bin"] += record(157, bytes(24) + struct.pack("<H", flags))
    return zipped(parts)


@pytest.mark.parametrize(("flags", "is_stale"), [(0x00, False), (0x01, True), (0x10, True), (0x02, False)])
def test_formulas_left_uncalculated_in_xlsb(sheets_of, flags, is_stale):
    row = record(0, struct.pack("<I", 0) + bytes(12))
    cells = [record(9, struct.pack("<II", 0, 0) + struct.pack("<d", 2.0)),
             record(5, struct.pack("<II", 1, 0) + struct.pack("<d", 2.0))]  # fmt: skip
    data = xlsb("S", [row, *cells], [record(617), record(47, bytes(16)), record(618)], [])
    [sheet] = sheets_of(with_calculation(data, flags))
    assert sheet.marks == ({(1, 1): "stale"} if is_stale else {})


def test_odd_formats_and_struck_fonts_in_xlsb(sheets_of):
    fonts = [record(43, struct.pack("<HH", 220, 0)), record(43, struct.pack("<HH", 220, 8))]
    code = record(44, struct.pack("<H", 200) + wide("#,##0,"))
    styles = [
        record(47, struct.pack("<HHH", 0, number, font) + bytes(10)) for number, font in ((0, 0), (200, 0), (0, 1))
    ]
    row = record(0, struct.pack("<I", 0) + bytes(12))
    cells = [record(5, struct.pack("<II", n, n) + struct.pack("<d", 5000.0)) for n in range(3)]
    [sheet] = sheets_of(xlsb("S", [row, *cells], [code, *fonts, record(617), *styles, record(618)], []))
    assert sheet.marks == {(1, 2): "scaled", (1, 3): "struck"}


def test_formulas_formats_and_struck_text_in_xls(sheets_of):
    """xlwt calculates nothing: it writes nothing for every formula, and no version of Excel has been over it."""
    book = xlwt.Workbook()
    sheet = book.add_sheet("S")
    sheet.write(0, 0, xlwt.Formula("1+1"))
    sheet.write(0, 1, 5000, xlwt.easyxf(num_format_str="#,##0,"))
    sheet.write(0, 2, 5000, xlwt.easyxf("font: struck_out on"))
    sheet.write(0, 3, 5000)
    sheet.write_rich_text(1, 0, [("120", xlwt.easyfont("struck_out on")), "125"])
    [read] = sheets_of(saved(book))
    assert read.cells[1, 1].kind == "f"
    assert read.marks == {(1, 2): "scaled", (1, 3): "struck", (2, 1): "struck"}
