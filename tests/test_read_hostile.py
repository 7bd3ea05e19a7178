"""What cannot be read: each file has a problem with a name, and costs the others nothing."""

import io
import struct
import zipfile

import msoffcrypto.format.ooxml
import openpyxl
import pytest
import xlwt
from made_files import ONE_SHEET, links, ods, saved, xlsx, zipped

from pipelines.reading.formats.cell_values import UnreadableError
from pipelines.reading.read import Job, read_all


@pytest.fixture
def problem_of(sheets_of):
    """Why a file given as bytes is refused."""

    def problem(data):
        with pytest.raises(UnreadableError) as caught:
            sheets_of(data)
        return caught.value.code

    return problem


ENTITIES = "<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'><!ENTITY c '&b;&b;&b;&b;'>]>"
MANY_CELLS = ("<row>" + "<c><v>1</v></c>" * 16_000 + "</row>") * 13
REPEATED = """<table:table><table:table-row table:number-rows-repeated="1048576"><table:table-cell
 table:number-columns-repeated="16384" office:value-type="float" office:value="1"/></table:table-row></table:table>"""
COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def zip_bomb():
    """300 MB in a few hundred kB."""
    return zipped({"xl/workbook.xml": "<workbook/>", "xl/worksheets/sheet1.xml": b" " * 300_000_000})


def lying_zip():
    """A package whose directory says that a part is tiny."""
    data, name = xlsx('<row r="1">' + "<c><v>1</v></c>" * 1000 + "</row>"), "xl/worksheets/sheet1.xml"
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        return data.replace(struct.pack("<I", package.getinfo(name).file_size), struct.pack("<I", 100))


def encrypted():
    out = io.BytesIO()
    msoffcrypto.format.ooxml.OOXMLFile(io.BytesIO(saved(openpyxl.Workbook()))).encrypt("mật khẩu", out)
    return out.getvalue()


def xls():
    book = xlwt.Workbook()
    book.add_sheet("S").write(0, 0, "x" * 5000)
    return saved(book)


def without_its_sheet():
    return zipped(
        {
            "_rels/.rels": links(officeDocument="xl/workbook.xml"),
            "xl/workbook.xml": ONE_SHEET,
            "xl/_rels/workbook.xml.rels": links(worksheet="worksheets/sheet1.xml"),
        }
    )


UNREADABLE = {
    "nothing": (lambda: b"", "empty"),
    "white space": (lambda: b" \r\n \t", "empty"),
    "a mark and nothing": (lambda: b"\xef\xbb\xbf", "empty"),
    "one byte": (lambda: b"\7", "not_a_workbook"),
    "zeros, as a broken copy leaves them": (lambda: bytes(5000), "damaged"),
    "a picture": (lambda: b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)), "picture"),
    "a remark": (lambda: b"this is no workbook", "not_a_workbook"),
    "a PDF": (lambda: b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n", "pdf"),
    "a Word document": (lambda: zipped({"word/document.xml": "<x/>"}), "word"),
    "an archive": (lambda: zipped({"a.xlsx": "x"}), "archive"),
    "an old Word document": (lambda: COMPOUND + "WordDocument".encode("utf-16-le"), "word"),
    "a web page named .xls": (lambda: b"<html><table><tr><td>1</td></tr></table>", "not_supported"),
    "a web page in UTF-16": (lambda: "<html><table>".encode("utf-16"), "not_supported"),
    "Excel 2003 XML": (lambda: b'<?xml version="1.0"?><Workbook/>', "not_supported"),
    "a password": (encrypted, "protected"),
    "a password in OpenDocument": (lambda: ods("", manifest="<x><encryption-data/></x>"), "protected"),
    "a zip cut short": (lambda: xlsx()[:-40], "damaged"),
    "half a zip": (lambda: xlsx()[: len(xlsx()) // 2], "damaged"),
    "an .xls cut short": (lambda: xls()[:3000], "damaged"),
    "a compound file without content": (lambda: COMPOUND * 64, "damaged"),
    "a zip with a broken part": (lambda: xlsx('<row r="1"><c r="A1"'), "damaged"),
    "a workbook without its sheet": (without_its_sheet, "damaged"),
    "a zip that lies about a size": (lying_zip, "damaged"),
    "a text cut within a letter": (lambda: "Tử số,Mẫu số".encode()[:-2], "damaged"),
    "a zip bomb": (zip_bomb, "too_large"),
    "a part that unpacks a thousandfold": (lambda: xlsx(after=" " * 17 * 1024**2), "too_large"),
    "entities in a sheet": (lambda: xlsx(before=ENTITIES), "unsafe"),
    "entities that are not declared": (lambda: xlsx('<row r="1"><c r="A1"><v>&c;</v></c></row>'), "damaged"),
    "entities in OpenDocument": (lambda: ods("", before=ENTITIES), "unsafe"),
    "too many cells": (lambda: xlsx(MANY_CELLS), "too_many_cells"),
    "too many lines": (lambda: b"1,2,3,4,5,6,7,8,9,10\n" * 20_001, "too_many_cells"),
    "a cell repeated without end": (lambda: ods(REPEATED), "too_many_cells"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_a_file_that_cannot_be_read_has_a_problem_with_a_name(problem_of, registry, case):
    make, code = UNREADABLE[case]
    assert problem_of(make()) == code
    assert registry.form["problems"][code]


def test_a_part_below_the_limit_may_unpack_a_thousandfold(sheets_of):
    """Formats down to the last row compress as well as a bomb does."""
    data = xlsx('<row r="1"><c r="A1"><v>1</v></c></row>', after=" " * 8 * 1024**2)
    assert len(data) * 500 < 8 * 1024**2
    [sheet] = sheets_of(data)
    assert len(sheet.cells) == 1


def test_bad_files_cost_the_good_ones_nothing(tmp_path, registry, office):
    """In real workers: every file comes back, in order, with what it deserves."""
    good = office.fill(tmp_path / "good.xlsx", "11164", "CA", "2026-10", {})
    jobs, expected = [], []
    for n, (make, code) in enumerate(UNREADABLE.values()):
        path = tmp_path / f"{n}"
        path.write_bytes(make())
        jobs += [Job(str(n), path), Job(f"good {n}", good)]
        expected += [code, ""]
    outcomes = list(read_all(jobs, registry.form))
    assert [job.key for job, _ in outcomes] == [job.key for job in jobs]
    assert [reading["problem"] for _, reading in outcomes] == expected
    assert all(reading["tables"] for _, reading in outcomes if not reading["problem"])


def test_nothing_to_read_starts_no_worker(registry):
    assert list(read_all([], registry.form)) == []
