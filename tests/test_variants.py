"""The form as it really comes back: each variant with the facts and the findings it must give.

The form is that of Vĩnh Lại's Công an for October 2026, received on 20/10/2026. It has three lines: CQS-05 (row 10, not
due in October, left empty), XHS-01 (row 11: 30 of 60) and XHS-02 (row 12: 20 of 40). Facts not named in a case are the
form's own; every finding is named, warnings too.
"""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import edits as e
import openpyxl
import pytest
from earlier_form import write_version_1
from openpyxl.styles import Font

from pipelines.checking.expectations import unexpected
from pipelines.checking.validate import validate
from pipelines.intake.receive import receipts
from pipelines.reading.form import Form
from pipelines.reading.read import read_file

OWN = {"XHS-01": (30, 60, 50), "XHS-02": (20, 40, 50)}
TASK = "11164-vinh-lai-2025/IV/III.10"
NEXT = "Bảo đảm an toàn, an ninh mạng trên nền tảng số và không gian mạng."  # the name of another task
GONE = None


class Case(NamedTuple):
    """A variant: its name, what is done to the form, what changes in the facts, and the findings as (rule, cell)."""

    name: str
    edit: Callable[[openpyxl.Workbook], None]
    facts: dict[str, Any]
    findings: list[tuple[str, str | None]]
    file: str = "bao-cao.xlsx"
    received: str = "2026-10-20T09:00:00"
    folder: str = "11164-vinh-lai/CA"
    form: str = "CA"


def xhs02(*figures: Any) -> Callable[[openpyxl.Workbook], None]:
    return e.line("XHS-02", *figures)


NUMBERS = [
    Case("as the form is", e.both(), {}, []),
    Case("thousands with points", xhs02("1.234", "2.468"), {"XHS-02": (1234, 2468, 50)}, []),
    Case("thousands with spaces", xhs02("1 234", "2 468"), {"XHS-02": (1234, 2468, 50)}, []),
    Case("no-break spaces", xhs02("1\xa0234", "\xa02468\xa0"), {"XHS-02": (1234, 2468, 50)}, []),
    Case("full-width digits", xhs02("２０", "４０"), {}, []),
    Case("an apostrophe before", xhs02("'20", "’40"), {}, []),
    Case("marks of writing direction", xhs02("\u200e20", "\u202d40\u202c"), {}, []),
    Case("decimal comma in the result", xhs02(20, 40, "50,0"), {}, []),
    Case("the result in percent", xhs02(20, 40, "50 %"), {}, []),
    Case("a cell in percent", e.typed("XHS-02", "Kết quả", 0.5, "0%"), {}, []),
    Case("a cell in percent alone", e.both(xhs02(), e.typed("XHS-02", "Kết quả", 0.855, "0.0%")),
         {"XHS-02": (None, None, "85.5")}, [("C15", "G12")]),
    Case("a result of 8.550 %", e.both(xhs02(), e.typed("XHS-02", "Kết quả", 85.5, "0%")), {"XHS-02": GONE},
         [("C08", "J12"), ("C15", "G12")]),
    Case("0,855 without percent", xhs02(None, None, 0.855), {"XHS-02": GONE}, [("C15", "G12"), ("C33", "J12")]),
    Case("a numerator in percent", e.typed("XHS-02", "Tử số", 0.5, "0%"), {"XHS-02": GONE}, [("C20", "G12")]),
    Case("a denominator '40%'", xhs02(20, "40%"), {"XHS-02": GONE}, [("C20", "I12")]),
    Case("a third, to one decimal", xhs02(1, 3, "33,3"), {"XHS-02": (1, 3, "33.3333")}, []),
    Case("a third, to two decimals", xhs02(1, 3, 33.33), {"XHS-02": (1, 3, "33.3333")}, []),
    Case("a third, as Excel has it", xhs02(1, 3, 100 / 3), {"XHS-02": (1, 3, "33.3333")}, []),
    Case("a third, rounded wrongly", xhs02(1, 3, "33,4"), {"XHS-02": GONE}, [("C12", "J12")]),
    Case("two thirds, cut off", xhs02(2, 3, "66,6"), {"XHS-02": GONE}, [("C12", "J12")]),
    Case("two thirds, to the whole", xhs02(2, 3, 67), {"XHS-02": (2, 3, "66.6667")}, []),
    Case("a unit behind the number", xhs02("120 hồ sơ", 240), {"XHS-02": GONE}, [("C04", "G12")]),
    Case("numbers in words", xhs02("hai mươi", "bốn mươi"), {"XHS-02": GONE}, [("C04", "G12"), ("C05", "I12")]),
    Case("a letter among digits", xhs02("2O", 40, "5l"), {"XHS-02": GONE}, [("C04", "G12"), ("C06", "J12")]),
    Case("1.234 where points are decimal", xhs02(1.234, 2468), {"XHS-02": GONE}, [("C22", "G12")]),
    Case("Excel made it a date", xhs02(datetime(2026, 10, 5), 40), {"XHS-02": GONE}, [("C21", "G12")]),
    Case("yes and no as numbers", xhs02(True, 40), {"XHS-02": GONE}, [("C04", "G12")]),
    Case("an error in a figure", e.typed("XHS-02", "Kết quả", "#DIV/0!"), {"XHS-02": GONE}, [("C18", "J12")]),
    Case("errors in two figures", xhs02("#N/A", "#REF!"), {"XHS-02": GONE}, [("C18", "G12"), ("C18", "I12")]),
    Case("a formula never calculated", e.typed("XHS-02", "Tử số", "=10+10"), {"XHS-02": GONE}, [("C19", "G12")]),
    Case("below zero", xhs02(-2, -1), {"XHS-02": GONE}, [("C09", "G12"), ("C11", "G12"), ("C11", "I12")][1:]),
    Case("a dash is nothing", xhs02("-", "–", "—"), {"XHS-02": GONE}, [("C16", "G12")]),
    Case("dots are nothing", xhs02("……", "...", None), {"XHS-02": GONE}, [("C16", "G12")]),
    Case("a reason instead of a figure", e.both(xhs02(), e.typed("XHS-02", "Ghi chú", "Chưa có số liệu")),
         {"XHS-02": GONE}, [("C42", "K12")]),  # the figures of the cases before stand
    Case("the figure taken back", e.both(xhs02("-", "-"), e.typed("XHS-02", "Ghi chú", "Rút số liệu.")),
         {"XHS-02": (None, None, None)}, []),
    Case("nothing of nothing", xhs02(0, 0), {"XHS-02": (0, 0, None)}, [("C14", "I12")]),
    Case("a note of 2.500 letters", e.typed("XHS-02", "Ghi chú", "dài " * 625), {}, [("C32", "K12")]),
]  # fmt: skip

