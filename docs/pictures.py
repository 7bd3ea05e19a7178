"""The pictures of the documentation, made again from an illustrative home that was run: python docs/pictures.py HOME

Workbooks are drawn by LibreOffice, pages by the browser that tests/browser.py finds. HOME is only read: what the
officer of the guide sends goes into a copy of it. Whoever changes what a picture shows makes them again, looks at each,
and says in docs/huong-dan.md what is to be seen.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pypdfium2
from openpyxl.worksheet.pagebreak import ColBreak, RowBreak
from PIL import Image, ImageChops
from playwright.sync_api import sync_playwright

from pipelines import flow
from pipelines.agencies.form import template_name, write_template
from pipelines.agencies.reported import last_reported
from pipelines.home import PROJECT, Home
from pipelines.intake.ledger import VIETNAM
from pipelines.registry import registry as registries

PICTURES = PROJECT / "docs" / "img"
GUIDE = PICTURES / "huong-dan"
COMMUNE, AGENCY, PERIOD = "11164", "CA", "2026-11"
SENT_AT = datetime(2026, 11, 16, 9, 0, tzinfo=VIETNAM)
# What the officer of the guide fills in: a figure and a date are wrong, a figure is asked about, no document is named.
FIGURES = {
    "XHS-01": {"numerator": 4120, "denominator": 6580},
    "XHS-02": {"numerator": 8425, "denominator": 7210, "note": "Số đến hết ngày 14/11/2026"},
}
TASKS = (
    {"state": "Đang thực hiện", "percent_done": 92, "result": "Số hóa 812/1.040 hồ sơ",
     "difficulty": "Thiếu máy quét", "proposal": "Đề nghị bố trí kinh phí"},
    {"state": "Đã hoàn thành", "percent_done": 100, "document_date": "20/12/25"},
    {"state": "Như kỳ trước"},
    {"state": "Đã hoàn thành", "percent_done": 100, "document_number": "43/BC-CA", "document_date": date(2025, 11, 7)},
)  # fmt: skip
_MOST = 150_000  # bytes of a picture
# Numbers as an officer's Excel shows them.
_VIETNAMESE = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Setup/L10N">
<prop oor:name="ooSetupSystemLocale" oor:op="fuse"><value>vi-VN</value></prop>
</item>
</oor:items>
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("home", type=Path, help="the folder of an illustrative home: kpi57 demo and kpi57 run made it")
    home = Home(parser.parse_args().home.resolve())
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        form, answer = officer(home, work)
        draw(work, form, "Chỉ tiêu", GUIDE / "bieu-mau-chi-tieu.png", 1300)
        draw(work, form, "Nhiệm vụ", GUIDE / "bieu-mau-nhiem-vu.png", 1300, lines=4)
        draw(work, answer, "Kết quả kiểm tra", GUIDE / "ket-qua-kiem-tra.png", 1200)
        draw(work, answer, "Chỉ tiêu", GUIDE / "ban-danh-dau.png", 1300)
        for scope, picture in ((COMMUNE, GUIDE / "bang-tong-hop.png"), ("city", PICTURES / "extract.png")):
            keep(first_page(work, newest_workbook(home, scope), 740), picture)
    for page, size, picture in (("reporting.html", (1100, 825), GUIDE / "trang-gui-bao-cao.png"),
                                (f"commune/{COMMUNE}.html", (1100, 825), GUIDE / "trang-xa.png"),
                                ("index.html", (1200, 1000), PICTURES / "scorecard.png")):  # fmt: skip
        photograph(home.site / page, size, picture)


# ---------------------------------------------------------------- workbooks


def officer(home: Home, work: Path) -> tuple[Path, Path]:
    """The form as the officer fills it in, and the answer to it."""
    registry = registries.load()
    reported = last_reported(home, registry, [(COMMUNE, AGENCY)], PERIOD)[COMMUNE, AGENCY]
    ends_on = registry.period_of(COMMUNE, PERIOD).ends_on
    tasks = [task["task_id"] for task in registry.tasks_of(COMMUNE, AGENCY, ends_on)]
    answers = FIGURES | dict(zip(tasks, TASKS, strict=False))
    form = write_template(registry, COMMUNE, AGENCY, PERIOD,
                          work / template_name(registry, COMMUNE, AGENCY, PERIOD), illustrative=True, answers=answers,
                          reported=reported)  # fmt: skip
    copy = Home(work / "home")
    shutil.copytree(home.root, copy.root, ignore=shutil.ignore_patterns("site", "dagster", "runs"))
    sent = copy.inbox / registry.folder_of(COMMUNE) / AGENCY / form.name
    sent.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(form, sent)
    os.utime(sent, (SENT_AT.timestamp(),) * 2)
    before = set(copy.feedback.rglob("*.xlsx"))
    flow.run_steps(copy)
    flow.write_feedback(copy)
    [answer] = set(copy.feedback.rglob("*.xlsx")) - before
    return form, answer


def newest_workbook(home: Home, scope: str) -> Path:
    return max(home.exports.glob(f"*/{scope}/*/kpi57-*.xlsx"), key=lambda path: path.parts[-4:])


def draw(work: Path, workbook: Path, title: str, picture: Path, width: int, lines: int | None = None) -> None:
    """One sheet as it is on the screen, with what is not printed. lines: how many below the head, else all."""
    book = openpyxl.load_workbook(workbook, rich_text=True)
    for other in [sheet for sheet in book if sheet.title != title]:
        book.remove(other)
    sheet = book[title]
    heads = [row for row in range(1, sheet.max_row + 1) if sheet.cell(row, 1).value == "STT"]
    last = heads[-1] + lines if lines else sheet.max_row
    sheet.print_area = f"A1:{openpyxl.utils.get_column_letter(sheet.max_column)}{last}"
    sheet.print_title_rows = None
    sheet.row_breaks, sheet.col_breaks = RowBreak(), ColBreak()
    sheet.oddFooter.center.text = sheet.oddFooter.left.text = sheet.oddFooter.right.text = None
    sheet.page_setup.orientation, sheet.page_setup.paperSize = "landscape", sheet.PAPERSIZE_A3
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 1
    path = work / "drawn" / workbook.name
    path.parent.mkdir(exist_ok=True)
    book.save(path)
    keep(first_page(work, path, width, crop=True), picture)


def first_page(work: Path, workbook: Path, width: int, *, crop: bool = False) -> Image.Image:
    """The first printed page, so many pixels wide; crop: without the white around it."""
    settings = work / "profile" / "user" / "registrymodifications.xcu"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(_VIETNAMESE, encoding="utf-8")
    profile = f"-env:UserInstallation={(work / 'profile').as_uri()}"
    subprocess.run(["soffice", "--headless", profile, "--convert-to", "pdf", "--outdir", str(work / "pdf"),
                    str(workbook)], check=True, capture_output=True)  # fmt: skip
    with pypdfium2.PdfDocument(work / "pdf" / f"{workbook.stem}.pdf") as document:
        image = document[0].render(scale=4).to_pil().convert("RGB")
    if crop:
        white = Image.new("RGB", image.size, "white")
        left, top, right, bottom = ImageChops.difference(image, white).getbbox() or (0, 0, *image.size)
        image = image.crop((left - 12, top - 12, right + 12, bottom + 12))
    return image.resize((width, round(image.height * width / image.width)), Image.Resampling.LANCZOS)


# ---------------------------------------------------------------- pages, and what is kept


def photograph(page: Path, size: tuple[int, int], picture: Path) -> None:
    sys.path.insert(0, str(PROJECT / "tests"))
    from browser import ADVICE, launch

    with sync_playwright() as playwright:
        browser = launch(playwright)
        if browser is None:
            sys.exit(ADVICE)
        tab = browser.new_page(viewport={"width": size[0], "height": size[1]})
        tab.goto(page.as_uri())
        tab.screenshot(path=picture)
        browser.close()
    keep(Image.open(picture).convert("RGB"), picture)


def keep(image: Image.Image, picture: Path) -> None:
    """As few colours as keep it small."""
    for colours in (128, 64, 32, 16):
        image.quantize(colours, dither=Image.Dither.NONE).save(picture, optimize=True)
        if picture.stat().st_size < _MOST:
            return
    sys.exit(f"{picture.name} is too large: show less of it")


if __name__ == "__main__":
    main()
