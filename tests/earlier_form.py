"""The form of version 1, which homes of before have sent and officers may still have: laid out as it was, unadorned,
without parts of tasks given to all agencies."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from openpyxl import Workbook

from pipelines.registry.registry import Registry

HEADERS = {
    "indicator": {
        "ordinal": "STT", "indicator_code": "Mã chỉ tiêu", "indicator_name": "Tên chỉ tiêu",
        "unit_of_measure": "Đơn vị tính", "is_due": "Kỳ này", "numerator_name": "Nội dung tử số", "numerator": "Tử số",
        "denominator_name": "Nội dung mẫu số", "denominator": "Mẫu số", "value": "Kết quả", "note": "Ghi chú"},
    "task": {
        "ordinal": "STT", "task_id": "Mã nhiệm vụ", "title": "Nhiệm vụ", "deliverable": "Sản phẩm đầu ra",
        "deadline": "Thời hạn", "state": "Trạng thái", "percent_done": "Tỷ lệ hoàn thành (%)",
        "document_number": "Số văn bản sản phẩm", "document_date": "Ngày văn bản", "difficulty": "Khó khăn, vướng mắc"},
}  # fmt: skip
_SPANS = {"indicator": [(1, 2, 3, 3), (4, 5, 6, 6), (7, 7, 8, 8)], "task": [(1, 2, 3, 3), (4, 4, 5, 6), (7, 8, 9, 10)]}
_HINTS = (
    "Chỉ điền ô màu vàng. Chỉ tiêu tính bằng %: điền Tử số và Mẫu số, để trống Kết quả. Chỉ tiêu khác: điền Kết quả. "
    "Không có số liệu thì để trống.",
    "Dòng “Bắt buộc” phải có số liệu kỳ này; dòng “Nếu có” điền khi có số mới. Cách điền và những gì hệ thống kiểm tra "
    "có ở trang “Hướng dẫn”.",
)


def write_version_1(
    registry: Registry, commune: str, agency: str, period_code: str, path: Path, *,
    answers: Mapping[str, Mapping[str, Any]] | None = None,
) -> Path:  # fmt: skip
    """The form of an agency for a period, with the answers in it."""
    period = registry.period_of(commune, period_code)
    stated = (
        (("Xã, phường", registry.communes[commune]["commune_name"]), ("Mã xã", commune),
         ("Biểu mẫu", "KPI57-BC, phiên bản 1")),
        (("Cơ quan báo cáo", registry.agencies[agency]["agency_name"]), ("Mã cơ quan", agency),
         ("Nơi gửi", f"{registry.folder_of(commune)}/{agency}")),
        (("Thời gian số liệu", f"{period.starts_on:%d/%m/%Y} – {period.ends_on:%d/%m/%Y}"),
         ("Kỳ báo cáo", period_code), ("Hạn gửi", f"{period.due_on:%d/%m/%Y}")),
    )  # fmt: skip
    indicators = registry.indicators_of(commune, agency, period.ends_on)
    lines = {
        "indicator": [one | {"is_due": "Bắt buộc" if registry.is_asked(one["frequency"], period) else "Nếu có"}
                      for one in indicators],
        "task": [one | {"deadline": one["deadline_as_written"]}
                 for one in registry.tasks_of(commune, agency, period.ends_on)
                 if agency not in registry.parts_of(one["task_id"], period.ends_on)],
    }  # fmt: skip
    book = Workbook()
    book.remove(book.active)
    for kind, title, heading in (
        ("indicator", "Chỉ tiêu", "Phần I. Số liệu các chỉ tiêu cơ quan chủ trì báo cáo"),
        ("task", "Nhiệm vụ", "Phần II. Tình hình thực hiện các nhiệm vụ cơ quan chủ trì"),
    ):
        sheet, headers = book.create_sheet(title), HEADERS[kind]
        sheet["A1"] = f"BÁO CÁO SỐ LIỆU ĐỊNH KỲ – {period.label.upper()}"
        sheet["A2"] = registry.form["subtitle"]
        sheet["A3"] = heading
        for row, parts in enumerate(stated, 4):
            for (first, last, of, to), (label, value) in zip(_SPANS[kind], parts, strict=True):
                sheet.cell(row, first, label)
                sheet.cell(row, of, value)
                for begin, end in ((first, last), (of, to)):
                    if begin < end:
                        sheet.merge_cells(start_row=row, start_column=begin, end_row=row, end_column=end)
        for row, hint in enumerate(_HINTS, 7):
            sheet.cell(row, 1, hint)
        for row in (1, 2, 3, 7, 8):
            sheet.merge_cells(start_row=row, start_column=1, end_row=row, end_column=len(headers))
        for column, header in enumerate(headers.values(), 1):
            sheet.cell(9, column, header)
        for row, line in enumerate(lines[kind], 10):
            given = (answers or {}).get(line.get("indicator_code") or line["task_id"], {})
            said = line | {"ordinal": row - 9, "note": None} | dict(given)
            for column, name in enumerate(headers, 1):
                sheet.cell(row, column, None if said.get(name) == "" else said.get(name))
    book.create_sheet("Hướng dẫn")["A1"] = "Hướng dẫn điền và gửi báo cáo"
    book.save(path)
    return path
