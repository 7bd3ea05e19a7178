"""Text tables in the encodings and with the delimiters of old programs, and TCVN3 wherever it survives."""

import unicodedata

import openpyxl
import pytest
from made_files import saved

from pipelines.reading.formats.tcvn3 import BYTES
from pipelines.reading.sheet import Cell, address


def shown(sheet):
    return {address(*place): tuple(cell) for place, cell in sorted(sheet.cells.items())}


# ---------------------------------------------------------------- .csv, .tsv, .txt

HEADER = ["Mã chỉ tiêu", "Tên chỉ tiêu", "Tử số", "Mẫu số", "Kết quả"]
ROW = ["XHS-02", "Tỷ lệ hộ, người dân ở Hải Phòng dùng dịch vụ; đã đủ", "1.234", "85,5", "85,5%"]
TABLE = {address(row, column): ("t", text) for row, line in enumerate([HEADER, ROW], 1)
         for column, text in enumerate(line, 1)}  # fmt: skip
IN_TCVN3 = {letter: byte for byte, letter in BYTES.items()}


def in_tcvn3(text):
    """As the fonts .VnTime have it; a capital with a tone is a small letter there."""
    return bytes(ord(c) if c.isascii() else IN_TCVN3.get(c, IN_TCVN3.get(c.lower(), 0x3F)) for c in text)


def in_1258(text):
    """As Vietnamese Windows has it: letters of the code page, the tones after them."""
    tones = "\u0300\u0301\u0303\u0309\u0323"

    def one(char):
        spread = unicodedata.normalize("NFD", char)
        bare = unicodedata.normalize("NFC", "".join(c for c in spread if c not in tones))
        try:
            return char.encode("cp1258")
        except UnicodeEncodeError:
            return (bare + "".join(c for c in spread if c in tones)).encode("cp1258")

    return b"".join(map(one, text))


def delimited(delimiter):
    def quoted(text):
        return f'"{text}"' if delimiter in text else text

    return "\r\n".join(delimiter.join(map(quoted, line)) for line in (HEADER, ROW)) + "\r\n"


ENCODINGS = {
    "utf-8": str.encode,
    "utf-8 with mark": lambda text: text.encode("utf-8-sig"),
    "utf-16 little": lambda text: b"\xff\xfe" + text.encode("utf-16-le"),
    "utf-16 big": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "utf-16 without mark": lambda text: text.encode("utf-16-le"),
    "windows-1258": in_1258,
    "tcvn3": in_tcvn3,
    "tcvn3 saved as utf-8": lambda text: in_tcvn3(text).decode("cp1252").encode(),
    "tcvn3 saved as utf-8 on Vietnamese Windows": lambda text: in_tcvn3(text).decode("cp1258").encode(),
}


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_text_table_in_any_encoding_and_with_any_delimiter(sheets_of, encoding, delimiter):
    [sheet] = sheets_of(ENCODINGS[encoding](delimited(delimiter)))
    assert shown(sheet) == TABLE


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("a;b\n1,5;2\n3;4,25\n", {"A1": "a", "B1": "b", "A2": "1,5", "B2": "2", "A3": "3", "B3": "4,25"}),
        ("a,b\n1.5,2\n3,4.25\n", {"A1": "a", "B1": "b", "A2": "1.5", "B2": "2", "A3": "3", "B3": "4.25"}),
        ('a,b\n"dòng 1\ndòng 2",2\n', {"A1": "a", "B1": "b", "A2": "dòng 1\ndòng 2", "B2": "2"}),
        ('a,b\n"nói ""có""",2\n', {"A1": "a", "B1": "b", "A2": 'nói "có"', "B2": "2"}),
        ("sep=;\r\na;b\r\n1,5;2\r\n", {"A1": "a", "B1": "b", "A2": "1,5", "B2": "2"}),
        ("một cột\nhai dòng, một phẩy\n", {"A1": "một cột", "A2": "hai dòng, một phẩy"}),
        ('a,b\n="0123",2\n', {"A1": "a", "B1": "b", "A2": "0123", "B2": "2"}),
        ("a,b\n\n1,2", {"A1": "a", "B1": "b", "A3": "1", "B3": "2"}),
        ("a,b\r1,2\r", {"A1": "a", "B1": "b", "A2": "1", "B2": "2"}),
        ("Báo cáo tháng 10, năm 2026\n;;\nMã;Tử số;Mẫu số\nX;1,5;2\n", {"A1": "Báo cáo tháng 10, năm 2026", "A3": "Mã",
         "B3": "Tử số", "C3": "Mẫu số", "A4": "X", "B4": "1,5", "C4": "2"}),
        # a quote that is never closed must swallow neither the lines after it nor the rest of its own
        ('a,b\n"Tổ 1,2\n3,4\n', {"A1": "a", "B1": "b", "A2": '"Tổ 1', "B2": "2", "A3": "3", "B3": "4"}),
    ],
)  # fmt: skip
def test_a_text_table_as_programs_write_it(sheets_of, text, cells):
    [sheet] = sheets_of(text.encode())
    assert shown(sheet) == {place: ("t", value) for place, value in cells.items()}


