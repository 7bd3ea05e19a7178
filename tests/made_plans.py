"""Plan documents made from the registry's rows as DOCX, in the layouts that offices use: which, a seed decides."""

import itertools
import random
from dataclasses import dataclass, field

import docx
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, qn

HEADS = {
    "number": ["STT", "TT", "Số TT", "Số thứ tự"],
    "title": ["Nội dung công việc", "Tên nhiệm vụ", "Nhiệm vụ, giải pháp", "Nội dung"],
    "head_role": ["Người đứng đầu chịu trách nhiệm", "Lãnh đạo phụ trách"],
    "lead_as_written": ["Cơ quan chủ trì", "Đơn vị chủ trì", "Cơ quan thực hiện", "Đơn vị chịu trách nhiệm chính"],
    "cooperating_as_written": ["Cơ quan phối hợp", "Đơn vị phối hợp"],
    "deliverable": ["Sản phẩm đầu ra", "Kết quả", "Sản phẩm hoàn thành"],
    "deadline_as_written": ["Thời gian hoàn thành", "Thời hạn", "Tiến độ thực hiện", "Mốc hoàn thành"],
    "name": ["Chỉ tiêu", "Tên chỉ tiêu"],
}
UNKNOWN = {"title": "Việc phải làm", "number": "#", "lead_as_written": "Ai làm", "cooperating_as_written": "Ai giúp",
           "deadline_as_written": "Khi nào", "deliverable": "Ra cái gì", "head_role": "Ai lo"}  # fmt: skip
LAYOUTS = ("shuffled", "two_heads", "cut", "automatic", "tracked", "framed")


@dataclass
class Made:
    """What a made document says: rows of its tables by appendix, and how it is laid out."""

    path: object
    tasks: list = field(default_factory=list)
    targets: list = field(default_factory=list)
    layout: tuple = ()


def make(path, tasks, targets, seed, layouts=None):
    """tasks, targets: registry rows of one plan. Write a DOCX of them in the layouts the seed draws."""
    dice = random.Random(seed)
    chosen = layouts if layouts is not None else tuple(one for one in LAYOUTS if dice.random() < 0.5)
    document = docx.Document()
    document.add_paragraph("ỦY BAN NHÂN DÂN XÃ VĨNH LẠI")
    document.add_paragraph("KẾ HOẠCH")
    document.add_paragraph("Thực hiện Nghị quyết số 57-NQ/TW trên địa bàn xã năm 2026")
    writer = _Writer(document, dice, chosen)
    for appendix in dict.fromkeys(row["appendix"] for row in targets):
        document.add_paragraph(f"PHỤ LỤC {appendix}: CÁC CHỈ TIÊU")
        writer.targets([row for row in targets if row["appendix"] == appendix])
    for appendix in dict.fromkeys(row["appendix"] for row in tasks):
        document.add_paragraph(f"PHỤ LỤC {appendix}: PHÂN CÔNG NHIỆM VỤ" if appendix else "PHỤ LỤC: NHIỆM VỤ")
        writer.tasks([row for row in tasks if row["appendix"] == appendix])
    document.save(path)
    return Made(path, tasks, targets, chosen)


