"""The sheet of an extract that says how its figures became answers: docs/method.md in short, for its readers.

The rules themselves are in models/, how the sheet's tables look in workbook/sheet.py; nothing is reckoned here.
"""

from __future__ import annotations

from openpyxl.worksheet.pagebreak import Break
from openpyxl.worksheet.worksheet import Worksheet

from pipelines.bundles.extract import Extract
from pipelines.bundles.workbook.sheet import across, broken_by_hand, opening
from pipelines.office.row_height import row_height
from pipelines.office.workbook import HEAD_FILL, SEVERITY_FILLS, put

_WIDTHS = (27, 36, 62)
_METHOD = (
    ("Số liệu",
     "Tỷ lệ = 100 × tử số ÷ mẫu số. Mẫu số bằng 0 thì không có tỷ lệ, không coi là 0% hay 100%. Số liệu gửi lại "
     "thay số liệu cũ; số cũ vẫn được lưu. Số liệu của một kỳ được so với các mốc tính đến ngày cuối cùng của "
     "tháng cuối kỳ; số liệu mới nhất được so với cả những mốc đã qua từ đó đến nay."),
    ("Đánh giá theo mốc",
     "Trả lời câu hỏi: số liệu mới nhất đã đạt chỉ tiêu của mốc gần nhất đã qua hay chưa."),
    ("Tiến độ đến mốc tiếp theo",
     "So mức đã tăng với mức cần tăng đến kỳ này. A là số liệu của kỳ, T là chỉ tiêu của mốc tiếp theo, B là số "
     "gốc: số liệu tại mốc gần nhất đã qua, nếu không có thì là số liệu đầu tiên. Mức cần đạt đến kỳ này: E = B + "
     "(T − B) × số ngày kể từ số gốc ÷ số ngày từ số gốc đến mốc. Tiến độ = (A − B) ÷ (E − B)."),
    ("Ngưỡng",
     "Từ 95% trở lên: đúng tiến độ. Từ 60% đến dưới 95%: chậm tiến độ. Từ 0% đến dưới 60%: nguy cơ không đạt. Dưới "
     "0%: đi lùi. Các ngưỡng lấy theo phương pháp đo tiến độ do Open SDG công bố."),
    ("Gộp toàn thành phố",
     "Tỷ lệ gộp bằng tổng tử số chia tổng mẫu số của các xã có đủ hai số; không lấy trung bình các tỷ lệ, không "
     "cộng chỉ tiêu giao. Bên cạnh ghi số xã có số liệu và số xã nằm trong tỷ lệ gộp. Số lượng thì cộng; chỉ tiêu "
     "trả lời đạt hoặc chưa đạt và chỉ tiêu định tính thì không gộp."),
    ("Cách đọc mâu thuẫn",
     "Hai chỗ trong kế hoạch giao hai con số khác nhau cho cùng một chỉ tiêu và cùng một mốc thì được nêu cả hai, "
     "kèm vị trí trong văn bản, và không đánh giá cho đến khi cấp có thẩm quyền xác định con số đúng. Cùng một con "
     "số viết hai cách, như 95 và ≥ 95, không phải là mâu thuẫn."),
    ("Lỗi và lưu ý",
     "Dòng có lỗi không được nhận và đã trả lại cơ quan gửi kèm cách sửa; các dòng đúng trong cùng tệp vẫn được "
     "nhận. Lưu ý là dòng đã nhận nhưng nên xem lại."),
    ("Phạm vi thời gian",
     "Tình hình báo cáo, lỗi và lưu ý là của 12 tháng tính đến hết kỳ này. Các kỳ trước có trong những gói đã gửi và "
     "trong kho dữ liệu."),
    ("Truy nguồn",
     "Mỗi số liệu đều truy được đến tệp, trang tính, ô, thời điểm nhận và số cũ mà nó thay thế. Các bảng của tệp "
     "này có đủ dưới dạng dữ liệu trong cùng thư mục."),
)  # fmt: skip
_ANSWERS = {
    "level": "Đánh giá theo mốc",
    "pace": "Tiến độ đến mốc tiếp theo",
    "task": "Nhiệm vụ",
    "reporting": "Gửi báo cáo",
}
_SHARED = {
    "by_hand": "Kế hoạch giao bằng lời, không so sánh bằng số được; cán bộ phụ trách đánh giá.",
    "conflict": "Kế hoạch giao hai con số khác nhau cho cùng một mốc nên không đánh giá.",
    "no_figure": "Đã đến kỳ báo cáo nhưng chưa có số liệu.",
    "no_rate": "Có báo cáo nhưng mẫu số bằng 0 nên không có tỷ lệ.",
}
MEANINGS = {
    **{(answer, status): text for answer in ("level", "pace") for status, text in _SHARED.items()},
    ("level", "met"): "Số liệu mới nhất đạt hoặc vượt chỉ tiêu của mốc gần nhất đã qua.",
    ("level", "not_met"): "Số liệu mới nhất chưa đạt chỉ tiêu của mốc gần nhất đã qua.",
    ("level", "not_due"): "Chưa có mốc nào của chỉ tiêu đến hạn.",
    ("pace", "reached"): "Đã đạt chỉ tiêu của mốc tiếp theo trước hạn.",
    ("pace", "on_track"): "Đã tăng từ 95% mức cần tăng đến kỳ này trở lên.",
    ("pace", "behind"): "Đã tăng từ 60% đến dưới 95% mức cần tăng đến kỳ này.",
    ("pace", "at_risk"): "Đã tăng dưới 60% mức cần tăng đến kỳ này.",
    ("pace", "backwards"): "Số liệu kém hơn số gốc, hoặc đã từng vượt mốc tiếp theo nhưng nay không còn đạt.",
    ("pace", "no_baseline"): "Đây là số liệu đầu tiên, chưa có số gốc để so sánh.",
    ("pace", "no_next"): "Sau kỳ này kế hoạch không còn mốc nào cho chỉ tiêu.",
    ("reporting", "on_time"): "Tệp đầu tiên có ít nhất một dòng được nhận đã đến trong hạn.",
    ("reporting", "late"): "Tệp đầu tiên có ít nhất một dòng được nhận đã đến sau hạn.",
    ("reporting", "refused"): "Chỉ có những tệp bị từ chối.",
    ("reporting", "empty"): "Đã gửi biểu mẫu nhưng không có dòng nào được nhận.",
    ("reporting", "missing"): "Đã qua hạn mà chưa gửi tệp nào.",
    ("reporting", "pending"): "Chưa gửi, nhưng chưa qua hạn.",
    ("reporting", "held"): "Tệp đến sau khi kỳ đã khóa; được lưu và kiểm tra, chờ mở khóa mới tính.",
    ("task", "done"): "Cơ quan báo đã hoàn thành và ghi số văn bản sản phẩm.",
    ("task", "done_without_proof"): "Cơ quan báo đã hoàn thành nhưng chưa ghi số văn bản sản phẩm.",
    ("task", "overdue"): "Đã qua ngày đến hạn mà chưa báo hoàn thành.",
    ("task", "due_soon"): "Đến hạn hôm nay hoặc trong 30 ngày tới.",
    ("task", "never_reported"): "Chưa có báo cáo nào về nhiệm vụ.",
    ("task", "report_owed"): "Nhiệm vụ thường xuyên hoặc định kỳ mà báo cáo gần nhất đã quá một năm.",
    ("task", "in_progress"): "Theo trạng thái cơ quan đã báo cáo.",
    ("task", "not_started"): "Theo trạng thái cơ quan đã báo cáo.",
    ("task", "stopped"): "Theo trạng thái cơ quan đã báo cáo.",
}


