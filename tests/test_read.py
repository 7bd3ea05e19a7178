"""Workbooks of any format: cells as they were typed. Nothing that held something is read as empty."""

import datetime as dt
import re
import struct

import openpyxl
import pytest
import xlwt
from made_files import MAIN, RELATIONS, ods, parts_of, record, saved, wide, xlsb, xlsx, zipped
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from pipelines.reading.formats import xlsx as xlsx_reader
from pipelines.reading.formats import xlsx_sheet
from pipelines.reading.formats.cell_values import number_cell, shown_as
from pipelines.reading.sheet import Cell, address

STRICT = {
    MAIN: "http://purl.oclc.org/ooxml/spreadsheetml/main",
    RELATIONS: "http://purl.oclc.org/ooxml/officeDocument/relationships",
}


def shown(sheet):
    return {address(*place): tuple(cell) for place, cell in sorted(sheet.cells.items())}


# ---------------------------------------------------------------- .xlsx


@pytest.fixture(params=["scanned", "parsed"])
def way(request, monkeypatch):
    """Both ways to read the parts of an .xlsx: what the one gives the other must give."""
    xlsx_reader._scan_styles.cache_clear()
    if request.param == "parsed":
        monkeypatch.setattr(xlsx_reader, "plain_text", lambda _: None)
        monkeypatch.setattr(xlsx_sheet, "plain_text", lambda _: None)


@pytest.mark.parametrize(
    ("value", "number_format", "cell"),
    [
        ("Tổng cộng", "General", ("t", "Tổng cộng")),
        (" 1 234,5 ", "General", ("t", " 1 234,5 ")),
        (1234.5, "General", ("n", "1234.5")),
        (0, "General", ("n", "0")),
        (123456789012345, "General", ("n", "123456789012345")),
        # a spreadsheet keeps doubles: digits beyond the fifteenth are not those that were typed
        (9007199254740993, "General", ("n", "9007199254740992.0")),
        (-3, "#,##0", ("n", "-3")),
        (0.3, "General", ("n", "0.3")),
        (True, "General", ("b", "1")),
        (False, "General", ("b", "0")),
        (0.855, "0.0%", ("p", "0.855")),
        (0, "0%", ("p", "0")),
        (0.855, '0.0"%"', ("n", "0.855")),
        (dt.date(2026, 10, 31), "dd/mm/yyyy", ("d", "2026-10-31")),
        (dt.datetime(2026, 10, 31, 23, 59), "yyyy-mm-dd h:mm", ("d", "2026-10-31")),
        (46326, "[$-42A]d mmmm yyyy", ("d", "2026-10-31")),
        (60.5, "[Red]0.00", ("n", "60.5")),
        ("#DIV/0!", "General", ("e", "#DIV/0!")),
        ("#N/A", "General", ("e", "#N/A")),
        ("=A1/0", "General", ("f", "=A1/0")),
    ],
)
def test_a_cell_of_an_xlsx_is_what_was_typed(sheets_of, way, value, number_format, cell):
    book = openpyxl.Workbook()
    book.active["B7"] = value
    book.active["B7"].number_format = number_format
    [sheet] = sheets_of(saved(book))
    assert shown(sheet) == {"B7": cell}


@pytest.mark.parametrize("blank", ["", " ", "\u00a0", "\t\n"])
def test_white_space_alone_is_no_content(sheets_of, way, blank):
    book = openpyxl.Workbook()
    book.active["A1"], book.active["B2"] = blank, "x"
    [sheet] = sheets_of(saved(book))
    assert shown(sheet) == {"B2": ("t", "x")}