REFUSED = {"XHS-01": GONE, "XHS-02": GONE}
LAYOUTS = [
    Case("columns in reverse order", e.columns_in(lambda row: row[::-1]), {}, []),
    Case("only the columns needed", e.columns_in(lambda row: [row[1], row[6], row[8], row[9]]), {}, []),
    Case("columns of the officer's own", e.with_column("Người phụ trách", ["", "Đ/c An", "Đ/c Bình"]), {}, []),
    Case("other words in the header", e.renamed({"Mã chỉ tiêu": "Mã số", "Tử số": "Số thực hiện", "Mẫu số": "Tổng số",
         "Kết quả": "Tỷ lệ (%)", "Ghi chú": "Giải trình"}), {}, []),
    Case("capitals, old spelling, brackets", e.renamed({"Mã chỉ tiêu": "MÃ CHỈ TIÊU (*)", "Tử số": "TỬ SỐ\n(người)",
         "Mẫu số": "Mẫu  số:", "Kết quả": "TỈ LỆ %"}), {}, []),
    Case("letters taken apart (NFD)", e.everywhere(e.nfd), {}, []),
    Case("below a letterhead, to the right", e.shifted(4, 3), {}, []),
    Case("a header of two rows", e.two_row_header, {}, []),
    Case("a header of three rows", e.both(e.moved(lambda rows: [[None, "Chỉ tiêu", None, "Số liệu báo cáo"],
         ["STT", "Mã", "Tên", "Tháng 10", None, None], [None, None, None, "Tử số", "Mẫu số", "Tỷ lệ"],
         *([r[0], r[1], r[2], r[6], r[8], r[9]] for r in rows[1:])]), e.merged("B9:C9", "D9:F9", "D10:F10")), {}, []),
    Case("last period beside this", e.both(e.moved(lambda rows: [["Mã", "Tử số", None, "Mẫu số", None, "Kết quả"],
         [None, "Kỳ trước", "Kỳ này", "Kỳ trước", "Kỳ này"], *([r[1], 1, r[6], 2, r[8]] for r in rows[1:])]),
         e.merged("B9:C9", "D9:E9")), {}, []),
    Case("a month beside another", e.moved(lambda rows: [["Mã", "Tử số", None, "Mẫu số", None, "Kết quả"],
         [None, "Tháng 9", "Tháng 10", "Tháng 9", "Tháng 10"], *([r[1], 1, r[6], 2, r[8]] for r in rows[1:])]),
         {}, [("T19", "B9")]),
    Case("a merged header over a unit", e.moved(lambda rows: [rows[0], [None] * 6 + ["(người)", None, "(người)", "(%)"],
         *rows[1:]]), {}, []),
    Case("numbered columns", e.moved(lambda rows: [rows[0], [f"({n})" for n in range(1, 12)], *rows[1:]]), {}, []),
    Case("blank lines between", e.moved(lambda rows: [rows[0], rows[1], [None], [None], *rows[2:]]), {}, []),
    Case("headings between the lines", e.moved(lambda rows: [rows[0], ["I", None, "Xã hội số"], *rows[1:]]), {}, []),
    Case("a total below", e.put_row(13, None, None, "Tổng cộng", None, None, None, 50, None, 100, 50), {}, []),
    Case("a total among the codes", e.put_row(13, None, "TỔNG CỘNG", None, None, None, None, 50, None, 100), {}, []),
    Case("notes and signatures below", e.both(e.put("B14", "Ghi chú: số liệu đến 14/10"),
         e.put("I16", "Vĩnh Lại, ngày 14 tháng 10 năm 2026"), e.put_row(17, None, "NGƯỜI LẬP BIỂU"),
         e.put("J17", "TRƯỞNG CÔNG AN XÃ"), e.put("J20", "Trung tá Nguyễn Văn A"), e.put("G20", "0912345678")), {}, []),
    Case("a hidden line", e.hidden_row(12), {}, [("C25", "B12")]),
    Case("a hidden line without figures", e.hidden_row(10), {}, []),
    Case("a hidden column", e.hidden_column("I"), {}, [("T14", None)]),
    Case("a hidden sheet", e.hidden_sheet, {}, [("T14", None)]),
    Case("the header again on the next page", e.moved(lambda rows: [*rows[:3], rows[0], rows[3]]), {}, []),
    Case("both tables on one sheet", e.one_below_the_other, {}, []),
    Case("the table on two sheets", e.split, {}, []),
    Case("a copy of the sheet", e.copied, REFUSED, [("C03", "B11"), ("C03", "B12")] * 2),
    Case("a sheet that is no report", e.other_sheet("Theo dõi", [["Ngày", "Việc"], ["14/10", "Gửi"]]), {}, []),
    Case("a chart's sheet with codes", e.other_sheet("Biểu đồ", [["Mã", "Kết quả"], ["XHS-01", 50]]),
         REFUSED, [("T08", "A1")]),
    Case("no table at all", e.only("Hướng dẫn"), REFUSED, [("T02", None)]),
    Case("a column is gone", e.renamed({"Mẫu số": None}), REFUSED, [("T08", "A9")]),
    Case("the column of codes is gone", e.renamed({"Mã chỉ tiêu": None}), {"XHS-01": GONE, "XHS-02": GONE},
         [("T08", "A9")]),
    Case("a header twice", e.renamed({"Ghi chú": "Tử số"}), REFUSED, [("T09", "K9")]),
    Case("one note column too many", e.renamed({"Kỳ này": "Giải trình"}), {}, []),
    Case("figures merged over two lines", e.both(e.put("G12", None), e.merged("G11:G12")),
         REFUSED, [("C24", "G11"), ("C24", "G11")]),
    Case("figures merged to the right", e.both(xhs02(20), e.merged("G12:I12")), {"XHS-02": GONE}, [("C10", "I12")]),
    Case("lines two rows high", e.both(e.moved(lambda rows: [rows[0], *(r for x in rows[1:] for r in (x, [None]))]),
         *(e.merged(f"{c}{r}:{c}{r + 1}") for c in "ABCDEFGHIJK" for r in (10, 12, 14))), {}, []),
    Case("codes as they are typed", e.both(e.put("B11", " xhs–01 "), e.put("B12", "XHS 02")), {}, []),
    Case("a line without its code", e.put("B12", None), {"XHS-02": GONE}, [("T13", None), ("C17", "B12")]),
    Case("a code nobody knows", e.put("B12", "XHS-99"), {"XHS-02": GONE}, [("T13", None), ("C01", "B12")]),
    Case("another agency's indicator", e.put("B12", "DVC-01"), {"XHS-02": GONE}, [("T13", None), ("C02", "B12")]),
    Case("the code is an error", e.put("B12", "#REF!"), {"XHS-02": GONE}, [("T13", None), ("C18", "B12")]),
    Case("a line twice", e.put_row(13, 4, "XHS-02", None, None, None, None, 21, None, 40),
         {"XHS-02": GONE}, [("C03", "B12"), ("C03", "B13")]),
    Case("a line again, left empty", e.put_row(13, 4, "XHS-02"), {}, []),
    Case("a line deleted", e.moved(lambda rows: rows[:3]), {"XHS-02": GONE}, [("T13", None)]),
]  # fmt: skip