def add_notes(sheet: Worksheet, extract: Extract) -> None:
    """How the figures were made, then what every status means, in the colour it has on the other sheets."""
    row = opening(sheet, "GHI CHÚ VỀ PHƯƠNG PHÁP", _WIDTHS, extract, landscape=False)
    sheet.freeze_panes = sheet.cell(row, 1)
    sheet.print_title_rows = f"1:{row - 1}"
    broken_by_hand(sheet, _WIDTHS)
    for title, text in _METHOD:
        for column, value in enumerate((title, text, None), 1):  # a merged cell needs its border all around
            put(sheet.cell(row, column), value, bold=column == 1)
        sheet.merge_cells(start_row=row, start_column=2, end_row=row, end_column=3)
        sheet.row_dimensions[row].height = row_height([(title, _WIDTHS[0] / 1.06), (text, sum(_WIDTHS[1:]))])
        row += 1
    sheet.row_breaks.append(Break(id=row))
    across(sheet, row + 1, "Ý nghĩa của các trạng thái", _WIDTHS, size=12, bold=True)
    row += 2
    for column, title in enumerate(("Nội dung đánh giá", "Trạng thái", "Ý nghĩa"), 1):
        put(sheet.cell(row, column), title, bold=True, center=True, fill=HEAD_FILL, color="FFFFFF")
    for answer, title in _ANSWERS.items():
        statuses = [(severity, label, status) for (of, status), (label, severity) in extract.statuses.items()
                    if of == answer]  # fmt: skip
        for severity, label, status in sorted(statuses):
            row += 1
            values = (title, label, MEANINGS.get((answer, status)))
            for column, value in enumerate(values, 1):
                put(sheet.cell(row, column), value, fill=SEVERITY_FILLS[severity] if column == 2 else None)
            sheet.row_dimensions[row].height = row_height(zip(values, _WIDTHS, strict=True))