@pytest.mark.parametrize(
    ("cell", "read"),
    [
        ('<c r="B2" t="e"><v>#REF!</v></c>', ("e", "#REF!")),
        ("<c r='B2' t='e'><v>#REF!</v></c>", ("e", "#REF!")),
        ('<c r="B2"><f>SUM(A1:A9)</f></c>', ("f", "=SUM(A1:A9)")),
        ('<c r="B2"><f>A1</f><v></v></c>', ("f", "=A1")),
        ('<c r="B2"><f>A1</f>\n <v/>\n</c>', ("f", "=A1")),
        ('<c r="B2"><f t="shared" si="0"/></c>', ("f", "=")),
        ('<c r="B2" t="str"><f>A1</f></c>', ("f", "=A1")),
        ('<c r="B2" t="str"><f>A1</f><v></v></c>', None),  # a formula that shows nothing
        ('<c r="B2" t="str"><f>A1</f><v>Đạt</v></c>', ("t", "Đạt")),
        ('<c r="B2"><f>A1*2</f><v>4</v></c>', ("n", "4")),
        ('<c r="B2" s="1"><v>0.5</v></c>', ("p", "0.5")),
        ('<c s="1" r="B2"><f>A1</f><v>0.5</v></c>', ("p", "0.5")),
        ('<c r="B2" t="d"><v>2026-10-31T10:00:00</v></c>', ("d", "2026-10-31")),
        ('<c r="B2" t="d"><v>08:29:59.9999999</v></c>', ("t", "08:30:00")),
        ('<c r="B2" t="s"><v>0</v></c>', ("t", "Tỷ lệ (%)")),
        ('<c r="B2" t="s"><v>1</v></c>', ("t", "東京")),
        ('<c r="B2" t="s"><v>7</v></c>', ("e", "#REF!")),  # a text that is not there
        ('<c r="B2" t="inlineStr"><is><r><t xml:space="preserve">Tử </t></r><r><t>số</t></r></is></c>', ("t", "Tử số")),
        ('<c r="B2" t="inlineStr"><is><t>a_x000D_b</t></is></c>', ("t", "a\rb")),
        ('<c r="B2"><v>1E400</v></c>', ("e", "#NUM!")),
        ('<c r="B2"><v>85,5</v></c>', ("t", "85,5")),  # no number as the format has it
        ('<c r="B2"/>', None),
    ],
)
def test_what_libraries_drop_is_seen(sheets_of, way, cell, read):
    strings = (
        '<si><r><t xml:space="preserve">Tỷ lệ </t></r><r><t>(%)</t></r></si>'
        '<si><t>東京</t><rPh sb="0" eb="2"><t>トウキョウ</t></rPh></si>'
    )
    data = xlsx(f'<row r="2">{cell}</row>', strings=strings, formats=("0", "0.0%"))
    [sheet] = sheets_of(data)
    assert shown(sheet) == ({"B2": read} if read else {})


def test_cells_without_addresses_follow_each_other(sheets_of, way):
    [sheet] = sheets_of(
        xlsx('<row><c><v>1</v></c><c><v>2</v></c></row><row r="5"><c r="C5"><v>3</v></c><c><v>4</v></c></row>')
    )
    assert shown(sheet) == {"A1": ("n", "1"), "B1": ("n", "2"), "C5": ("n", "3"), "D5": ("n", "4")}


@pytest.mark.parametrize("agency", ["CA", "VHXH"])
def test_a_workbook_as_programs_write_it_needs_no_parser_which_would_read_the_same(
    sheets_of, office, tmp_path, monkeypatch, agency
):
    data = office.fill(tmp_path / "form.xlsx", "11164", agency, "2026-10", {}).read_bytes()
    monkeypatch.setattr(xlsx_sheet, "SCANNED_UP_TO", -1)
    parsed = sheets_of(data)
    monkeypatch.undo()
    monkeypatch.setattr(xlsx_sheet, "parse_sheet", None)
    assert sheets_of(data) == parsed
    assert sum(len(sheet.cells) for sheet in parsed) > 150


def test_what_is_hidden_or_merged_is_read_and_said_so(sheets_of, way):
    book = openpyxl.Workbook()
    sheet = book.active
    for row in range(1, 6):
        sheet.append([row, row * 10, row * 100])
    sheet.row_dimensions[3].hidden = True
    sheet.column_dimensions["B"].hidden = True
    book.create_sheet("ẩn").append(["x"])
    book["ẩn"].sheet_state = "veryHidden"
    first, second = sheets_of(saved(book))
    assert (first.hidden_rows, first.hidden_columns, first.is_hidden) == ({3}, {2}, False)
    assert len(first.cells) == 15
    assert (second.is_hidden, shown(second)) == (True, {"A1": ("t", "x")})


def test_values_under_a_merged_cell_are_seen(sheets_of, way):
    rows = '<row r="1"><c r="A1"><v>1</v></c><c r="B1"><v>2</v></c></row>'
    [sheet] = sheets_of(xlsx(rows, after='<mergeCells><mergeCell ref="A1:B2"/></mergeCells>'))
    assert shown(sheet) == {"A1": ("n", "1"), "B1": ("n", "2")}
    assert sheet.merged == ((1, 1, 2, 2),)


def test_dates_counted_from_1904(sheets_of, way):
    book = openpyxl.Workbook()
    book.epoch = CALENDAR_MAC_1904
    book.active["A1"] = dt.date(2026, 10, 31)
    [sheet] = sheets_of(saved(book))
    assert shown(sheet) == {"A1": ("d", "2026-10-31")}


def test_strict_workbooks_are_read(sheets_of, way):
    parts = parts_of(xlsx('<row r="2"><c r="B2"><v>5</v></c></row>'))
    for transitional, strict in STRICT.items():
        parts = {name: text.replace(transitional, strict) for name, text in parts.items()}
    [sheet] = sheets_of(zipped(parts))
    assert shown(sheet) == {"B2": ("n", "5")}


