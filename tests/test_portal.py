"""The portal over HTTP: who reaches what, what is refused in which words, and that nothing acknowledged is lost."""

import hashlib
import io
import json
import re
import sqlite3
import threading
import time
from datetime import date
from functools import cache

import openpyxl
import pytest
from conftest import Office, Warehouse
from made_files import xlsx, zipped
from portal_visitor import ACCOUNTS, PASSWORD, Portal, Visitor, files_below, make_accounts, publish

from pipelines import flow
from pipelines.agencies.form import write_template
from pipelines.bundles.extract import read_extract
from pipelines.bundles.origin import read_origins
from pipelines.bundles.workbook.workbook import workbook
from pipelines.home import Home
from pipelines.intake import receive
from pipelines.intake.acts_received import take_acts
from pipelines.intake.ledger import Ledger
from pipelines.intake.names import name_in_inbox, shown
from pipelines.portal.rights import ACTS, PUBLIC
from pipelines.scorecard.filters import commune_page
from pipelines.upkeep.backup import BackupError, backup, restore
from pipelines.warehouse.database import reading

FIGURES = {"XHS-01": {"numerator": 700, "denominator": 1000}, "XHS-02": {"numerator": 650, "denominator": 1000}}
OCTOBER = {"XHS-01": {"numerator": 690, "denominator": 1000}, "XHS-02": {"numerator": 640, "denominator": 1000}}
DAI_SON_TASK = {"11086-dai-son-2026/II/7": {"state": "Đang thực hiện", "percent_done": 40}}
INNER = re.compile(r"/(?:home|var|usr|tmp|root|opt)/|site-packages|Traceback|\.py\b|sqlite", re.IGNORECASE)


def filled(registry, path, period="2026-11", agency="CA", commune="11164", figures=FIGURES):
    return write_template(registry, commune, agency, period, path, answers=figures).read_bytes()


@pytest.fixture(scope="module")
def home(tmp_path_factory, registry):
    """A home in which agencies have sent October."""
    found = Home(tmp_path_factory.mktemp("portal"), date(2026, 11, 16))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(receive, "QUIET_SECONDS", 0)
        office = Office(found, registry)
        office.send("CA", answers=OCTOBER)
        office.send("CA", answers=DAI_SON_TASK, commune="11086")
        publish(found)
        yield found


@pytest.fixture
def office_of(home, registry):
    """An agency of Vĩnh Lại drops its file for October into its folder."""

    def send(agency, answers):
        Office(home, registry).send(agency, answers=answers)

    return send


@pytest.fixture
def ask_of(home):
    return Warehouse(home.published)


@pytest.fixture(scope="module")
def first_passwords(home):
    return make_accounts(home, {**ACCOUNTS, "moi.vinhlai": ("agency", "11164", "VP")})


@pytest.fixture(scope="module")
def portal(home, first_passwords):
    served = Portal(home)
    yield served
    served.stop()


@cache
def signed_in(portal, name):
    """A session for the whole module: hashing a password takes its time by intent."""
    visitor = Visitor(portal.port)
    assert visitor.sign_in(name).status == 302
    return visitor.cookies, visitor.token


@pytest.fixture
def visit(portal):
    """Somebody signed in, or nobody."""

    def start(name="", **more):
        visitor = Visitor(portal.port, **more)
        if name:
            visitor.cookies, visitor.token = signed_in(portal, name)
        return visitor

    return start


@pytest.fixture
def november(registry, tmp_path):
    return filled(registry, tmp_path / "báo cáo tháng 11.xlsx")


# ---------------------------------------------------------------- who reaches what

OWN, OTHER_AGENCY, OTHER_COMMUNE = "11164/CA", "11164/KT", "11086/CA"
NOBODY = frozenset()
OFFICERS = {"ca.vinhlai", "kt.vinhlai", "ca.daison"}
LEADERS = {"lanhdao.vinhlai", "lanhdao.daison"}
ALL = frozenset(ACCOUNTS)
SENDERS = {OWN: {"ca.vinhlai", "daumoi.vinhlai"}, OTHER_AGENCY: {"kt.vinhlai", "daumoi.vinhlai"},
           OTHER_COMMUNE: {"ca.daison"}}  # fmt: skip
SEERS = {OWN: {"ca.vinhlai", "daumoi.vinhlai", "lanhdao.vinhlai", "thanhpho"},
         OTHER_AGENCY: {"kt.vinhlai", "daumoi.vinhlai", "lanhdao.vinhlai", "thanhpho"},
         OTHER_COMMUNE: {"ca.daison", "lanhdao.daison", "thanhpho"}}  # fmt: skip


