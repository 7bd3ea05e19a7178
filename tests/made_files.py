"""Files as programs write them, made part by part: for what openpyxl cannot write or would not."""

import io
import struct
import zipfile

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
ONE_SHEET = (
    f'<workbook xmlns="{MAIN}" xmlns:r="{RELATIONS}"><sheets><sheet name="S" sheetId="1" r:id="0"/></sheets></workbook>'
)


def saved(book):
    """The bytes of a workbook of openpyxl or xlwt."""
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def zipped(parts):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(name, content)
    return buffer.getvalue()


def parts_of(data):
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        return {name: package.read(name).decode() for name in package.namelist()}


def links(**targets):
    """A part of relationships, '0', '1', ... to targets by their kind."""
    rows = "".join(
        f'<Relationship Id="{n}" Type="{RELATIONS}/{kind}" Target="{target}"/>'
        for n, (kind, target) in enumerate(targets.items())
    )
    return f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{rows}</Relationships>'


def xlsx(rows="", *, strings="", formats=("0",), before="", after="", dimension="A1:C9"):
    """A workbook whose one sheet has these rows of XML. formats: the codes of its cell styles."""
    own = "".join(f'<numFmt numFmtId="{200 + n}" formatCode="{code}"/>' for n, code in enumerate(formats))
    styles = "".join(f'<xf numFmtId="{200 + n}"/>' for n in range(len(formats)))
    sheet = f'<worksheet xmlns="{MAIN}"><dimension ref="{dimension}"/><sheetData>{rows}</sheetData>{after}</worksheet>'
    return zipped(
        {
            "_rels/.rels": links(officeDocument="xl/workbook.xml"),
            "xl/workbook.xml": ONE_SHEET,
            "xl/_rels/workbook.xml.rels": links(
                worksheet="worksheets/sheet1.xml", styles="styles.xml", sharedStrings="sharedStrings.xml"
            ),
            "xl/styles.xml": f'<styleSheet xmlns="{MAIN}"><numFmts>{own}</numFmts>'
            f"<cellXfs>{styles}</cellXfs></styleSheet>",
            "xl/sharedStrings.xml": f'<sst xmlns="{MAIN}">{strings}</sst>',
            "xl/worksheets/sheet1.xml": before + sheet,
        }
    )


def record(kind, body=b""):
    """A record of an .xlsb part."""
    number = bytes([kind]) if kind < 128 else bytes([kind & 0x7F | 0x80, kind >> 7])
    return number + bytes([len(body)]) + body


def wide(text):
    """A text of an .xlsb record."""
    return struct.pack("<I", len(text)) + text.encode("utf-16-le")


def xlsb(name, rows, styles, strings):
    """A workbook whose one sheet, hidden, has these records."""
    return zipped(
        {
            "_rels/.rels": links(officeDocument="xl/workbook.bin"),
            "xl/_rels/workbook.bin.rels": links(
                worksheet="worksheets/sheet1.bin", styles="styles.bin", sharedStrings="sharedStrings.bin"
            ),
            "xl/workbook.bin": record(156, struct.pack("<II", 1, 1) + wide("0") + wide(name)),
            "xl/styles.bin": b"".join(styles),
            "xl/sharedStrings.bin": b"".join(record(19, b"\0" + wide(text)) for text in strings),
            "xl/worksheets/sheet1.bin": b"".join(rows),
        }
    )


OPEN_DOCUMENT = "urn:oasis:names:tc:opendocument:xmlns"
ODS = f"""<office:document-content xmlns:office="{OPEN_DOCUMENT}:office:1.0" xmlns:table="{OPEN_DOCUMENT}:table:1.0"
 xmlns:text="{OPEN_DOCUMENT}:text:1.0" xmlns:style="{OPEN_DOCUMENT}:style:1.0"
 xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"><office:automatic-styles>
<style:style style:name="hidden" style:family="table"><style:table-properties table:display="false"/></style:style>
</office:automatic-styles><office:body><office:spreadsheet>TABLES</office:spreadsheet></office:body>
</office:document-content>"""


def ods(tables, *, before="", manifest=""):
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    content = before + ODS.replace("TABLES", tables)
    return zipped({"mimetype": kind, "content.xml": content, "META-INF/manifest.xml": manifest})