def test_a_prefix_before_every_element_changes_nothing(sheets_of, way):
    parts = parts_of(xlsx('<row r="2"><c r="B2" t="e"><v>#N/A</v></c></row>'))
    sheet = re.sub("<(/?)", r"<\1x:", parts["xl/worksheets/sheet1.xml"]).replace("xmlns=", "xmlns:x=")
    [read] = sheets_of(zipped(parts | {"xl/worksheets/sheet1.xml": sheet}))
    assert shown(read) == {"B2": ("e", "#N/A")}


def test_a_cell_at_the_far_end_costs_nothing(sheets_of, way):
    book = openpyxl.Workbook()
    book.active["A1"], book.active["XFD1048576"] = "đầu", "cuối"
    [sheet] = sheets_of(saved(book))
    assert shown(sheet) == {"A1": ("t", "đầu"), "XFD1048576": ("t", "cuối")}


def test_a_sheet_that_claims_to_be_enormous_is_read_by_its_cells(sheets_of, way):
    [sheet] = sheets_of(xlsx('<row r="1"><c r="A1"><v>1</v></c></row>', dimension="A1:XFD1048576"))
    assert shown(sheet) == {"A1": ("n", "1")}


# ---------------------------------------------------------------- number formats


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        ("General", ""),
        ("0.00", ""),
        ("#,##0;[Red]-#,##0", ""),
        ("0.0%", "p"),
        ('0.0"%"', ""),
        (r"0.0\%", ""),
        ("dd/mm/yyyy", "d"),
        ("[$-42A]d mmmm yyyy", "d"),
        ("h:mm AM/PM", "d"),
        ("[h]:mm", "duration"),
        ('0 "người"', ""),
        ('_(* #,##0_);_(* "-"_);_(@_)', ""),
        ('"Tháng" 0', ""),
        ("[DBNum1]General", ""),
    ],
)
def test_what_a_number_format_makes_of_a_number(code, meaning):
    assert shown_as(200, {200: code}) == meaning


@pytest.mark.parametrize(
    ("serial", "cell"),
    [
        (1, ("d", "1900-01-01")),
        (59, ("d", "1900-02-28")),
        (61, ("d", "1900-03-01")),
        (46326.99999, ("d", "2026-10-31")),
        (0.5, ("t", "12:00:00")),
        (0.9999999, ("t", "23:59:59")),
        (-5, ("n", "-5")),
        (3e6, ("n", "3000000")),
    ],
)
def test_a_serial_under_a_date_format(serial, cell):
    assert number_cell(serial, "d") == Cell(*cell)


# ---------------------------------------------------------------- .xls, .xlsb, .ods


def test_an_xls_workbook(sheets_of):
    book = xlwt.Workbook()
    sheet = book.add_sheet("Chỉ tiêu")
    percent, day = xlwt.easyxf(num_format_str="0.0%"), xlwt.easyxf(num_format_str="dd/mm/yyyy")
    sheet.write(0, 0, "Tử số")
    sheet.write(1, 0, 1234.5)
    sheet.write(1, 1, 0.855, percent)
    sheet.write(1, 2, dt.date(2026, 10, 31), day)
    sheet.row(1).set_cell_error(3, "#DIV/0!")
    sheet.write(1, 4, True)
    sheet.write(1, 5, "  ")
    sheet.write(1, 6, None, percent)
    sheet.write_merge(3, 3, 0, 2, "gộp")
    sheet.row(4).hidden = True
    sheet.write(4, 0, "ẩn")
    sheet.col(2).hidden = True
    book.add_sheet("trống").visibility = 1
    first, second = sheets_of(saved(book))
    assert shown(first) == {
        "A1": ("t", "Tử số"),
        "A2": ("n", "1234.5"),
        "B2": ("p", "0.855"),
        "C2": ("d", "2026-10-31"),
        "D2": ("e", "#DIV/0!"),
        "E2": ("b", "1"),
        "A4": ("t", "gộp"),
        "A5": ("t", "ẩn"),
    }
    assert (first.merged, first.hidden_rows, first.hidden_columns) == (((4, 1, 4, 3),), {5}, {3})
    assert (second.name, second.is_hidden, second.cells) == ("trống", True, {})