def routes(place, token, submission):
    """Every route by its name: method, address, and who reaches it for a place ('11164/CA'), where a file of the place
    was sent up by its agency and another was taken by a run."""
    uploader = {OWN: "ca.vinhlai", OTHER_AGENCY: "kt.vinhlai", OTHER_COMMUNE: "ca.daison"}[place]
    return {
        "home": ("GET", "/", ALL),
        "password": ("GET", "/mat-khau", ALL),
        "lock": ("POST", "/thanh-pho/khoa", {"thanhpho"}),
        "figures": ("GET", f"/{place.split('/')[0]}/so-lieu/2026-10", SEERS[place] - OFFICERS),
        "approve": ("POST", f"/{place.split('/')[0]}/so-lieu/2026-10/duyet", LEADERS & SEERS[place]),
        "withdraw": ("POST", f"/{place.split('/')[0]}/so-lieu/2026-10/rut", (LEADERS | {"thanhpho"}) & SEERS[place]),
        "city": ("GET", "/thanh-pho", {"thanhpho"}),
        "commune": ("GET", f"/{place.split('/')[0]}/", SEERS[place] - OFFICERS),
        "agency": ("GET", f"/{place}/", SEERS[place]),
        "form": ("GET", f"/{place}/bieu-mau/2026-11.xlsx", SENDERS[place]),
        "sent": ("GET", f"/{place}/da-nop", SEERS[place]),
        "uploaded": ("GET", f"/tep/{token}", {uploader}),
        "answer": ("GET", f"/ket-qua/{submission}.xlsx", SENDERS[place] | {"thanhpho"}),
        "upload": ("POST", f"/{place}/tai-len", SENDERS[place]),
        "hand_in": ("POST", f"/tep/{token}/nop", {uploader}),
        "confirm": ("POST", f"/xac-nhan/{submission}", SENDERS[place]),
        "discard": ("POST", f"/tep/{token}/bo", {uploader}),
        "sign_out": ("POST", "/dang-xuat", ALL),
    }


NOT_WALKED = {"sign_in", "style_sheet"}  # public


def test_every_route_names_its_act_and_is_in_the_table():
    names = {route.name for route in urlpatterns()}
    assert names == routes(OWN, "0" * 32, "0" * 12 + "-1").keys() | NOT_WALKED
    acts = {route.callback.rule.act for route in urlpatterns()}
    assert acts == ACTS.keys() | {PUBLIC}


def urlpatterns():
    from pipelines.portal import settings

    settings.configure(Home(settings_home()))
    from pipelines.portal.urls import urlpatterns as found

    return found


def settings_home():
    import tempfile
    from pathlib import Path

    return Path(tempfile.mkdtemp())


def test_a_route_that_names_no_act_keeps_the_server_from_starting():
    urlpatterns()
    from django.urls import path

    from pipelines.portal.gate import insist

    with pytest.raises(RuntimeError, match=r"name no act.*cua-sau"):
        insist([*urlpatterns(), path("cua-sau", lambda request: None)])


def test_every_role_reaches_its_own_and_nothing_else(visit, home, registry, tmp_path):
    uploader = {OWN: "ca.vinhlai", OTHER_AGENCY: "kt.vinhlai", OTHER_COMMUNE: "ca.daison"}
    tokens, submissions = {}, {}
    for place, name in uploader.items():
        one = visit(name)
        tokens[place] = one.checked(place, "a.xlsx", b"no workbook")[1].removeprefix("/tep/")
        commune, _, agency = place.partition("/")
        submissions[place] = submission_of(home, commune, agency)
    before = state_of(home)
    for name in ACCOUNTS:
        visitor = visit(name)
        for place in uploader:
            for route, (method, address, reach) in routes(place, tokens[place], submissions[place]).items():
                if route in ("answer", "confirm") and submissions[place] == NO_SUBMISSION:
                    reach = NOBODY
                if method == "GET":
                    status = visitor.get(address).status
                    assert (status != 404) == (name in reach), (name, route, place, status)
                    if name in reach:
                        assert status in (200, 302)
                elif name not in reach:
                    assert visitor.post(address).status == 404, (name, route, place)
                else:
                    assert visitor.post(address, token="0" * 64).status == 403, (name, route, place)
    assert state_of(home) == before  # looking changes nothing, and a forged form neither
    nobody = visit()
    for _, (method, address, _) in routes(OWN, tokens[OWN], submissions[OWN]).items():
        answer = nobody.get(address) if method == "GET" else nobody.post(address)
        assert (answer.status, answer.place) == (302, "/dang-nhap"), address


NO_SUBMISSION = "0" * 12 + "-1"


def submission_of(home, commune, agency):
    found = Warehouse(home.published)(
        "SELECT submission_id FROM core.fct_submission WHERE commune_code = ? AND agency_code = ?", commune, agency
    )
    return found[0][0] if found else NO_SUBMISSION


