"""Drafting a plan from its document: forty pages as a Word file and as a PDF.

    python -m benchmarks.draft [--runs 5] [--write]

The document is made of Vĩnh Lại's targets and tasks, repeated with other numbers until it has forty pages; LibreOffice
makes the PDF and counts the pages. Measured is `kpi57 plans draft` in a process of its own, from its start to the
workbook on the disk.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import docx
from docx.enum.section import WD_ORIENT
from pypdf import PdfReader

from benchmarks.report import machine, part_command, table
from pipelines.files import Row
from pipelines.home import PROJECT
from pipelines.registry import registry as registries

PLAN, COMMUNE, PAGES = "11164-vinh-lai-2025", "11164", 40
_TARGETS = ("STT", "Chỉ tiêu", "ĐVT", "Năm 2030", "Cơ quan chủ trì", "Cơ quan phối hợp")
_TASKS = ("STT", "Nhiệm vụ", "Người đứng đầu", "Cơ quan chủ trì", "Cơ quan phối hợp", "Sản phẩm", "Thời hạn")


def make_document(path: Path, times: int) -> None:
    """The plan's rows, so many times over, in two tables of an A4 page laid across."""
    known = registries.load()
    document = docx.Document()
    section = document.sections[0]
    section.orientation = WD_ORIENT.LANDSCAPE
    section.page_width, section.page_height = section.page_height, section.page_width
    for text in ("ỦY BAN NHÂN DÂN XÃ VĨNH LẠI", "KẾ HOẠCH", "Thực hiện Nghị quyết số 57-NQ/TW năm 2026"):
        document.add_paragraph(text)
    targets = [one for one in known.targets if one["plan_id"] == PLAN and one["milestone_on"] == "2030-12-31"]
    document.add_paragraph("PHỤ LỤC I: CÁC CHỈ TIÊU")
    _fill(document, _TARGETS, ([str(number), one["name"], "%", one["as_written"], one["lead_as_written"],
                                one["cooperating_as_written"]] for number, one in _over(targets, times)))  # fmt: skip
    tasks = [one for one in known.tasks if one["plan_id"] == PLAN]
    document.add_paragraph("PHỤ LỤC II: PHÂN CÔNG NHIỆM VỤ")
    _fill(document, _TASKS, ([str(number), one["title"], one["head_role"], one["lead_as_written"],
                              one["cooperating_as_written"], one["deliverable"], one["deadline_as_written"]]
                             for number, one in _over(tasks, times)))  # fmt: skip
    document.save(str(path))


def _over(rows: list[Row], times: int) -> Iterable[tuple[int, Row]]:
    return enumerate(rows * times, 1)


def _fill(document: docx.document.Document, heads: tuple[str, ...], lines: Iterable[list[str]]) -> None:
    made = document.add_table(rows=1, cols=len(heads))
    made.style = "Table Grid"
    for cell, text in zip(made.rows[0].cells, heads, strict=True):
        cell.text = text
    for line in lines:
        for cell, text in zip(made.add_row().cells, line, strict=True):
            cell.text = text or ""


def as_pdf(path: Path) -> Path:
    subprocess.run(["soffice", "--headless", "--convert-to", "pdf", "--outdir", path.parent, path], check=True,
                   capture_output=True)  # fmt: skip
    return path.with_suffix(".pdf")


def seconds(path: Path, runs: int) -> float:
    """The median time of `kpi57 plans draft` on the clock."""
    command = [Path(sys.executable).with_name("kpi57"), "plans", "draft", path, "--commune", COMMUNE, "--out",
               path.with_suffix(".xlsx")]  # fmt: skip
    taken = []
    for _ in range(runs):
        begun = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, cwd=PROJECT)
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def part(runs: int, folder: Path) -> str:
    if shutil.which("soffice") is None:
        raise SystemExit("LibreOffice (soffice) makes the PDF and counts the pages: install it")
    path, times, pages = folder / "plan.docx", 0, 0
    while pages < PAGES:
        times += 1
        make_document(path, times)
        pages = len(PdfReader(as_pdf(path)).pages)
    lines = [(kind, pages, f"{seconds(path.with_suffix(ending), runs):.1f}", 20)
             for kind, ending in (("Word", ".docx"), ("PDF with text", ".pdf"))]  # fmt: skip
    measured = table(("document", "pages", "seconds", "to reach"), lines)
    return (
        "## Drafting a plan from its document\n\n"
        f"{machine('python-docx', 'pdfplumber', 'pypdf')}. Medians of {runs} runs of `kpi57 plans draft`, each a "
        f"process of its own. Made by `python -m benchmarks.draft`.\n\n{measured}"
    )


main = part_command("drafting", part)

if __name__ == "__main__":
    main()