class _Writer:
    def __init__(self, document, dice, layouts):
        self.document, self.dice, self.layouts = document, dice, layouts

    def tasks(self, rows):
        columns = ["number", "title", "head_role", "lead_as_written", "cooperating_as_written", "deliverable",
                   "deadline_as_written"]  # fmt: skip
        columns = [name for name in columns if name in ("number", "title") or any(row.get(name) for row in rows)]
        if "shuffled" in self.layouts:
            rest = columns[1:]
            self.dice.shuffle(rest)
            columns = [columns[0], *rest]
        lines, section = [], None
        for row in rows:
            if row["section"] and row["section"] != section:
                section = row["section"]
                lines.append((section, row["section_title"]))
            lines.append([row["row_number"] if name == "number" else row.get(name) or "" for name in columns])
        words = (
            UNKNOWN if "unknown_heads" in self.layouts else {name: self.dice.choice(HEADS[name]) for name in columns}
        )
        self._table([words[name] for name in columns], columns, lines)

    def targets(self, rows):
        years = sorted({row["milestone_on"][:4] for row in rows})
        columns = ["number", "name", *years, "lead_as_written", "cooperating_as_written"]
        lines = []
        for number in dict.fromkeys(row["row_number"] for row in rows):
            same = [row for row in rows if row["row_number"] == number]
            by_year = {row["milestone_on"][:4]: row["as_written"] for row in same}
            first = same[0]
            lines.append([number, first["name"], *(by_year.get(year, "-") for year in years), first["lead_as_written"],
                          first["cooperating_as_written"]])  # fmt: skip
        heads = [self.dice.choice(HEADS[name]) if name in HEADS else f"Năm {name}" for name in columns]
        self._table(heads, columns, lines)

    def _table(self, heads, columns, lines):
        chunk = self.dice.randrange(3, 7) if "cut" in self.layouts else len(lines) or 1
        places = [lines[at : at + chunk] for at in range(0, len(lines), chunk)]
        if "cut" in self.layouts:
            places = self._cut(places, columns)
        for at, part in enumerate(places):
            repeated = at == 0 or self.dice.random() < 0.7
            self._write(heads if repeated else None, columns, part)

    def _cut(self, places, columns):
        """The last row of a page ends on the next one."""
        title = columns.index("title") if "title" in columns else None
        for one, other in itertools.pairwise(places):
            row = one[-1]
            if title is not None and isinstance(row, list) and len(row[title].split()) > 6 and self.dice.random() < 0.5:
                words = row[title].split()
                one[-1] = [*row[:title], " ".join(words[:-3]), *row[title + 1 :]]
                other.insert(0, ["" if at != title else " ".join(words[-3:]) for at in range(len(row))])
        return places

    def _write(self, heads, columns, lines):
        table = self.document.add_table(0, len(columns))
        if heads and "two_heads" in self.layouts and "lead_as_written" in columns:
            top, below = table.add_row().cells, table.add_row().cells
            for at, head in enumerate(heads):
                if columns[at] in ("lead_as_written", "cooperating_as_written"):
                    top[at].text, below[at].text = "Phân công", head
                else:
                    top[at].merge(below[at]).text = head
        elif heads:
            for cell, head in zip(table.add_row().cells, heads, strict=True):
                cell.text = head
        for line in lines:
            cells = table.add_row().cells
            if isinstance(line, tuple):
                cells[0].text = line[0]
                cells[1].merge(cells[-1]).text = line[1]
                continue
            for name, cell, text in zip(columns, cells, line, strict=True):
                self._fill(cell, name, text)
        if "framed" in self.layouts:
            self._frame(table)

    def _fill(self, cell, name, text):
        paragraph = cell.paragraphs[0]
        if name == "deadline_as_written" and text and "tracked" in self.layouts:
            before = "<w:r><w:delText>Tháng 1/2020</w:delText></w:r>"
            gone = parse_xml(f'<w:del {nsdecls("w")} w:id="1" w:author="a">{before}</w:del>')
            new = parse_xml(f'<w:ins {nsdecls("w")} w:id="2" w:author="a"><w:r><w:t/></w:r></w:ins>')
            new.find(f".//{qn('w:t')}").text = text
            paragraph._p.append(gone)
            paragraph._p.append(new)
        elif name == "number" and "automatic" in self.layouts and text == str(self._expected(text)):
            self._number(paragraph)
        else:
            paragraph.add_run(text)

    def _expected(self, text):
        """The number Word's list stands at; a list of its own begins where numbers begin anew."""
        if text == "1":
            self.list = self._new_list()
            self.count = 0
        if not hasattr(self, "list"):
            return None
        if text == str(self.count + 1):
            self.count += 1
            return self.count
        return None

    def _number(self, paragraph):
        properties = paragraph._p.get_or_add_pPr()
        number = OxmlElement("w:numPr")
        for tag, value in (("w:ilvl", "0"), ("w:numId", str(self.list))):
            one = OxmlElement(tag)
            one.set(qn("w:val"), value)
            number.append(one)
        properties.append(number)

    def _new_list(self):
        root = self.document.part.numbering_part.element
        ids = [int(one.get(qn("w:abstractNumId"))) for one in root.iterchildren(qn("w:abstractNum"))]
        new = max(ids, default=0) + 1
        abstract = parse_xml(
            f'<w:abstractNum {nsdecls("w")} w:abstractNumId="{new}"><w:lvl w:ilvl="0"><w:start w:val="1"/>'
            f'<w:numFmt w:val="decimal"/><w:lvlText w:val="%1."/></w:lvl></w:abstractNum>'
        )
        first = root.find(qn("w:num"))
        first.addprevious(abstract) if first is not None else root.append(abstract)
        number = parse_xml(f'<w:num {nsdecls("w")} w:numId="{900 + new}"><w:abstractNumId w:val="{new}"/></w:num>')
        root.append(number)
        return 900 + new

    def _frame(self, table):
        """Put the table into a text box, as some typists do."""
        body = table._tbl.getparent()
        at = body.index(table._tbl)
        box = parse_xml(
            f'<w:p {nsdecls("w")} xmlns:v="urn:schemas-microsoft-com:vml"><w:r><w:pict><v:shape><v:textbox>'
            f"<w:txbxContent/></v:textbox></v:shape></w:pict></w:r></w:p>"
        )
        box.find(f".//{qn('w:txbxContent')}").append(table._tbl)
        body.insert(at, box)
