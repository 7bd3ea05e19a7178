"""Whether leaders approved the figures of a period, as a document says it. What it rests on is marts.mart_approval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pipelines.files import Row
from pipelines.office.figures import day
from pipelines.office.wording import say
from pipelines.vietnamese import in_sentence


def of_commune(row: Row, period_label: str) -> str:
    """Of one commune: 'Số liệu tháng 10/2026 đã được lãnh đạo duyệt ngày 16/11/2026.'"""
    return say(f"labels.approval.of_commune.{row['approval_status']}", period=in_sentence(period_label),
               day=day(row["acted_at"]), count=row["figures_changed"])  # fmt: skip


def of_city(rows: Sequence[Row], period_label: str) -> str:
    """How many communes stand where."""
    counts = Counter(row["approval_status"] for row in rows)
    return say("labels.approval.of_city", period=in_sentence(period_label), communes=len(rows),
               approved=counts["approved"], changed=counts["changed"], withdrawn=counts["withdrawn"],
               not_approved=counts["not_approved"])  # fmt: skip