def state_of(home):
    """What handing in, acts and accounts change."""
    with sqlite3.connect(home.portal_database) as con:
        kept = con.execute("SELECT token, state FROM portal_upload ORDER BY 1").fetchall()
        kept += con.execute("SELECT username, password FROM portal_account ORDER BY 1").fetchall()
        kept += con.execute("SELECT token FROM portal_act ORDER BY 1").fetchall()
    below = [(path, hashlib.sha256(path.read_bytes()).hexdigest())
             for folder in (home.inbox, home.acts, home.archive) for path in files_below(folder)]  # fmt: skip
    return kept, below


# ---------------------------------------------------------------- accounts and sessions


def test_whoever_has_a_first_password_changes_it_before_anything_else(portal, first_passwords):
    visitor = Visitor(portal.port)
    assert visitor.sign_in("moi.vinhlai", first_passwords["moi.vinhlai"]).status == 302
    for address in ("/", "/11164/VP/", "/11164/VP/da-nop"):
        assert visitor.get(address).place == "/mat-khau"
    visitor.get("/mat-khau")

    def change(present, new, again=None):
        return visitor.post("/mat-khau", {"present": present, "new": new, "again": new if again is None else again})

    first = first_passwords["moi.vinhlai"]
    for present, new, again, why in (
        ("sai", PASSWORD, None, "Mật khẩu hiện tại không đúng"),
        (first, PASSWORD, "khác", "không giống nhau"),
        (first, first, None, "phải khác"),
        (first, "ngắn quá", None, "ít nhất 12 ký tự"),
        (first, "193827465012", None, "không được chỉ gồm chữ số"),
        (first, "moi.vinhlai1", None, "quá giống"),
    ):
        answer = change(present, new, again)
        assert answer.status == 422 and why in answer.text, why
    other = Visitor(portal.port)
    other.sign_in("moi.vinhlai", first)
    assert change(first, "Mưa-thuận-gió-hòa-9").status == 302
    assert visitor.get("/11164/VP/").status == 200
    assert other.get("/").place == "/dang-nhap"  # the other session of the account has ended


def test_a_session_is_new_at_each_sign_in_and_ends_where_it_is_forged_reset_or_disabled(portal, home, visit):
    visitor = visit()
    visitor.cookies["__Host-kpi57"] = "a" * 32
    assert visitor.get("/").place == "/dang-nhap"
    first, again = visit(), visit()
    for one in (first, again):
        assert one.sign_in("kt.vinhlai").status == 302
    assert len({visitor.cookies["__Host-kpi57"], *(one.cookies["__Host-kpi57"] for one in (first, again))}) == 3
    begun = "UPDATE django_session SET expire_date = '2020-01-01' WHERE session_key = ?"
    with sqlite3.connect(home.portal_database) as con:
        con.execute(begun, [first.cookies["__Host-kpi57"]])
    assert first.get("/").place == "/dang-nhap"
    from pipelines.portal import accounts

    accounts.disable(home, "kt.vinhlai")
    assert again.get("/").place == "/dang-nhap"
    assert Visitor(portal.port).sign_in("kt.vinhlai").status == 401
    password = accounts.reset(home, "kt.vinhlai")
    back = Visitor(portal.port)
    assert back.sign_in("kt.vinhlai", password).status == 302
    account = accounts._found(home, "kt.vinhlai")
    account.set_password(PASSWORD)
    account.must_change = False
    account.save()
    assert back.get("/").place == "/dang-nhap"


def test_cookies_are_for_this_host_alone_and_no_script_reads_them(portal):
    visitor = Visitor(portal.port)
    visitor.get("/dang-nhap")
    said = visitor.post("/dang-nhap", {"username": "ca.vinhlai", "password": PASSWORD}).headers["set-cookie"]
    assert said.startswith("__Host-kpi57")
    for part in ("HttpOnly", "SameSite=Lax", "Secure", "Path=/"):
        assert part in said


def test_five_wrong_passwords_lock_a_name_from_an_address_and_from_no_other(portal, visit):
    guesser = visit(address="203.0.113.7")
    for _ in range(4):
        assert guesser.sign_in("ca.daison", "sai").status == 401
    guesser.sign_in("ca.daison", "sai")
    locked = guesser.sign_in("ca.daison")
    assert locked.status == 429 and "15 phút" in locked.text  # with the right password too
    assert visit(address="203.0.113.7").sign_in("lanhdao.daison").status == 302
    assert visit(address="203.0.113.8").sign_in("ca.daison").status == 302
    spoofing = visit(address="203.0.113.9, 203.0.113.7")  # only what the office's own server adds counts
    assert spoofing.sign_in("ca.daison").status == 429


def test_a_name_that_is_not_there_is_answered_as_one_that_is(visit):
    texts = [re.sub(r"\w{64}", "", visit(address="203.0.113.20").sign_in(name, "sai").text)
             for name in ("ca.vinhlai", "khong.co")]  # fmt: skip
    assert texts[0].replace("ca.vinhlai", "") == texts[1].replace("khong.co", "")