TABLE = ["Mã chỉ tiêu", "Tử số", "Mẫu số", "Kết quả"]


def months(*named: str) -> Callable[[openpyxl.Workbook], None]:
    """Numerator and denominator of several months side by side; this one's are the form's own."""
    return e.both(e.moved(lambda rows: [["Mã", *(text for month in named for text in (month, None))],
        [None, *["Tử số", "Mẫu số"] * len(named)],
        *([r[1], *(v for month in named for v in ((r[6], r[8]) if "10" in month else (1, 2)))] for r in rows[1:])]),
        *(e.merged(f"{chr(66 + 2 * n)}9:{chr(67 + 2 * n)}9") for n in range(len(named))))  # fmt: skip


ASKED = [("C35", f"{column}{row}") for row in (11, 12) for column in "GI"]
AROUND = [
    *(Case(f"the header says '{text}'", e.renamed({"Tử số": text}), REFUSED, [("C35", "G11"), ("C35", "G12")])
      for text in ("Tử số (tháng 9/2026)", "Tử số tháng 9", "Tử số - kỳ trước", "Tử số\ncùng kỳ năm trước",
                   "Tử số KH năm", "Kế hoạch: Tử số", "Tử số (ước thực hiện)", "Tử số lũy kế", "Tử số năm 2025",
                   "Tử số 6 tháng đầu năm", "Tử số (nghìn người)", "Tử số (ĐVT: triệu)", "Tử số (sơ bộ)",
                   "TU SO (KY TRUOC)", "Tử số Quý III/2026")),
    *(Case(f"the header says '{text}', which is this", e.renamed({"Tử số": text}), {}, [])
      for text in ("Tử số (tháng 10/2026)", "Tử số T10", "Tử số - kỳ này", "Tử số thực hiện", "Tử số (người)",
                   "(7) Tử số", "Tử số (nếu có)", "TU SO", "Tử số (a)", "Tử số tại thời điểm cuối kỳ",
                   "Tử số (số lượng người dân)")),
    *(Case(f"the group says '{text}'", e.groups_above(("G8:J8", text)), REFUSED, ASKED)
      for text in ("Kế hoạch năm 2026", "Chỉ tiêu giao", "Tháng 9", "Ước cả năm", "So với cùng kỳ", "Năm 2025")),
    Case("a group centred, not merged", e.groups_above(("G8", "Dự kiến tháng 11"), ("K8", "Khác")), REFUSED, ASKED),
    Case("a group that says this period", e.groups_above(("G8:J8", "Thực hiện tháng 10/2026")), {}, []),
    Case("a group of whose words nobody knows", e.groups_above(("G8:J8", "Phần dành cho cơ quan")), {}, []),
    *(Case(f"a row between says '{text}'", e.moved(lambda rows, text=text: [*rows[:2], [None, None, text], *rows[2:]]),
           REFUSED, [("C35", f"{column}{row}") for row in (12, 13) for column in "GI"])
      for text in ("Cùng kỳ năm trước", "Tháng 9/2026", "Kế hoạch năm 2026", "Số liệu ước thực hiện", "KY TRUOC")),
    Case("two rows between, the second of this period", e.moved(lambda rows: [*rows[:2], ["Tháng 9"], rows[2],
         ["Tháng 10"], rows[3]]), {"XHS-01": GONE}, [("C35", "G12"), ("C35", "I12")]),
    Case("the title says another month", e.put("A1", "BÁO CÁO SỐ LIỆU ĐỊNH KỲ – THÁNG 9/2026"), REFUSED,
         [("T16", "F6"), *ASKED]),
    Case("the title says a plan", e.put("A3", "CHỈ TIÊU KẾ HOẠCH NĂM 2026"), REFUSED, ASKED),
    Case("the title says how a plan is carried out", e.put("A3", "Tình hình thực hiện Kế hoạch số 12/KH-UBND"), {}, []),
    *(Case(f"the sheet is called '{text}'", e.named(text), REFUSED, ASKED)
      for text in ("T9", "Tháng 9.2026", "KH năm 2026", "Kỳ trước", "Năm 2025")),
    *(Case(f"the sheet is called '{text}', which is this", e.named(text), {}, [])
      for text in ("T10", "10-2026", "Chỉ tiêu (2)", "KH&CN", "Sheet1")),
    Case("a second table of another period", e.both(e.put_row(16, "Kỳ báo cáo", "2026-09"), e.put_row(17, *TABLE),
         e.put_row(18, "XHS-02", 1, 2), e.put("G12", None), e.put("I12", None)), {"XHS-02": GONE},
         [("C35", "B18"), ("C35", "C18")]),
    Case("months side by side", months("Tháng 8", "Tháng 9", "Tháng 10/2026"), {}, [("T19", "B10")]),
    Case("months without this one", months("Tháng 7", "Tháng 8", "Tháng 9"), REFUSED,
         [("C35", f"{column}{row}") for row in (11, 12, 13) for column in "BC"]),
    Case("plan beside what was done", e.both(e.moved(lambda rows: [["Mã", "Kế hoạch", None, "Thực hiện", None],
         [None, "Tử số", "Mẫu số", "Tử số", "Mẫu số"], *([r[1], 1, 2, r[6], r[8]] for r in rows[1:])]),
         e.merged("B9:C9", "D9:E9")), {}, []),
    Case("names swapped", e.both(e.put("C11", "Tỷ lệ người dân có tài khoản định danh điện tử (VNeID)"),
         e.put("C12", "Tỷ lệ người dân trưởng thành có chữ ký số hoặc chữ ký điện tử cá nhân")), REFUSED,
         [("C38", "C11"), ("C38", "C12")]),
    Case("another's name, nearly", e.put("C12", "Tỉ lệ người dân trưởng thành có chữ ký số, chữ ký điện tử cá nhân"),
         REFUSED, [("C39", "B11"), ("C38", "C12")]),
    Case("a name shortened", e.put("C12", "Người dân có tài khoản VNeID"), {}, []),
    Case("another's name for the numerator", e.put("F12", "Số người từ đủ 18 tuổi trở lên có chữ ký số hoặc chữ ký "
         "điện tử cá nhân (tại thời điểm cuối kỳ)"), REFUSED, [("C39", "B11"), ("C38", "F12")]),
    *(Case(f"the unit says '{text}'", e.put("D12", text), {"XHS-02": GONE}, [("C35", "G12"), ("C35", "I12")])
      for text in ("nghìn người", "1.000 người", "triệu đồng", "‰")),
    Case("the unit above the table", e.put("A3", "Đơn vị tính: nghìn người"), REFUSED, ASKED),
    Case("the unit above the table, called Đơn vị", e.put("A3", "Đơn vị: triệu đồng"), REFUSED, ASKED),
    Case("codes on a sheet without a table", e.other_sheet("Phụ lục", [["XHS-01", "x", 50]], 1), {}, [("T18", "A1")]),
    Case("the unit says what is counted", e.put("D12", "Người"), {}, []),
    *(Case(f"shown as {code}", e.styled("G12", number_format=code), {"XHS-02": GONE}, [("C36", "G12")])
      for code in ("#,##0,", '0.0,,"tr"', ";;;", '0"000"', '#,##0" nghìn"', '"x"')),
    *(Case(f"shown as {code}, which is as it is", e.styled("G12", number_format=code), {}, [])
      for code in ("#,##0", '#,##0" người"', "_(* #,##0_);_(* (#,##0)", "[Red]0;-0", "0.00", "@")),
    Case("struck through", e.styled("I12", font=Font(strike=True)), {"XHS-02": GONE}, [("C36", "I12")]),
    Case("two lines in one cell", xhs02("20\n25", 40), {"XHS-02": GONE}, [("C37", "G12")]),
    Case("a line break behind the number", xhs02("20\n", "\n40"), {}, []),
    Case("signs and points that say nothing", xhs02("+20", "40."), {}, []),
    Case("thousands with a comma, of what is counted", xhs02("1,234", "2,468"), {"XHS-02": (1234, 2468, 50)}, []),
    Case("a percentage with three decimals", xhs02(None, None, "45.678"), {"XHS-02": (None, None, "45.678")},
         [("C15", "G12")]),
    Case("a point proven elsewhere in the column", e.both(e.line("XHS-01", "12.5", 60), xhs02("1.234", 2468)), REFUSED,
         [("C22", "G11"), ("C07", "G12")]),
    Case("a fraction beside its parts", xhs02(20, 40, 0.5), {}, [("C40", "J12")]),
    Case("a fraction of other parts", xhs02(20, 40, 0.6), {"XHS-02": GONE}, [("C12", "J12")]),
    Case("1 alone", xhs02(None, None, 1), {"XHS-02": GONE}, [("C15", "G12"), ("C33", "J12")]),
    Case("code and name in one cell", e.put("B12", "XHS-02: Tỷ lệ người dân có tài khoản VNeID"), {}, []),
    Case("code and another's name in one cell", e.both(e.put("C12", None), e.put("B12", "XHS-02 - Tỷ lệ người dân "
         "trưởng thành có chữ ký số hoặc chữ ký điện tử cá nhân")), REFUSED, [("C39", "B11"), ("C38", "B12")]),
    Case("no column for the result", e.moved(lambda rows: [[*r[:9], r[10]] for r in rows]), {}, []),
    Case("the very same line twice", e.put_row(13, 4, "XHS-02", None, None, None, None, 20, None, 40), {},
         [("C41", "B13")]),
    Case("headers without accents", e.renamed({"Mã chỉ tiêu": "Ma chi tieu", "Tử số": "Tu so", "Mẫu số": "MAU SO",
         "Kết quả": "Ket qua", "Ghi chú": "Ghi chu"}), {}, []),
    Case("names alone", e.both(e.moved(lambda rows: [["TT", "Nội dung", "ĐVT", "Kết quả"],
         *([n, r[2], "%", 50] for n, r in enumerate(rows[1:], 1) if r[6])])), dict.fromkeys(OWN, (None, None, 50)),
         [("C15", "D10"), ("C15", "D11")]),
]  # fmt: skip