def test_an_error_in_a_text_table_is_an_error(sheets_of):
    [sheet] = sheets_of(b"a,b\n#DIV/0!,#N/A\n#1,x\n")
    assert [sheet.cells[2, 1], sheet.cells[2, 2], sheet.cells[3, 1]] == [
        Cell("e", "#DIV/0!"),
        Cell("e", "#N/A"),
        Cell("t", "#1"),
    ]


def test_western_text_that_is_not_vietnamese_stays_as_it_is(sheets_of):
    [sheet] = sheets_of("ten,gia\ncafé crème,5 €\n".encode("cp1252"))
    assert sheet.cells[2, 1] == Cell("t", "café crème")
    assert sheet.cells[2, 2] == Cell("t", "5 €")


def test_tcvn3_in_a_workbook_becomes_unicode(sheets_of):
    book = openpyxl.Workbook()
    for texts in ["Mã chỉ tiêu", "Tử số", "Mẫu số"], ["XHS-02", 20, 40], ["Có", "Đã hoàn thành", "3 × 4"]:
        book.active.append([in_tcvn3(t).decode("cp1252") if isinstance(t, str) else t for t in texts])
    [sheet] = sheets_of(saved(book))
    assert [cell.text for cell in sheet.cells.values()][:7] == [
        "Mã chỉ tiêu",
        "Tử số",
        "Mẫu số",
        "XHS-02",
        "20",
        "40",
        "Có",
    ]
    assert sheet.cells[3, 2].text == "Đã hoàn thành"


def test_unicode_beside_signs_is_not_taken_for_tcvn3(sheets_of):
    book = openpyxl.Workbook()
    texts = ["Mẫu số ½ © 2026", "25 °C", "3 × 4", "§ 5", "café", "Søren", "Đông", "Cã"]
    book.active.append(texts)
    [sheet] = sheets_of(saved(book))
    assert [cell.text for cell in sheet.cells.values()] == texts


FIELDS = "Mã chỉ tiêu,Tử số,Mẫu số,Kết quả,Ghi chú\n"


@pytest.mark.parametrize(
    ("lines", "marked"),
    [
        ("XHS-01,20,40,50,\nXHS-02,20,40,50,x\n", set()),
        ("XHS-01,,,71,25,\nXHS-02,20,40,50,\n", {2, 3}),  # where one is shifted, figures side by side may be too
        ("XHS-01,,,71,25,\nXHS-02,,40,,\n", {2}),
        ("XHS-01,5,027,9,000\n", {2}),  # thousands without quotes
        ('XHS-01,20,40,50,"ghi chú\nXHS-02,20,40,50,x\n', {2}),
        ('XHS-01,20,40,50,"ghi chú\nXHS-02,20,40,50,x\nXHS-03,1,2,50,"\n', {2, 4}),  # closed two lines below
        ('XHS-01,20,40,50,"hai\ndòng"\nXHS-02,20,40,50,\n', set()),
        ('XHS-01,"20,5","40,5",50,\n', set()),
    ],
)
def test_records_whose_fields_may_not_be_where_they_belong_are_marked(sheets_of, lines, marked):
    [sheet] = sheets_of((FIELDS + lines).encode())
    assert {row for row, _ in sheet.marks} == marked