def test_a_form_without_its_token_is_refused_and_says_what_to_do(visit):
    answer = visit("ca.vinhlai").post("/mat-khau", {"present": "x"}, token="")
    assert answer.status == 403 and "Tải lại trang" in answer.text


# ---------------------------------------------------------------- what every answer says


def test_every_answer_has_strict_headers_and_names_no_inner_place(visit, portal):
    nobody, officer = visit(), visit("ca.vinhlai")
    answers = [nobody.get("/dang-nhap"), nobody.get("/"), nobody.get("/khong-co"), officer.get("/11164/CA/"),
               officer.get("/11164/KT/"), officer.get("/11164/CA/bieu-mau/2026-13.xlsx"),
               officer.get("/ket-qua/..%2f..%2fportal.sqlite3"), officer.get("/11164/CA/tai-len"),
               officer.post("/mat-khau", token="0"), officer.get("/cong.css"),
               officer.get("/%00"), officer.get("/tep/" + "f" * 32)]  # fmt: skip
    foreign = nobody.get("/dang-nhap", headers={"Host": "evil.example"})
    assert foreign.status == 400
    for answer in [*answers, foreign]:
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert "server" not in answer.headers
        assert not INNER.search(answer.text), answer.text
        assert answer.status < 500
    assert {answer.headers["cache-control"] for answer in answers} == {"no-store", "public, max-age=86400"}
    behind = nobody.get("/dang-nhap", headers={"Host": "nop.example.vn", "X-Forwarded-Proto": "https"})
    assert behind.status == 200 and "max-age" in behind.headers["strict-transport-security"]


# ---------------------------------------------------------------- uploads


def test_what_is_too_large_or_none_or_from_nobody_is_refused_before_it_is_kept(visit, home):
    officer = visit("ca.vinhlai")
    before = files_below(home.portal / "staged")
    large = officer.send_up("11164/CA", "lớn.xlsx", b"x" * (12 * 1024**2))
    assert large.status == 413 and "quá lớn" in large.text
    assert officer.post("/11164/CA/tai-len").status == 400
    two = b"".join(b'--b\r\nContent-Disposition: form-data; name="%s"; filename="a.xlsx"\r\n\r\nx\r\n' % name
                   for name in (b"file", b"file2")) + b"--b--\r\n"  # fmt: skip
    answer = officer.ask("POST", "/11164/CA/tai-len", two, {"Content-Type": "multipart/form-data; boundary=b"})
    assert answer.status in (400, 403)
    nobody = visit()
    nobody.get("/dang-nhap")
    assert nobody.send_up("11164/CA", "a.xlsx", b"x" * (9 * 1024**2)).place == "/dang-nhap"
    assert nobody.ask("POST", "/dang-nhap", b"x" * (9 * 1024**2)).status == 413
    assert files_below(home.portal / "staged") == before


@pytest.mark.parametrize(
    ("sent_as", "kept"),
    [
        ("báo cáo 2026-10.xlsx", r"báo cáo 2026-10-[a-z]{6}\.xlsx"),
        ("../../../etc/passwd", r"passwd-[a-z]{6}\.txt"),
        (r"D:\CA\bao cao.XLS", r"bao cao-[a-z]{6}\.xls"),
        ("x.tmp", r"x\.tmp-[a-z]{6}\.xlsx"),
        (".~lock.a.xlsx", r"lock\.a-[a-z]{6}\.xlsx"),
        ("~$a.xlsx", r"a-[a-z]{6}\.xlsx"),
        ("con.xlsx", r"tep con-[a-z]{6}\.xlsx"),
        ("a\u202excod.xlsx", r"a xcod-[a-z]{6}\.xlsx"),
        ("a\x00b\nc.xlsx", r"a b c-[a-z]{6}\.xlsx"),
        ("", r"tep-[a-z]{6}\.xlsx"),
        ("ô" * 300 + ".xlsx", r"ô{75}-[a-z]{6}\.xlsx"),
    ],
)
def test_a_name_is_kept_as_far_as_it_is_safe_and_never_that_of_a_temporary_file(sent_as, kept):
    name = name_in_inbox(sent_as, b"PK\x03\x04" if "passwd" not in sent_as else b"root")
    assert re.fullmatch(kept, name), name
    assert not receive._is_left_alone(name)
    assert len(name.encode()) < 200 and "\n" not in shown(sent_as)


