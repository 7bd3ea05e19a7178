"""The portal in a real browser: an agency from its first sign-in to the answer, and every page on screen and phone."""

from datetime import date

import openpyxl
import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import Office
from portal_visitor import ACCOUNTS, PASSWORD, Portal, make_accounts, publish

from pipelines.home import Home
from pipelines.intake import receive

ROLES = ("ca.vinhlai", "daumoi.vinhlai", "lanhdao.vinhlai", "thanhpho")
NEW = "Sông-Luộc-mùa-nước-8"


@pytest.fixture(scope="module")
def served(tmp_path_factory, registry):
    """A small home that is served: the server, and the first password of 'moi.vinhlai'."""
    home = Home(tmp_path_factory.mktemp("pages"), date(2026, 11, 16))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(receive, "QUIET_SECONDS", 0)
        office, of_1000 = Office(home, registry), {"denominator": 1000}
        office.send("CA", "2026-09", {"XHS-02": {"numerator": 600, **of_1000}})
        held = {"XHS-02": {"numerator": 50, **of_1000}}  # so much less that it is asked back
        office.send("CA", answers={"XHS-01": {"numerator": 690, **of_1000}, **held})
        publish(home)
        accounts = {name: ACCOUNTS[name] for name in ROLES} | {"moi.vinhlai": ("agency", "11164", "CA")}
        password = make_accounts(home, accounts)["moi.vinhlai"]
        portal = Portal(home)
        yield portal, password
        portal.stop()


def sign_in(page, portal, name, password=PASSWORD):
    page.goto(f"{portal.url}/dang-nhap")
    page.get_by_label("Tên đăng nhập").fill(name)
    page.get_by_label("Mật khẩu").fill(password)
    page.get_by_role("button", name="Đăng nhập").click()


def new_page(browser, **options):
    page = browser.new_page(accept_downloads=True, java_script_enabled=options.pop("script", False), **options)
    page.set_default_timeout(20000)
    return page


def send_up(page, portal, path):
    page.goto(f"{portal.url}/11164/CA/")
    page.get_by_label("Chọn tệp").set_input_files(path)
    page.get_by_role("button", name="Tải lên để kiểm tra").click()
    page.wait_for_url("**/tep/*")
    while page.locator("progress").count():
        page.wait_for_timeout(300)
        page.reload()


def test_an_agency_goes_from_its_first_sign_in_to_the_answer_without_a_script(served, browser, tmp_path):
    portal, first = served
    page = new_page(browser)
    sign_in(page, portal, "moi.vinhlai", first)
    assert page.locator("h1").inner_text() == "Đổi mật khẩu"
    page.get_by_label("Mật khẩu hiện tại").fill(first)
    page.get_by_label("Mật khẩu mới", exact=True).fill(NEW)
    page.get_by_label("Nhập lại mật khẩu mới").fill(NEW)
    page.get_by_role("button", name="Đổi mật khẩu").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Tháng 11/2026: tải biểu mẫu").click()
    form = tmp_path / "form.xlsx"
    download.value.save_as(form)
    fill(form, tmp_path / "sai.xlsx", 1700)
    send_up(page, portal, tmp_path / "sai.xlsx")
    assert "1 lỗi" in page.locator(".attention").first.inner_text()
    wrong = page.locator("tr.fail").first.inner_text()
    assert "Chỉ tiêu, ô" in wrong and "XHS-01" in wrong
    fill(form, tmp_path / "đúng.xlsx", 700)
    send_up(page, portal, tmp_path / "đúng.xlsx")
    assert page.locator(".attention.well").count() == 1
    page.get_by_role("button", name="Nộp báo cáo").click()
    assert page.locator("h1").inner_text() == "Đã nộp"
    assert "Mã biên nhận" in page.locator("[role=status]").inner_text()
    page.get_by_role("link", name="Tệp đã nộp").first.click()
    assert "Chờ lần chạy tới" in page.locator("main").inner_text()
    publish(portal.home)
    page.reload()
    assert "Đã nhận đủ" in page.locator("main").inner_text()
    with page.expect_download() as download:
        page.get_by_role("link", name="đúng.xlsx: tải kết quả").click()
    download.value.save_as(tmp_path / "answer.xlsx")
    assert openpyxl.load_workbook(tmp_path / "answer.xlsx").sheetnames[0] == "Kết quả kiểm tra"
    page.get_by_role("button", name="Đăng xuất").click()
    assert page.locator("h1").inner_text() == "Đăng nhập"
    page.close()


def fill(form, to, numerator):
    """As an officer fills it in: into the yellow cells of the lines that are there."""
    book = openpyxl.load_workbook(form)
    sheet = book["Chỉ tiêu"]
    [head] = [row for row in sheet.iter_rows() if any(cell.value == "Mã chỉ tiêu" for cell in row)]
    columns = {str(cell.value).split(" (")[0]: cell.column for cell in head if cell.value}
    for row in range(head[0].row + 1, sheet.max_row + 1):
        if sheet.cell(row, columns["Mã chỉ tiêu"]).value in ("XHS-01", "XHS-02"):
            sheet.cell(row, columns["Tử số"]).value = numerator
            sheet.cell(row, columns["Mẫu số"]).value = 1000
            numerator = 650
    book.save(to)


def pages_of(name):
    found = {
        "ca.vinhlai": ["/11164/CA/", "/11164/CA/da-nop", "/mat-khau", "/11164/KT/"],
        "daumoi.vinhlai": ["/11164/", "/11164/CA/", "/11164/so-lieu/2026-10"],
        "lanhdao.vinhlai": ["/11164/?ky=2026-10", "/11164/so-lieu/2026-10"],
        "thanhpho": ["/thanh-pho?ky=2026-10", "/11164/?ky=2026-10"],
    }
    return found[name]


@pytest.mark.parametrize("name", ROLES)
def test_every_page_fits_a_phone_and_paper_and_axe_finds_nothing(served, browser, name, tmp_path):
    portal, _ = served
    page = new_page(browser, script=True)  # the portal has none; axe is one
    errors = []
    page.on("requestfailed", lambda failed: errors.append(failed.url))
    page.on("request", lambda asked: None if asked.url.startswith(portal.url) else errors.append(asked.url))
    sign_in(page, portal, name)
    addresses = pages_of(name)
    if name == "ca.vinhlai":
        (tmp_path / "hỏng.xlsx").write_bytes(b"no workbook")
        send_up(page, portal, tmp_path / "hỏng.xlsx")
        addresses = [*addresses, page.url.removeprefix(portal.url)]
    for address in addresses:
        for width in (360, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            page.goto(portal.url + address)
            assert page.locator("h1").count() == 1
            assert page.evaluate("document.documentElement.scrollWidth") == width, address
            found = Axe().run(page).response["violations"]
            assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found] == [], address
            if name == "ca.vinhlai" and address == "/11164/CA/":
                assert page.get_by_label("Số liệu của XHS-02 là đúng", exact=True).is_visible()
        page.keyboard.press("Tab")
        assert page.locator(":focus").inner_text() == "Đến nội dung chính"
    assert errors == []
    page.close()
