"""What a spreadsheet shows is read, what it does not show is not; a file that two programs open as two is refused."""

import io
import zipfile

import pytest
import xlwt
from made_files import MAIN, parts_of, saved, xlsx, zipped

from pipelines.reading.formats.cell_values import UnreadableError
from pipelines.reading.formats.tcvn3 import repair

ROW = '<row r="1"><c r="A1"><v>{}</v></c></row>'
PARSED = "<!-- read by the parser -->"


def edited(data, **parts):
    """The workbook with parts changed: name_of_part=(old, new)."""
    found = parts_of(data)
    for name, (old, new) in parts.items():
        [path] = [one for one in found if one.endswith(f"/{name}.xml")]
        assert old in found[path]
        found[path] = found[path].replace(old, new)
    return zipped(found)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("second", ["xl/worksheets/sheet1.xml", "xl\\worksheets/SHEET1.xml"])
def test_a_package_that_holds_a_part_twice_is_refused(sheets_of, second):
    buffer = io.BytesIO(xlsx(ROW.format(3245)))
    with zipfile.ZipFile(buffer, "a") as package:
        package.writestr(second, parts_of(xlsx(ROW.format(9)))["xl/worksheets/sheet1.xml"])
    with pytest.raises(UnreadableError, match="damaged"):
        sheets_of(buffer.getvalue())


@pytest.mark.parametrize("listed", ['<sheet name="s" sheetId="2" r:id="3"/>', '<sheet name="T" sheetId="2" r:id="0"/>'])
def test_a_workbook_that_lists_a_sheet_twice_is_refused(sheets_of, listed):
    with pytest.raises(UnreadableError, match="damaged"):
        sheets_of(edited(xlsx(ROW.format(1)), workbook=("</sheets>", f"{listed}</sheets>")))


@pytest.mark.parametrize("how", ["", PARSED])
@pytest.mark.parametrize(
    "hidden",
    [
        ("</sheetData>", "</sheetData>" + ROW.format(9)),
        ("<sheetData>", ROW.format(9) + "<sheetData>"),
        ("</sheetData>", "</sheetData><extLst><ext>" + ROW.format(9) + "</ext></extLst>"),
        ("</sheetData>", '<x:row xmlns:x="urn:x" r="1"><x:c r="A1"><x:v>9</x:v></x:c></x:row></sheetData>'),
        ("</sheetData>", '<row xmlns="urn:x" r="1"><c r="A1"><v>9</v></c></row></sheetData>'),
    ],
)
def test_cells_that_no_spreadsheet_shows_are_not_read(sheets_of, hidden, how):
    data = edited(xlsx(ROW.format(3245)), sheet1=hidden)
    data = edited(data, sheet1=("<sheetData>", f"{how}<sheetData>"))
    [sheet] = sheets_of(data)
    assert [cell.text for cell in sheet.cells.values()] == ["3245"]


@pytest.mark.parametrize("how", ["", PARSED])
def test_two_bodies_of_one_sheet_are_refused(sheets_of, how):
    second = f"</sheetData>{how}<sheetData>{ROW.format(9)}</sheetData>"
    with pytest.raises(UnreadableError, match="damaged"):
        sheets_of(edited(xlsx(ROW.format(3245)), sheet1=("</sheetData>", second)))


@pytest.mark.parametrize("how", ["", PARSED])
@pytest.mark.parametrize(("own", "conditional", "kind"), [("dd/mm/yyyy", "0.0%", "d"), ("0.0%", "0.000", "p")])
def test_formats_of_conditional_formatting_are_not_those_of_cells(sheets_of, own, conditional, kind, how):
    dxf = f'</cellXfs><dxfs><dxf><numFmt numFmtId="200" formatCode="{conditional}"/></dxf></dxfs>{how}'
    data = edited(xlsx('<row r="1"><c r="A1" s="0"><v>45000</v></c></row>', formats=(own,)), styles=("</cellXfs>", dxf))
    [sheet] = sheets_of(data)
    assert [cell.kind for cell in sheet.cells.values()] == [kind]


@pytest.mark.parametrize(("stored", "shown"), [("0", "0"), ("1", "1"), ("12", "1"), ("true", "1"), ("0.0", "0")])
def test_any_number_but_zero_is_true(sheets_of, stored, shown):
    [sheet] = sheets_of(xlsx(f'<row r="1"><c r="A1" t="b"><v>{stored}</v></c></row>'))
    assert [tuple(cell) for cell in sheet.cells.values()] == [("b", shown)]


def test_an_xls_whose_format_has_an_id_and_no_name_is_read(sheets_of):
    """Ids 27 to 36 are dates of East Asian versions; xlrd knows them without a format string."""
    book = xlwt.Workbook()
    style = xlwt.XFStyle()
    style.num_format_str = "0.000000"
    book.add_sheet("S").write(0, 0, 45000, style)
    data = saved(book)
    own = b"\xe0\x00\x14\x00"  # the records of cell styles: font, then format
    places = [n for n in range(len(data)) if data[n : n + 4] == own and data[n + 6 : n + 8] == b"\xa5\x00"]
    for place in places:
        data = data[: place + 6] + b"\x1b\x00" + data[place + 8 :]
    assert places
    [sheet] = sheets_of(data)
    assert [tuple(cell) for cell in sheet.cells.values()] == [("d", "2023-03-15")]


def test_german_is_no_tcvn3():
    assert repair(["Höhe", "Größe", "Übung", "Tät", "Länge", "Möm", "Tüt", "Straße", "Prüfung", "Männer"]) == {}
    assert repair(["TØnh H¶i Phßng", "X· VÜnh L¹i", "Sè liÖu"])["Sè liÖu"] == "Số liệu"


def test_the_namespace_of_strict_workbooks_is_one_of_spreadsheets(sheets_of):
    strict = "http://purl.oclc.org/ooxml/spreadsheetml/main"
    found = {name: content.replace(MAIN, strict) for name, content in parts_of(xlsx(ROW.format(5))).items()}
    [sheet] = sheets_of(zipped(found))
    assert [cell.text for cell in sheet.cells.values()] == ["5"]