def test_hostile_files_are_answered_with_a_plain_word_and_harm_nobody(visit):
    officer = visit("ca.vinhlai")
    for name, data in {
        "rỗng.xlsx": b"", "cụt.xlsx": b"PK\x03\x04 no zip", "văn bản.xlsx": b"%PDF-1.7",
        "cũ.xls": bytes(range(256)) * 40,
        "không.csv": b"\0" * 5000, "nở.xlsx": zipped({"xl/workbook.xml": bytes(40 * 2**20)}),
        "công thức.xlsx": xlsx('<row r="1"><c r="A1"><f>HYPERLINK("http://a.vn")</f></c></row>'),
    }.items():  # fmt: skip
        page, _ = officer.checked("11164/CA", name, data)
        assert page.status == 200 and not INNER.search(page.text)


def test_a_wrong_file_is_told_cell_by_cell_and_the_right_one_is_handed_in_and_answered(visit, home, registry, tmp_path):
    officer = visit("ca.vinhlai")
    form = officer.get("/11164/CA/bieu-mau/2026-11.xlsx")
    assert form.headers["content-disposition"].startswith("attachment")
    wrong = filled(registry, tmp_path / "a.xlsx", figures={"XHS-01": {"numerator": 1700, "denominator": 1000},
                                                           "XHS-02": FIGURES["XHS-02"]})  # fmt: skip
    page, _ = officer.checked("11164/CA", "thang-11.xlsx", wrong)
    assert "Lỗi" in page.text and "XHS-01" in page.text and "Cách sửa" in page.text
    right = filled(registry, tmp_path / "b.xlsx")
    page, place = officer.checked("11164/CA", "Tháng 11 <b>.xlsx", right)
    assert "Không có lỗi nào" in page.text and "<b>.xlsx" not in page.text
    assert officer.post(f"{place}/nop").status == 303
    done = officer.get(place)
    assert "Đã nộp" in done.text and place.removeprefix("/tep/") in done.text
    again = officer.post(f"{place}/nop")
    assert again.status == 409 and "đã được nộp" in again.text
    [waiting] = files_below(home.inbox / "11164-vinh-lai" / "CA")
    assert re.fullmatch(r"Tháng 11 b-[a-z]{6}\.xlsx", waiting.name)
    assert waiting.read_bytes() == right and waiting.stat().st_mode & 0o777 == 0o640
    assert "Chờ lần chạy tới" in officer.get("/11164/CA/da-nop").text
    publish(home)
    sent = officer.get("/11164/CA/da-nop").text
    assert "Nhận đủ" in sent.replace("Đã nhận đủ", "Nhận đủ") and "Chờ lần chạy tới" not in sent
    [answer] = set(re.findall(r"/ket-qua/[\w-]+\.xlsx", sent)) - {f"/ket-qua/{submission_of_name(home, 'CA')}.xlsx"}
    book = openpyxl.load_workbook(io.BytesIO(officer.get(answer).body))
    assert book.sheetnames[0] == "Kết quả kiểm tra"
    same, _ = officer.checked("11164/CA", "lại.xlsx", right)
    assert "giống hệt" in same.text


def submission_of_name(home, agency):
    """The file of October, which was there before."""
    return submission_of(home, "11164", agency)


def test_a_line_held_is_confirmed_by_a_tick_with_a_reason_and_the_rest_of_the_file_stays(visit, home, registry, ask_of):
    """What a tick makes is the answer sent back as by hand: looked at, handed in, taken by the next run."""
    figures = {"XHS-01": {"numerator": 691, "denominator": 1000}, "XHS-02": {"numerator": 50, "denominator": 1000}}
    Office(home, registry).send("CA", "2026-11", figures)
    publish(home)
    officer, other = visit("ca.vinhlai"), visit("ca.daison")
    page = officer.get("/11164/CA/").text
    [address] = re.findall(r'action="(/xac-nhan/[\w-]+)"', page)
    [line] = re.findall(r'name="line" value="([^"]+)"', page)
    assert "XHS-02" in page
    assert "Xác nhận các dòng" not in visit("lanhdao.vinhlai").get("/11164/CA/").text
    assert other.post(address, {"line": line, f"reason-{line}": "của cơ quan khác"}).status == 404
    assert "Chưa đánh dấu dòng nào" in officer.post(address).text
    assert "chưa ghi lý do" in officer.post(address, {"line": line, f"reason-{line}": " "}).text
    assert officer.post(address, {"line": "99-Chỉ tiêu", "reason-99-Chỉ tiêu": "Đúng"}).status == 409
    made = officer.post(address, {"line": line, f"reason-{line}": "=Thu hồi <chứng thư> hết hạn"})
    assert made.status == 303
    checked = officer.get(made.place).text
    assert "Không có lỗi nào" in checked or "0 lỗi, 0 nội dung cần xác nhận" in checked
    assert officer.post(f"{made.place}/nop").status == 303
    publish(home)
    assert ask_of("SELECT state, confirmed_how, confirmed_reason FROM marts.mart_held_line WHERE code = 'XHS-02'") == [
        ("confirmed", "workbook", "Đúng: =Thu hồi <chứng thư> hết hạn")
    ]
    assert ask_of(
        "SELECT indicator_code, numerator FROM core.fct_actual WHERE is_current AND commune_code = '11164' "
        "AND period_code = '2026-11' AND indicator_code IN ('XHS-01', 'XHS-02') ORDER BY 1"
    ) == [("XHS-01", 691), ("XHS-02", 50)]
    assert "Dòng chờ xác nhận" not in officer.get("/11164/CA/").text
    assert officer.post(address, {"line": line, f"reason-{line}": "Đúng"}).status == 409