def test_an_xlsb_workbook(sheets_of):
    def cell(kind, column, value, style=0):
        return record(kind, struct.pack("<II", column, style) + value)

    rows = [
        record(0, struct.pack("<IIHBB", 1, 0, 300, 0, 0)),
        cell(7, 0, struct.pack("<I", 0)),
        cell(6, 1, wide("Mẫu số")),
        cell(5, 2, struct.pack("<d", 0.855), style=1),
        cell(2, 3, struct.pack("<I", 1235 << 2 | 3)),  # 12.35, held as an integer times 100
        cell(3, 4, b"\x07"),
        cell(11, 5, b"\x2a"),
        cell(4, 6, b"\x01"),
        cell(9, 7, struct.pack("<d", 46326), style=2),
        cell(1, 8, b""),
        record(0, struct.pack("<IIHBB", 4, 0, 300, 0, 0x10)),
        cell(2, 0, struct.pack("<I", ((-5 & 0x3FFFFFFF) << 2) | 2)),
        record(60, struct.pack("<IIIIH", 2, 3, 0, 0, 1)),
        record(176, struct.pack("<IIII", 6, 7, 0, 1)),
    ]
    styles = [
        record(44, struct.pack("<H", 200) + wide("0.0%")),
        record(617),
        *(record(47, struct.pack("<HH", 0, number)) for number in (0, 200, 14)),
        record(618),
    ]
    [sheet] = sheets_of(xlsb("Tờ 1", rows, styles, ["Tử số"]))
    assert shown(sheet) == {
        "A2": ("t", "Tử số"),
        "B2": ("t", "Mẫu số"),
        "C2": ("p", "0.855"),
        "D2": ("n", "12.35"),
        "E2": ("e", "#DIV/0!"),
        "F2": ("e", "#N/A"),
        "G2": ("b", "1"),
        "H2": ("d", "2026-10-31"),
        "A5": ("n", "-5"),
    }
    assert (sheet.name, sheet.is_hidden, sheet.hidden_rows) == ("Tờ 1", True, {5})
    assert (sheet.hidden_columns, sheet.merged) == ({3, 4}, ((7, 1, 8, 2),))


TYPED = """
<table:table-cell office:value-type="string"><text:p>Tử<text:s text:c="2"/>số</text:p><text:p>dòng 2</text:p>
  <office:annotation><text:p>ghi chú của ai đó</text:p></office:annotation></table:table-cell>
<table:table-cell office:value-type="float" office:value="1234.5"><text:p>1.234,5</text:p></table:table-cell>
<table:table-cell office:value-type="percentage" office:value="0.855"><text:p>85,5%</text:p></table:table-cell>
<table:table-cell office:value-type="date" office:date-value="2026-10-31"><text:p>31/10</text:p></table:table-cell>
<table:table-cell table:formula="of:=1/0" office:value-type="string" calcext:value-type="error">
  <text:p>#DIV/0!</text:p></table:table-cell>
<table:table-cell table:formula="of:=1/0" office:value-type="float" office:value="0">
  <text:p>#DIV/0!</text:p></table:table-cell>
<table:table-cell table:formula="of:=[.A1]"/>
<table:table-cell office:value-type="boolean" office:boolean-value="true"><text:p>TRUE</text:p></table:table-cell>
<table:table-cell office:value-type="time" office:time-value="PT08H30M00S"><text:p>8:30</text:p></table:table-cell>
"""


def test_an_ods_workbook(sheets_of):
    first, second = sheets_of(
        ods(
            f"""<table:table table:name="Chỉ tiêu"><table:table-column table:number-columns-repeated="2"/>
            <table:table-column table:visibility="collapse"/>
            <table:table-row table:number-rows-repeated="3"><table:table-cell table:number-columns-repeated="16384"/>
            </table:table-row>
            <table:table-row>{TYPED}</table:table-row>
            <table:table-row table:visibility="collapse" table:number-rows-repeated="2">
            <table:table-cell office:value-type="float" office:value="7" table:number-columns-repeated="2"/>
            </table:table-row>
            <table:table-row><table:table-cell table:number-columns-spanned="2" office:value-type="string">
            <text:p>gộp</text:p></table:table-cell>
            <table:covered-table-cell office:value-type="string"><text:p>che</text:p></table:covered-table-cell>
            </table:table-row>
            <table:table-row table:number-rows-repeated="1048569"><table:table-cell/></table:table-row></table:table>
            <table:table table:name="ẩn" table:style-name="hidden"/>"""
        )
    )
    assert shown(first) == {
        "A4": ("t", "Tử  số\ndòng 2"),
        "B4": ("n", "1234.5"),
        "C4": ("p", "0.855"),
        "D4": ("d", "2026-10-31"),
        "E4": ("e", "#DIV/0!"),
        "F4": ("e", "#DIV/0!"),
        "G4": ("f", "=[.A1]"),
        "H4": ("b", "1"),
        "I4": ("t", "08:30:00"),
        **dict.fromkeys(("A5", "B5", "A6", "B6"), ("n", "7")),
        "A7": ("t", "gộp"),
        "B7": ("t", "che"),
    }
    assert (first.hidden_rows, first.hidden_columns, first.merged) == ({5, 6}, {3}, ((7, 1, 7, 2),))
    assert (second.name, second.is_hidden) == ("ẩn", True)
