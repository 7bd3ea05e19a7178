"""What the answer to a file says above its findings: the verdict, and what the agency has to do.

How the answer looks is feedback.py.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pipelines.office.workbook import FINDING_WORDS
from pipelines.vietnamese import format_number

Row = dict[str, Any]


def clipped(text: str | None, longest: int) -> str:
    plain = (text or "").strip() or "(trống)"
    return plain if len(plain) <= longest else plain[:longest] + " …"


def facts(submission: Row, findings: list[Row]) -> list[tuple[str, str]]:
    """Label and text of each line above the table, the answer first."""
    taken_back, confirmed = _taken_back(submission), _confirmed(submission)
    return [
        ("Kết quả", submission["status_label"]),
        ("Việc cần làm", _what_to_do(submission, findings)),
        ("Tệp đã gửi", submission["original_name"]),
        ("Xã, phường", _named(submission["commune_name"], submission["commune_code"])),
        ("Cơ quan báo cáo", _named(submission["agency_name"], submission["agency_code"])),
        ("Kỳ báo cáo", _named(submission["period_label"], submission["period_code"])),
        ("Nhận lúc", _received(submission)),
        ("Số dòng", _sums(submission)),
        *([("Tệp gửi cùng lúc", _together(submission))] if submission["sent_together"] else []),
        *([("Rút số liệu", taken_back)] if taken_back else []),
        *([("Đã xác nhận", confirmed)] if confirmed else []),
    ]


def _named(name: str | None, code: str | None) -> str:
    return f"{name} ({code})" if name and code else code or "Không rõ"


def _moment(at: datetime) -> str:
    return f"{at:%H:%M} ngày {at:%d/%m/%Y}"


def _received(submission: Row) -> str:
    text = _moment(submission["received_at"])
    if not submission["due_on"]:
        return text
    days = (submission["received_at"].date() - submission["due_on"]).days
    late = f"muộn {days} ngày" if submission["is_late"] else "đúng hạn"
    if submission["is_late"] and submission["came_in_time_before"]:
        late = f"tệp gửi bổ sung sau hạn {days} ngày; báo cáo của kỳ đã được tính đúng hạn"
    return f"{text}; hạn gửi {submission['due_on']:%d/%m/%Y}: {late}"


def _sums(submission: Row) -> str:
    if submission["status"] in ("duplicate", "unreadable"):
        return "Không đọc dòng nào"
    if submission["status"] == "set_aside":
        return f"Đọc {format_number(submission['rows_read'])} dòng; không tính dòng nào vì tệp được để riêng"
    names = ("read", "accepted", "unchanged", "rejected")
    read, accepted, unchanged, rejected = (format_number(submission[f"rows_{name}"]) for name in names)
    ignored = format_number(submission["rows_ignored"])
    if submission["is_held"]:
        locked = format_number(submission["rows_held"] - submission["rows_to_confirm"])
        taken = f"{locked} dòng đúng được giữ lại, chưa tính vì kỳ đã khóa"
    else:
        taken = f"{accepted} dòng nhận mới; {unchanged} dòng giữ nguyên (giống số đã gửi trước)"
    if submission["rows_to_confirm"]:
        taken += f"; {format_number(submission['rows_to_confirm'])} dòng giữ lại, chưa tính, chờ cơ quan xác nhận"
    return (
        f"Đọc {read} dòng, gồm: {taken}; {rejected} dòng bị từ chối; "
        f"{ignored} dòng bỏ qua (dòng trống, dòng cộng, ghi chú, dòng chưa điền)"
    )


def _together(submission: Row) -> str:
    """Which of several files of one run counts."""
    names = [f"“{name}”" for name in submission["sent_together"]]
    return (
        f"Cơ quan gửi cùng lúc {len(names)} tệp của kỳ này, xử lý theo thứ tự: {', '.join(names)}. Dòng nào có trong "
        f"nhiều tệp thì lấy số liệu của tệp sau cùng; nếu thứ tự này chưa đúng, gửi lại tệp đúng sau khi sửa."
    )


def _taken_back(submission: Row) -> str:
    """The outcome of the lines that say a figure is withdrawn; empty where there are none."""
    codes = [figure["indicator_code"] for figure in submission["withdrawn"] if figure["had_figure"]]
    others = [figure["indicator_code"] for figure in submission["withdrawn"] if not figure["had_figure"]]
    parts = []
    if codes:
        parts.append(f"Đã rút số liệu của {', '.join(codes)}: {len(codes)} chỉ tiêu")
    if others:
        parts.append(f"Không có số liệu đã gửi để rút: {', '.join(others)}")
    return "; ".join(parts)


def _confirmed(submission: Row) -> str:
    """The lines that confirm what was held before, each with the reason given."""
    return "; ".join(f"{line['code']} ({clipped(line['confirmed_reason'], 200)})" for line in submission["confirmed"])


_TO_CONFIRM = (
    "Dòng có mức độ “Cần xác nhận” được giữ lại, chưa tính: nếu sai thì sửa rồi gửi lại cả tệp; nếu đúng thì gửi lại "
    "tệp, giữ nguyên số và ghi lý do ở dòng, hoặc ghi “Đúng” (kèm lý do) ở cột Xác nhận của trang này rồi gửi chính "
    "tệp này."
)


def _what_to_do(submission: Row, findings: list[Row]) -> str:
    status = submission["status"]
    if status == "duplicate":
        newer = ""
        if submission["newer_name"]:
            newer = (
                f"Sau tệp đó, cơ quan đã gửi tệp “{submission['newer_name']}” lúc "
                f"{_moment(submission['newer_received_at'])}; số liệu của tệp gửi sau đang có hiệu lực. "
            )
        return (
            f"Tệp này giống hệt tệp “{submission['first_name']}” đã nhận lúc "
            f"{_moment(submission['first_received_at'])} (kết quả: {submission['first_status_label'].lower()}), "
            f"nên số liệu không có gì thay đổi. {newer}Nếu gửi lại để khôi phục số liệu cũ, hãy sửa ít nhất một ô "
            "trong tệp (ví dụ thêm ghi chú), lưu rồi gửi lại."
        )
    if status == "set_aside":
        return "Tệp được để riêng, số liệu trong tệp không được tính. Xem lý do và làm theo cột “Cách sửa”."
    if status == "unreadable":
        return "Chưa ghi nhận số liệu nào vì không mở được tệp. Làm theo cột “Cách sửa” rồi gửi lại tệp."
    if status == "rejected":
        return "Chưa ghi nhận dòng nào. Sửa theo cột “Cách sửa” rồi gửi lại cả tệp."
    if status == "held" and not submission["is_held"]:
        fix = "Sửa các dòng có mức độ “Lỗi”. " if submission["rows_rejected"] else ""
        return f"Chưa tính dòng nào. {fix}{_TO_CONFIRM}"
    if status == "held":
        again = "Không phải gửi lại; báo cán bộ đầu mối nếu cần mở khóa."
        if submission["rows_rejected"]:
            again = (
                "Sửa các dòng có mức độ “Lỗi” rồi gửi lại cả tệp; dòng đúng không phải sửa. Báo cán bộ đầu mối nếu "
                "cần mở khóa."
            )
        return f"Kỳ đã khóa: tệp được giữ lại, chưa tính. {again}"
    if status == "partly_accepted":
        parts = ["Các dòng đúng đã được ghi nhận."]
        if submission["rows_rejected"]:
            parts.append(
                "Sửa các dòng có mức độ “Lỗi” rồi gửi lại cả tệp; các dòng đã nhận để nguyên trong tệp, hệ thống không "
                "tính hai lần."
            )
        return " ".join([*parts, *([_TO_CONFIRM] if submission["rows_to_confirm"] else [])])
    if submission["rows_accepted"] + submission["rows_unchanged"] == 0:
        return "Tệp chưa có số liệu nào. Điền các ô màu vàng của biểu mẫu rồi gửi lại."
    if findings:
        return "Số liệu đã được ghi nhận. Xem các lưu ý bên dưới; nếu có số liệu bổ sung thì sửa và gửi lại cả tệp."
    return "Không phải làm gì thêm."


def summary(submission: Row, findings: list[Row]) -> str:
    """The line above the table, or instead of it."""
    if findings:
        errors, asked, warned = (sum(f["severity"] == severity for f in findings) for severity in FINDING_WORDS)
        questions = f"{asked} nội dung cần xác nhận, " if asked else ""
        found = f"Tìm thấy {errors} lỗi, {questions}{warned} lưu ý. "
        if submission["status"] == "set_aside":
            return "Tệp được để riêng, không dòng nào được tính."
        if submission["status"] in ("rejected", "unreadable"):
            return found + "Chưa dòng nào được ghi nhận."
        if submission["is_held"]:
            return found + "Dòng có lỗi không được ghi nhận khi mở khóa; dòng chỉ có lưu ý vẫn được giữ lại."
        held = "dòng cần xác nhận được giữ lại, chưa tính; " if asked else ""
        return found + f"Dòng có lỗi chưa được ghi nhận; {held}dòng chỉ có lưu ý vẫn được ghi nhận."
    if submission["status"] == "duplicate":
        return "Tệp trùng không được kiểm tra lại; xem kết quả kiểm tra của tệp đã gửi trước."
    if submission["status"] == "empty":
        return "Không có lỗi nào, nhưng tệp chưa có số liệu."
    return "Không có lỗi nào. Cảm ơn cơ quan đã gửi báo cáo!"