# ---------------------------------------------------------------- nothing is lost


def test_two_clicks_at_once_hand_in_once(visit, home, registry, tmp_path):
    officer = visit("ca.daison")
    _, place = officer.checked("11086/CA", "t11.xlsx", filled(registry, tmp_path / "x.xlsx", commune="11086",
                                                             figures=DAI_SON_TASK))  # fmt: skip
    answers = []
    clicks = [threading.Thread(target=lambda: answers.append(officer.post(f"{place}/nop").status)) for _ in range(6)]
    for click in clicks:
        click.start()
    for click in clicks:
        click.join()
    assert sorted(answers) == [303, 409, 409, 409, 409, 409]
    assert len(files_below(home.inbox / "11086-dai-son" / "CA")) == 1


def test_what_was_checked_is_what_is_handed_in(visit, home, registry, tmp_path):
    officer = visit("ca.vinhlai")
    data = filled(registry, tmp_path / "x.xlsx", figures={"XHS-01": {"numerator": 1, "denominator": 2}})
    _, place = officer.checked("11164/CA", "t.xlsx", data)
    [staged] = files_below(home.portal / "staged" / place.removeprefix("/tep/"))
    staged.chmod(0o600)
    staged.write_bytes(data + b" ")
    before = files_below(home.inbox)
    answer = officer.post(f"{place}/nop")
    assert answer.status == 409 and "đã thay đổi" in answer.text
    assert files_below(home.inbox) == before


STEPS = {
    "copied half": ("PLACING", "half"),
    "copied whole": ("COPIED", "whole"),
    "renamed": ("COPIED", "renamed"),
    "decided": ("PLACING", "nothing"),
}


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_of_handing_in_nothing_is_lost_and_nothing_sent_twice(step, home, visit, registry, tmp_path):
    """The process ends at the step; what the next start does is asked."""
    officer = visit("ca.vinhlai")
    figures = {"XHS-01": {"numerator": 10 + len(step), "denominator": 20 + len(step)}}
    data = filled(registry, tmp_path / "x.xlsx", figures=figures)
    _, place = officer.checked("11164/CA", "t.xlsx", data)
    token = place.removeprefix("/tep/")
    from pipelines.portal import handing_in, settings

    settings.configure(home)
    from pipelines.portal.models import Upload

    killed_at(handing_in, step, home, Upload.objects.get(token=token))
    folder = home.inbox / "11164-vinh-lai" / "CA"
    handing_in.finish(home)
    assert handing_in.finish(home) == 0
    found = [path for path in files_below(folder) if path.read_bytes() == data]
    assert len(found) == 1 and not found[0].name.startswith(".")
    assert Upload.objects.get(token=token).state == Upload.PLACED
    assert not (home.portal / "staged" / token).exists()
    found[0].unlink()


class KilledError(BaseException):
    pass


def killed_at(module, step, home, upload):
    """Hand in, and end at a step as a killed process does."""

    def killed(*_, **__):
        raise KilledError

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KilledError):
        if step == "decided":
            patch.setattr(module, "place", killed)
        elif step == "copied half":
            patch.setattr(module.os, "fsync", killed)
        elif step == "copied whole":
            patch.setattr("pathlib.Path.rename", killed)
        else:
            patch.setattr(module, "now", killed)
        module.hand_in(home, upload, lambda: None)


def test_the_server_killed_starts_again_with_what_was_sent_up_and_its_helpers_end_with_it(home, portal, visit, registry,
                                                                                          tmp_path):  # fmt: skip
    officer = visit("ca.vinhlai")
    data = filled(registry, tmp_path / "x.xlsx", figures={"XHS-01": {"numerator": 33, "denominator": 44}})
    sent = officer.send_up("11164/CA", "t.xlsx", data)
    children = children_of(portal.process.pid)
    assert children
    portal.kill()
    until = time.monotonic() + 20
    while any(map(is_alive, children)) and time.monotonic() < until:
        time.sleep(0.1)
    assert not any(map(is_alive, children))
    portal.start()
    officer.port = portal.port
    page = officer.get(sent.place)  # the session goes on too
    assert page.status == 200 and "t.xlsx" in page.text