NAMELESS = e.both(e.NOT_SAID, e.NO_TITLE)
SENDERS = [
    *(Case(f"the period as '{text}'", e.said("Kỳ báo cáo", text), {}, [])
      for text in ("Tháng 10/2026", "tháng 10 năm 2026", "T10-2026", "10/2026", date(2026, 10, 1))),
    *(Case(f"the period as '{text}'", e.both(e.NO_TITLE, e.said("Kỳ báo cáo", text)), REFUSED, [("T06", "F6")])
      for text in ("tháng mười", "Tháng 10", "14/10/2026", "Tháng 13/2026", "tháng 9 và tháng 10 năm 2026")),
    Case("a quarter, which nobody owes", e.both(e.NO_TITLE, e.said("Kỳ báo cáo", "Quý III năm 2026")), {},
         [("T17", "F6"), ("C16", "G10")]),
    Case("label and value in one cell", e.both(e.NOT_SAID, e.put("A4", "Mã xã: 11164; Mã cơ quan: CA"),
         e.put("A5", "Kỳ báo cáo: Tháng 10/2026")), {}, []),
    Case("said on a cover sheet", e.both(NAMELESS, e.other_sheet("Bìa", [["Xã:", "Vĩnh Lại"],
         ["Đơn vị báo cáo:", None, "Công an xã Vĩnh Lại"], ["Kỳ báo cáo:", "Tháng 10/2026"]])), {}, []),
    Case("the neighbour's code", e.said("Mã xã", "11086"), REFUSED, [("T04", "F4")]),
    Case("the neighbour's name", e.said("Xã, phường", "UBND xã Đại Sơn"), REFUSED, [("T04", "C4")]),
    Case("the neighbour's agency", e.both(e.unsaid("Mã cơ quan"), e.said("Cơ quan báo cáo", "Công an xã Đại Sơn")),
         REFUSED, [("T04", "C5")]),
    Case("another agency's code", e.said("Mã cơ quan", "VHXH"), REFUSED, [("T05", "F5")]),
    Case("another agency's name", e.said("Cơ quan báo cáo", "Phòng VH-XH"), REFUSED, [("T05", "C5")]),
    Case("names without accents", e.both(e.unsaid("Mã xã", "Mã cơ quan"), e.said("Xã, phường", "Vinh Lai"),
         e.said("Cơ quan báo cáo", "Cong an xa")), {}, [("T15", "C4")]),
    Case("no period but in the title", e.unsaid("Kỳ báo cáo"), {}, [("T11", None)]),
    Case("no period but in the file's name", NAMELESS, {}, [("T11", None)], "KPI T10-2026.xlsx"),
    Case("two periods in the file's name", NAMELESS, REFUSED, [("T06", None)],
         "KPI 2026-09 va 2026-10.xlsx"),
    Case("no period anywhere", NAMELESS, REFUSED, [("T06", None)]),
    Case("the file's name says another", e.both(), {}, [("T16", "F6")], "vinh-lai-CA-2026-09.xlsx"),
    Case("the sheets say two periods", e.put("E6", "2026-09", e.TASKS), REFUSED, [("T10", "F6")]),
    Case("a period to come", e.both(e.NO_TITLE, e.said("Kỳ báo cáo", "2027-01")), REFUSED, [("T07", "F6")]),
    Case("a period not over", e.both(), {}, [("T12", "F6")], received="2026-10-10T09:00:00"),
    Case("a period nearly over", e.both(), {}, [], received="2026-10-12T09:00:00"),
    Case("a year reported in November", e.both(e.NO_TITLE, e.said("Kỳ báo cáo", "Năm 2025")), {}, [("C16", "G10")],
         received="2025-11-01T09:00:00"),
    Case("a year reported too soon", e.both(e.NO_TITLE, e.said("Kỳ báo cáo", "Năm 2025")), {},
         [("T12", "F6"), ("C16", "G10")], received="2025-10-30T09:00:00"),
    Case("the period in a column", e.both(NAMELESS, e.with_column("Kỳ báo cáo", ["2026-10"] * 3)), {}, []),
    Case("two periods in a column", e.both(NAMELESS, e.with_column("Kỳ", ["2026-10", "2026-10", "2026-09"])), REFUSED,
         [("T10", "L10")]),
    Case("a line of another period", e.with_column("Kỳ báo cáo", [None, "2026-10", "Tháng 9/2026"]), {"XHS-02": GONE},
         [("C28", "L12")]),
    Case("a line of another commune", e.with_column("Mã xã", ["", "11164", "11086"]), {"XHS-02": GONE},
         [("C26", "L12")]),
    Case("a line of another agency", e.with_column("Đơn vị báo cáo", ["", "Công an xã", "Phòng Kinh tế"]),
         {"XHS-02": GONE}, [("C27", "L12")]),
    Case("somebody else's folder", e.both(), REFUSED, [("T04", "F4")], folder="11086-dai-son/CA"),
    Case("a folder nobody has", e.both(), REFUSED, [("T03", None)], folder="khac"),
]  # fmt: skip

