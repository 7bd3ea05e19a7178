"""The document of a plan: kept with it and in the archive, and its pages named where its targets are."""

import hashlib

import docx
import pytest
from test_plan_workbook import FILES, Phieu, sources  # noqa: F401 - a fixture

from pipelines.analysts.trace import trace
from pipelines.bundles.extract import read_extract
from pipelines.bundles.report.report import official_report
from pipelines.files import read_csv
from pipelines.intake.ledger import archived
from pipelines.plans.add import add_plan
from pipelines.plans.form import write_plan_workbook
from pipelines.plans.plan_files import rows_text
from pipelines.registry import registry as registries
from pipelines.scorecard.board import read_board
from pipelines.scorecard.pages import Pages
from pipelines.upkeep.doctor import FAIL, examine
from pipelines.warehouse.database import reading

PLAN, VINH_LAI = "11164-vinh-lai-2025", "11164"


def sha256(data):
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def phieu(sources, registry, tmp_path):  # noqa: F811
    """The workbook of Vĩnh Lại's plan, which says that it was read from a file 'gốc.docx'."""
    (tmp_path / "phiếu").mkdir()
    made = Phieu(write_plan_workbook(sources, registry, tmp_path / "phiếu" / "kh.xlsx", PLAN))
    made.field("source_file").value, made.field("source_sha256").value = "gốc.docx", sha256(b"the plan")
    return made


def kept(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name not in FILES}


def test_the_document_given_is_kept_beside_the_plan(phieu, sources, tmp_path):  # noqa: F811
    path = tmp_path / "KH 2025.DOCX"
    path.write_bytes(b"the plan")
    added = add_plan(phieu.save(), sources, replace=True, document=path)
    assert (added.findings, added.document) == ([], "document.docx")
    assert kept(added.folder) == {"document.docx": b"the plan"}
    assert add_plan(phieu.path, sources, replace=True).document == "document.docx", "kept when added again"

    path.write_bytes(b"another plan")
    refused = add_plan(phieu.path, sources, replace=True, document=path)
    assert [(f["rule"], f["message"]) for f in refused.findings] == [
        ("K45", "Tệp “KH 2025.DOCX” không phải văn bản đã dùng để lập phiếu này.")]  # fmt: skip
    assert kept(added.folder) == {"document.docx": b"the plan"}

    phieu.field("source_sha256").value = sha256(b"another plan")
    assert add_plan(phieu.save(), sources, replace=True).document is None, "the plan is read from another document now"
    assert kept(added.folder) == {}


def test_the_document_beside_the_workbook_is_found_by_name_and_content(phieu, sources):  # noqa: F811
    beside = phieu.path.parent / "gốc.docx"
    beside.write_bytes(b"something else")
    assert add_plan(phieu.save(), sources, replace=True).document is None
    beside.write_bytes(b"the plan")
    assert add_plan(phieu.path, sources, replace=True).document == "document.docx"


def test_a_plan_typed_by_hand_takes_its_document_s_name(phieu, sources, tmp_path):  # noqa: F811
    phieu.field("source_file").value = phieu.field("source_sha256").value = None
    path = tmp_path / "kế hoạch.pdf"
    path.write_bytes(b"%PDF")
    added = add_plan(phieu.save(), sources, replace=True, document=path)
    assert added.document == "document.pdf"
    [said] = [one for one in registries.load(sources).plan_documents if one["plan_id"] == PLAN]
    assert (said["source_file"], said["source_sha256"], said["kept_as"]) == (
        "kế hoạch.pdf", sha256(b"%PDF"), "document.pdf")  # fmt: skip


def test_the_archive_has_it_and_trace_pages_and_report_name_its_pages(city):
    folder = city.sources / "plans" / PLAN
    (folder / "document.docx").write_bytes(b"the plan")
    city.plan(source_sha256=sha256(b"the plan"))
    rows = read_csv(folder / "targets.csv")
    for row in rows:
        row["source_page"] = "7"
    (folder / "targets.csv").write_text(rows_text(list(rows[0]), rows), encoding="utf-8")
    city.run()
    assert archived(city.home, sha256(b"the plan")).read_bytes() == b"the plan"
    known = city.ask("SELECT source_file, source_sha256, is_document_kept FROM core.dim_plan WHERE plan_id = ?", PLAN)
    assert known == [("vinh-lai.docx", sha256(b"the plan"), True)]
    said = trace(city.home, VINH_LAI, "XHS-02", "2026-08")
    assert f"read from vinh-lai.docx, sha256 {sha256(b'the plan')} (kept in the archive)" in said
    assert "page 7, bảng 3" in said
    with reading(city.home) as con:
        extract, pages = read_extract(con, "2026-08", VINH_LAI), dict(Pages(read_board(con)).all())
    assert "Phụ lục II, dòng 28, trang 7" in pages["indicator/xhs-02.html"]
    assert "Phụ lục II, dòng 28, trang 7 · bảng 3, dòng 32 của vinh-lai.docx" in pages["origin/11164.html"]
    report = docx.Document(official_report(extract))
    cells = [cell.text for table in report.tables for row in table.rows for cell in row.cells]
    assert any("(Phụ lục I, dòng 1.2, trang 7)" in text for text in cells), "of a contradiction"

    archived(city.home, sha256(b"the plan")).unlink()
    assert any(one.level == FAIL and one.about == "archive" for one in examine(city.home, full=True))