def children_of(pid):
    from pathlib import Path

    return [int(child) for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()]  # fmt: skip


def is_alive(pid):
    from pathlib import Path

    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


# ---------------------------------------------------------------- approving and locking


def told(home, scope):
    """What the first sheet of the bundle of October says of its approval, and what the bundle is made from."""
    with reading(home) as con:
        sheet = workbook(read_extract(con, "2026-10", scope)).worksheets[0]
        approvals = read_origins(con, "2026-10", [scope])[scope].approvals
    [said] = [str(cell.value) for row in sheet for cell in row if " duyệt" in str(cell.value)]
    return said, [one["approval_status"] for one in approvals]


def test_a_leader_approves_the_figures_of_the_page_and_sees_what_changed_since(home, visit, office_of, registry):
    leader, officer = visit("lanhdao.vinhlai"), visit("daumoi.vinhlai")
    assert told(home, "11164") == ("Số liệu tháng 10/2026 chưa được lãnh đạo duyệt trên hệ thống.", [])
    page = leader.get("/11164/so-lieu/2026-10")
    assert "Chưa duyệt" in page.text and "XHS-01" in page.text
    [digest] = re.findall(r'name="figures_sha256" value="(\w{64})"', page.text)
    [missing] = re.findall(r'name="missing" value="([\w,]+)"', page.text)
    approve = "/11164/so-lieu/2026-10/duyet"
    stale = leader.post(approve, {"figures_sha256": "0" * 64, "missing": missing})
    assert stale.status == 409 and "Số liệu đã thay đổi" in stale.text
    unsaid = leader.post(approve, {"figures_sha256": digest})
    assert unsaid.status == 409 and "Đánh dấu" in unsaid.text
    assert files_below(home.acts) == []
    assert leader.post(approve, {"figures_sha256": digest, "missing": missing}).status == 303
    assert "có hiệu lực ở lần chạy tới" in leader.get("/11164/so-lieu/2026-10").text
    publish(home)
    assert "Đã duyệt" in officer.get("/11164/?ky=2026-10").text
    said, made_from = told(home, "11164")
    assert said.startswith("Số liệu tháng 10/2026 đã được lãnh đạo duyệt ngày ") and made_from == ["approved"]
    assert told(home, "city")[0].startswith("Duyệt số liệu tháng 10/2026: 1/5 xã, phường, đặc khu đã duyệt; 0 ")
    office_of("CA", {**OCTOBER, "XHS-01": {"numerator": 695, "denominator": 1000}})
    publish(home)
    assert "1 số liệu bổ sung hoặc thay đổi" in leader.get("/11164/so-lieu/2026-10").text
    assert "từ khi duyệt có 1 số liệu bổ sung hoặc thay đổi" in told(home, "11164")[0]
    assert flow.write_site(home) > 0
    page = (home.site / commune_page("11164")).read_text(encoding="utf-8")
    assert re.search(r"Đã duyệt, có số liệu thay đổi \(\d\d/\d\d/\d{4}\): 1 số liệu bổ sung hoặc thay đổi", page)
    unsaid = leader.post("/11164/so-lieu/2026-10/rut", {"reason": " "})
    assert unsaid.status == 409 and "Chưa ghi lý do" in unsaid.text
    assert visit("thanhpho").post("/11164/so-lieu/2026-10/rut", {"reason": "Rà soát lại"}).status == 303
    publish(home)
    assert "Đã rút duyệt" in leader.get("/11164/so-lieu/2026-10").text
    [[by, account, what]] = Warehouse(home.published)(
        "SELECT acted_by, account, missing FROM core.fct_approval WHERE event = 'approved'"
    )
    assert (by, account, what.replace(", ", ",")) == ("Người dùng lanhdao.vinhlai", "lanhdao.vinhlai", missing)


def test_the_city_locks_a_period_and_a_file_checked_before_is_checked_again(home, visit, registry, tmp_path):
    city, officer = visit("thanhpho"), visit("ca.vinhlai")
    figures = {"XHS-01": {"numerator": 701, "denominator": 1000}}
    data = filled(registry, tmp_path / "x.xlsx", figures=figures)
    _, place = officer.checked("11164/CA", "t11.xlsx", data)
    assert city.post("/thanh-pho/khoa", {"period": "2026-11", "event": "locked"}).status == 422
    asked = {"period": "2026-11", "event": "locked", "reason": "chốt số liệu tháng 11"}
    assert city.post("/thanh-pho/khoa", asked).status == 303
    assert "chờ lần chạy tới" in city.get("/thanh-pho?ky=2026-11").text
    assert "đã khóa" not in city.get("/thanh-pho?ky=2026-11").text
    publish(home)
    assert "đã khóa" in city.get("/thanh-pho?ky=2026-11").text
    assert "Kỳ này đã khóa" in officer.get(place).text
    assert city.post("/thanh-pho/khoa", {**asked, "event": "unlocked", "reason": "mở lại"}).status == 303
    publish(home)
    assert "đã khóa" not in city.get("/thanh-pho?ky=2026-11").text