CSV = [
    Case("a CSV file", e.both(), {}, [], "a.csv"),
    Case("only the table, period in a column", e.both(e.with_column("Kỳ báo cáo", ["10/2026"] * 3), e.cut_above(9)),
         {}, [], "a.csv"),
    Case("only the table, period in the name", e.cut_above(9), {}, [("T11", None)], "xhs thang 10 2026.csv"),
    Case("only the table, no period", e.cut_above(9), REFUSED, [("T06", None)], "xhs.csv"),
]  # fmt: skip

# HT-05 (KT, row 10) is answered Đạt or Chưa đạt, NL-01 (KT, row 14) is money; HT-01 (VHXH, row 22) is words.
OTHER_KINDS = [
    *(Case(f"yes as '{text}'", e.typed("HT-05", "Kết quả", text), {"HT-05": (None, None, 1)}, [], form="KT")
      for text in ("Đạt", e.nfd("ĐẠT"), "Có", "đã  hoàn thành", True)),
    *(Case(f"no as '{text}'", e.typed("HT-05", "Kết quả", text), {"HT-05": (None, None, 0)}, [], form="KT")
      for text in ("Chưa đạt", "Không", "chưa có.", False)),
    *(Case(f"'{text}' is no answer", e.typed("HT-05", "Kết quả", text), {}, [("C06", "J10")], form="KT")
      for text in ("x", 1, "Dat", "gần đạt")),
    Case("an answer that is an error", e.typed("HT-05", "Kết quả", "#NAME?"), {}, [("C18", "J10")], form="KT"),
    Case("figures for a yes or no", e.line("HT-05", 3, 4, "Đạt"), {}, [("C23", "G10"), ("C23", "I10")], form="KT"),
    Case("money has decimals", e.line("NL-01", 1234.5, "4.938,0", 25), {"NL-01": ("1234.5", 4938, 25)}, [], form="KT"),
    Case("words", e.typed("HT-01", "Kết quả", "Đã phủ\tcáp  quang"), {"HT-01": "Đã phủ cáp quang"}, [], form="VHXH"),
    Case("2.500 letters", e.typed("HT-01", "Kết quả", "x" * 2500), {"HT-01": "x" * 2000}, [("C32", "J22")],
         form="VHXH"),
    Case("an error for words", e.typed("HT-01", "Kết quả", "#REF!"), {}, [("C18", "J22")], form="VHXH"),
]  # fmt: skip

DONE = {"state": "Đã hoàn thành", "percent": 100, "number": "12/BC-CAX"}
TASKS = [
    Case("a task done", e.task(**DONE, day=datetime(2026, 9, 30)), {TASK: ("done", 100, "2026-09-30")}, []),
    Case("its day as text", e.task(**DONE, day="5/9/2026"), {TASK: ("done", 100, "2026-09-05")}, []),
    Case("its day in words", e.task(**DONE, day="ngày 5 tháng 9 năm 2026"), {TASK: ("done", 100, "2026-09-05")}, []),
    Case("its day as Excel counts", e.task(**DONE, day=46270), {TASK: ("done", 100, "2026-09-05")}, []),
    Case("no such day", e.task(**DONE, day="31/09/2026"), {}, [("N07", "I11")]),
    Case("a year of two digits", e.task(**DONE, day="5/9/26"), {}, [("N14", "I11")]),
    Case("a day to come", e.task(**DONE, day="5/9/2062"), {}, [("N12", "I11")]),
    Case("a day before the plan", e.task(**DONE, day="5/9/2016"), {TASK: ("done", 100, "2016-09-05")},
         [("N11", "I11")]),
    Case("done, no document", e.task(state="Hoàn thành", percent=100), {TASK: ("done", 100, None)}, [("N08", "H11")]),
    Case("done, not all", e.task(**DONE | {"percent": 80}), {TASK: ("done", 80, None)}, [("N10", "G11")]),
    Case("all, not done", e.task(state="Đang triển khai", percent=1.0), {TASK: ("in_progress", 1, None)}, []),
    Case("100 %, not done", e.task(state="Đang thực hiện", percent="100%"), {TASK: ("in_progress", 100, None)},
         [("N09", "F11")]),
    Case("six tenths for 60 %", e.task(state="Đang thực hiện", percent=0.6), {}, [("N29", "G11")]),
    Case("months before days", e.both(e.task(**DONE, day="5/9/2026"), e.put("I12", "9/30/2026", e.TASKS),
         e.put("F12", "Đã hoàn thành", e.TASKS), e.put("G12", 100, e.TASKS), e.put("H12", "1", e.TASKS)), {},
         [("N30", "I11"), ("N30", "I12")]),
    Case("the task's name is another's", e.both(e.task(**DONE), e.put("C11", NEXT, e.TASKS)), {},
         [("N26", "C11")]),
    Case("the tasks' sheet is called last month", e.both(e.task(**DONE), e.named("Tháng 9", e.TASKS)), {},
         [("N24", "F11"), ("N24", "G11")]),
    Case("not begun, a fifth done", e.task(state="Chưa triển khai", percent=20), {TASK: ("not_started", 20, None)},
         [("N13", "F11")]),
    Case("a state in other letters", e.task(state=e.nfd("ĐANG  THỰC HIỆN"), percent=20),
         {TASK: ("in_progress", 20, None)}, []),
    Case("a state nobody knows", e.task(state="Sắp xong", percent="một nửa"), {}, [("N04", "F11"), ("N05", "G11")]),
    Case("2.500 letters of difficulties", e.task(state="Đang thực hiện", percent=20, difficulty="x" * 2500),
         {TASK: ("in_progress", 20, None)}, [("N22", "J11")]),
    Case("errors and formulas", e.both(e.put("F11", "Đang thực hiện", e.TASKS), e.put("G11", "#DIV/0!", e.TASKS),
         e.put("I11", "=TODAY()", e.TASKS)), {}, [("N16", "G11"), ("N17", "I11")]),
    Case("a neighbour's task", e.both(e.task(**DONE), e.put("K9", "Mã xã", e.TASKS), e.put("K11", "11086", e.TASKS)),
         {}, [("N19", "K11")]),
    Case("a task without its code", e.both(e.task(**DONE), e.put("B11", None, e.TASKS)), {}, [("N15", "B11")]),
    Case("a task twice", e.both(e.task(**DONE), e.put("B12", TASK, e.TASKS), e.put("F12", "Tạm dừng", e.TASKS)), {},
         [("N03", "B11"), ("N03", "B12")]),
    Case("a hidden task", e.both(e.task(**DONE), e.hidden_row(11, e.TASKS)), {TASK: ("done", 100, None)},
         [("N18", "B11")]),
]  # fmt: skip