def test_an_act_that_cannot_be_entered_is_put_aside_with_its_reason_and_harms_no_run(home):
    good = {"act_id": "a" * 32, "event": "locked", "period_code": "2026-01", "commune_code": "11164", "by": "Sở KH&CN",
            "reason": "chốt"}  # fmt: skip
    wrong = {"b": "{", "c": "[]", "d": json.dumps({**good, "act_id": "e" * 32}),
             "f": json.dumps({**good, "act_id": "f" * 32, "commune_code": "../x"}),
             "1": json.dumps({**good, "act_id": "1" * 32, "event": "bundle_sent"}),
             "2": json.dumps({**good, "act_id": "2" * 32, "reason": ""})}  # fmt: skip
    home.acts.mkdir(parents=True, exist_ok=True)
    for letter, text in {**wrong, "a": json.dumps(good)}.items():
        (home.acts / f"{letter * 32}.json").write_text(text, encoding="utf-8")
    ledger = Ledger(home)
    assert take_acts(home, ledger, {"11164"}, {"2026-01"}) == 1
    (home.acts / f"{'a' * 32}.json").write_text(json.dumps(good), encoding="utf-8")
    assert take_acts(home, ledger, {"11164"}, {"2026-01"}) == 0  # a run killed before it removed the file
    assert [path.name[0] for path in files_below(home.acts / "refused") if path.suffix == ".txt"] == sorted(wrong)
    assert list(home.acts.glob("*.json")) == []


def test_a_backup_has_the_accounts_and_the_acts_that_wait_and_no_session(home, visit, tmp_path):
    visit("ca.vinhlai")
    home.acts.mkdir(parents=True, exist_ok=True)
    act = home.acts / f"{'c' * 32}.json"
    act.write_text("{}", encoding="utf-8")
    backup(home, tmp_path / "backup")
    act.unlink()
    other = Home(tmp_path / "other")
    restore(other, tmp_path / "backup", replace=False)
    assert [path.name for path in files_below(other.acts)] == [act.name]

    def names(where):
        with sqlite3.connect(where.portal_database) as con:
            return con.execute("SELECT username, password FROM portal_account ORDER BY 1").fetchall()

    assert names(other) == names(home) != []
    with sqlite3.connect(other.portal_database) as con:
        assert con.execute("SELECT count(*) FROM django_session").fetchall() == [(0,)]
    with pytest.raises(BackupError, match="used already"):
        restore(other, tmp_path / "backup", replace=False)
    done = restore(other, tmp_path / "backup", replace=True)
    assert {path.name for path in done.aside.iterdir()} >= {act.name, "portal.sqlite3"}


# ---------------------------------------------------------------- beside the runs


def test_a_page_asked_while_copies_are_swapped_in_says_the_newest(home):
    """Also while another connection of the process has the copy before open."""
    import duckdb

    from pipelines.warehouse.database import reading_newest

    where = Home(home.root / "swapped")
    where.warehouse.mkdir(parents=True)

    def swap(number):
        new = where.warehouse / "new.duckdb"
        with duckdb.connect(new) as con:
            con.execute(f"CREATE TABLE n AS SELECT {number} AS n")
        new.replace(where.published)

    swap(1)
    with reading_newest(where) as first:
        for number in (2, 3):
            swap(number)
            with reading_newest(where) as con:
                assert con.execute("SELECT n FROM n").fetchall() == [(number,)]
        assert first.execute("SELECT n FROM n").fetchall() == [(1,)]


def test_the_audit_log_says_who_did_what_and_nobody_changes_it(home, visit):
    officer = visit("ca.vinhlai")
    officer.checked("11164/CA", "riêng tư.xlsx", b"x")
    with sqlite3.connect(home.portal_database) as con:
        [(role, act, address, sha256)] = con.execute(
            "SELECT role, act, address, sha256 FROM portal_auditentry ORDER BY id DESC LIMIT 1"
        ).fetchall()
        assert (role, act, address, sha256) == ("agency", "upload", "127.0.0.1", hashlib.sha256(b"x").hexdigest())
        assert "riêng tư" not in str(con.execute("SELECT * FROM portal_auditentry").fetchall())
        for change in ("UPDATE portal_auditentry SET act = 'x'", "DELETE FROM portal_auditentry"):
            with pytest.raises(sqlite3.IntegrityError, match="only added to"):
                con.execute(change)


def test_the_database_is_the_one_that_its_models_describe(home):
    from django.core.management import call_command

    from pipelines.portal import settings

    settings.configure(home)
    call_command("makemigrations", "portal", check=True, dry_run=True, verbosity=0)