CASES = [*NUMBERS, *LAYOUTS, *AROUND, *OTHER_KINDS, *SENDERS, *CSV, *TASKS]


@pytest.fixture(scope="session")
def outcomes(registry, tmp_path_factory):
    """Every case read in this process and validated in one go: facts by case and code, and findings by case."""
    folder = tmp_path_factory.mktemp("variants")
    answers = {code: {"numerator": num, "denominator": den} for code, (num, den, _) in OWN.items()}
    forms = {
        agency: write_version_1(registry, "11164", agency, "2026-10", folder / f"{agency}.xlsx", answers=own)
        for agency, own in (("CA", answers), ("KT", {}), ("VHXH", {}))
    }
    form = Form(registry.form)
    entries, readings = [], {}
    for number, case in enumerate(CASES):
        book = openpyxl.load_workbook(forms[case.form])
        case.edit(book)
        path = folder / f"{number}.xlsx"
        (e.save_csv if case.file.endswith(".csv") else openpyxl.Workbook.save)(book, path)
        readings[str(number)] = read_file(path, form)
        entries.append({"sequence": number, "submission_id": str(number), "sha256": str(number), "size": 0,
                        "folder": case.folder.replace("/CA", f"/{case.form}"), "name": case.file,
                        "received_at": case.received})  # fmt: skip
    checked = validate(
        registry, receipts(entries, registry.city_communes, registry.agency_folders), readings, unexpected
    )
    facts = {str(number): {} for number in range(len(CASES))}
    for one in (one for one in checked.actuals if not one["is_held"]):
        figures = tuple(exact(one[name]) for name in ("numerator", "denominator", "value"))
        facts[one["submission_id"]][one["indicator_code"]] = one["value_text"] or figures
    for one in (one for one in checked.task_reports if not one["is_held"]):
        said = (one["state"], exact(one["percent_done"]), one["document_date"])
        facts[one["submission_id"]][one["task_id"]] = said
    return facts, checked.findings


def exact(text):
    return None if text is None else Decimal(str(text))


def expected(case):
    """The facts of a case: the form's own where it does not say otherwise."""
    facts = {}
    for code, fact in ((OWN if case.form == "CA" else {}) | case.facts).items():
        if code == TASK:
            facts[code] = (fact[0], exact(fact[1]), fact[2])
        elif fact is not GONE:
            facts[code] = fact if isinstance(fact, str) else tuple(map(exact, fact))
    return facts


@pytest.mark.parametrize(("of", "case"), enumerate(CASES), ids=[case.name for case in CASES])
def test_a_variant_gives_its_facts_and_findings(outcomes, of, case):
    facts, findings = outcomes
    found = [f for f in findings if f["submission_id"] == str(of)]
    assert [(f["rule_code"], f["source_cell"]) for f in found] == case.findings, [f["message"] for f in found]
    assert facts[str(of)] == expected(case)
    for finding in found:
        assert finding["message"], finding["fix"]
        assert not {"{", "<each>", "<header>", "None"} & set(finding["message"].replace("“", " ").split())
        assert finding["found"] not in ("", "None") or finding["rule_code"] in ("C17", "N15", "T06"), finding
