"""Who is told what, against a mail server and a web server of the test's own on loopback."""

import json
import re
import shutil
import socketserver
import threading
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import yaml
from test_cli import BAD, GOOD

from pipelines import flow
from pipelines.home import Home
from pipelines.intake.ledger import Ledger
from pipelines.upkeep import alerts, summary
from pipelines.upkeep.alerts import AlertsError, read_settings, tell
from pipelines.upkeep.status_report import run_report
from pipelines.warehouse.database import reading

PASSWORD, TOKEN = "mật-khẩu-57-bí-mật", "token-57-secret"
QUIET = {"failed": []}


class MailHandler(socketserver.StreamRequestHandler):
    """As much of SMTP as a client needs to hand over a message."""

    def say(self, text):
        self.wfile.write(f"{text}\r\n".encode())

    def handle(self):
        self.say("220 test")
        while line := self.rfile.readline().strip():
            word = line.decode("ascii", "replace").upper()
            if word.startswith("EHLO"):
                self.say("250-test")
                self.say("250 AUTH PLAIN LOGIN")
            elif word.startswith("AUTH"):
                self.server.logins.append(line)
                self.say("235 ok" if self.server.accepts else f"535 wrong password {PASSWORD}")
            elif word == "DATA":
                self.say("354 go on")
                lines = list(iter(self.rfile.readline, b".\r\n"))
                self.server.mails.append(message_from_bytes(b"".join(lines), policy=policy.default))
                self.say("250 taken")
            else:
                self.say("221 bye" if word == "QUIT" else "250 ok")
                if word == "QUIT":
                    return


class HookHandler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posts.append((self.path, self.headers["Authorization"], json.loads(body)))
        self.send_response(self.server.answers)
        if self.server.answers == 302:
            self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *_):
        pass


def running(server):
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    return server


@pytest.fixture
def mail_server():
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), MailHandler) as server:
        server.mails, server.logins, server.accepts = [], [], True
        yield running(server)
        server.shutdown()


@pytest.fixture
def hook_server():
    with HTTPServer(("127.0.0.1", 0), HookHandler) as server:
        server.posts, server.answers = [], 204
        yield running(server)
        server.shutdown()


@pytest.fixture
def settle(home, mail_server, hook_server):
    """Write alerts.yml for both servers, with what is given beside."""

    def write(**more):
        mail = {"host": "127.0.0.1", "port": mail_server.server_address[1], "security": "none",
                "from": "kpi57@example.vn", "to": ["so-khcn@example.vn"]}  # fmt: skip
        hook = {"url": f"http://127.0.0.1:{hook_server.server_address[1]}/hooks/57", "token": TOKEN}
        said = {"email": mail, "webhook": hook, **more}
        home.alerts.parent.mkdir(parents=True, exist_ok=True)
        home.alerts.write_text(yaml.safe_dump(said, allow_unicode=True), encoding="utf-8")
        return said

    return write


@pytest.fixture
def published(home: Home, monkeypatch):
    """The steps of a run on a day, without Dagster around them."""

    def on(day):
        monkeypatch.setenv("KPI57_DAY", day)
        from pipelines.home import current_home

        flow.run_steps(current_home())

    return on


# ---------------------------------------------------------------- what is told


def test_without_settings_nobody_is_told_anything(home, published):
    published("2026-03-25")
    assert tell(home, QUIET) == []
    assert not home.alerts_sent.exists()


def test_an_overdue_agency_is_told_of_by_both_ways_in_vietnamese_once(
    home, settle, published, mail_server, hook_server
):
    settle(tell=["overdue"])
    published("2026-02-25")
    said = tell(home, QUIET)
    assert [one.line.partition(": overdue (")[0] for one in said] == ["sent by e-mail", "sent by webhook"]
    [mail] = mail_server.mails
    assert mail["Subject"].startswith("[kpi57] Đơn vị quá hạn báo cáo (")
    assert mail["To"] == "so-khcn@example.vn"
    assert "- Xã Vĩnh Lại · Công an xã, phường: Tháng 01/2026, hạn 20/01/2026, quá hạn 36 ngày" in mail.get_content()
    [(path, authorization, body)] = hook_server.posts
    assert (path, authorization, body["kind"]) == ("/hooks/57", f"Bearer {TOKEN}", "overdue")
    assert "Đơn vị quá hạn báo cáo" in body["text"]
    assert body["is_illustrative"] is False

    assert tell(home, QUIET) == []
    published("2026-02-26")
    assert tell(home, QUIET) == []
    assert (len(mail_server.mails), len(hook_server.posts)) == (1, 1)


def test_what_comes_new_is_told_without_what_was_told(home, settle, published, mail_server):
    settle(tell=["overdue"])
    published("2026-02-19")
    tell(home, QUIET)
    published("2026-02-25")
    tell(home, QUIET)
    first, second = (mail.get_content() for mail in mail_server.mails)
    assert "Tháng 01/2026" in first
    assert "Tháng 02/2026" in second
    assert "Tháng 01/2026" not in second


def test_a_period_about_to_close_is_told_of_so_many_days_before(home, settle, published, mail_server):
    settle(tell=["closing"], days_before_due=2)
    published("2026-03-17")
    assert tell(home, QUIET) == []
    published("2026-03-18")
    tell(home, QUIET)
    [mail] = mail_server.mails
    assert mail["Subject"].startswith("[kpi57] Kỳ báo cáo sắp đến hạn")
    assert "Xã Vĩnh Lại · Tháng 03/2026, hạn 20/03/2026: còn " in mail.get_content()
    assert "Công an xã, phường" in mail.get_content()


def test_an_unfilled_form_silences_nobody(home, settle, office, published, mail_server):
    """README, the run's report, its summary and the alerts name the same agencies."""
    settle(tell=["overdue"])
    office.send("CA", "2026-01", commune="10903", name="trống.xlsx")
    published("2026-11-16")
    with reading(home) as con:
        said = con.execute(
            "SELECT reporting_status, is_outstanding FROM marts.mart_reporting_status "
            "WHERE (commune_code, agency_code, period_code) = ('10903', 'CA', '2026-01')"
        ).fetchall()
        outstanding = con.execute(
            "SELECT count(*) FROM marts.mart_reporting_status WHERE is_outstanding AND days_late > 0"
        ).fetchone()
    assert said == [("empty", True)]
    tell(home, QUIET)
    assert all("overdue 10903/CA/2026-01" in told for told in json.loads(home.alerts_sent.read_text()).values())
    [theirs] = [line for line in run_report(home).splitlines() if line.startswith("  10903") and " CA " in line]
    assert "2026-01" in theirs
    assert summary.published(home)["overdue"] == outstanding[0]


def test_a_file_with_many_rejected_lines_is_told_of_and_a_good_one_is_not(home, settle, office, published, mail_server):
    settle(tell=["rejected_share"], rejected_share=0.5, rejected_lines=1)
    office.send("CA", "2026-10", edit=BAD, name="sai.xlsx")
    office.send("VHXH", "2026-10", name="trống.xlsx")
    office.send("CA", "2026-09", edit=GOOD, name="đúng.xlsx")
    (office.folder("11164", "VHXH") / "thư.xlsx").write_bytes(b"%PDF-1.7\n1 0 obj\n")
    published("2026-11-16")
    tell(home, QUIET)
    [mail] = mail_server.mails
    body = mail.get_content()
    assert "sai.xlsx: bị từ chối cả tệp" in body or "sai.xlsx: 1/1 dòng bị từ chối" in body
    assert "thư.xlsx: bị từ chối cả tệp" in body
    assert "trống.xlsx" not in body
    assert "đúng.xlsx" not in body


def figures(numerator, denominator):
    return {"XHS-02": {"numerator": numerator, "denominator": denominator}}


def test_an_indicator_that_turned_for_the_worse_is_told_of_once_with_the_first_page(
    home, settle, office, published, mail_server
):
    settle(tell=["turned_red", "milestone_missed"])
    office.send("CA", "2026-08", figures(750, 1000))
    office.send("CA", "2026-09", figures(755, 1000))
    published("2026-10-20")
    assert tell(home, QUIET) == []
    office.send("CA", "2026-10", figures(690, 1000))
    published("2026-10-21")
    flow.write_site(home)
    tell(home, QUIET)
    assert tell(home, QUIET) == []
    texts = {mail["Subject"]: mail.get_body().get_content() for mail in mail_server.mails}
    assert texts.keys() == {"[kpi57] Chỉ tiêu chuyển sang mức cần chú ý (1)", "[kpi57] Chỉ tiêu không đạt mốc (1)"}
    for text, said in zip(texts.values(), ("kém hơn số gốc; mốc tiếp theo 31/12/2030: 85%",
                                           "chưa đạt mốc; mốc 31/12/2025: ≥ 70%"), strict=True):  # fmt: skip
        assert (
            f"- Xã Vĩnh Lại · Tỷ lệ người dân có tài khoản định danh điện tử (VNeID): 69% (Tháng 10/2026), {said}"
            in text
        )
    [page] = list(mail_server.mails[0].iter_attachments())
    assert page.get_filename() == "trang-dau.html"
    alone = page.get_content()
    assert "<h1>Thành phố Hải Phòng" in alone
    assert "<style>" in alone
    assert not re.search(r'<script|<link rel="style|href="(?!#|data:)|src=', alone)


def test_a_figure_that_waits_to_be_confirmed_is_told_of_with_its_question(home, settle, office, published, mail_server):
    settle(tell=["held"])
    office.send("CA", "2026-09", figures(300, 1000))
    office.send("CA", "2026-10", figures(990, 1000))
    published("2026-10-20")
    tell(home, QUIET)
    [mail] = mail_server.mails
    assert mail["Subject"] == "[kpi57] Số liệu chờ xác nhận (1)"
    assert (
        "- Xã Vĩnh Lại · Công an xã, phường · Tỷ lệ người dân có tài khoản định danh điện tử (VNeID) (Tháng 10/2026): "
        in (mail.get_content())
    )


def test_a_failed_run_is_told_of_until_it_works_again_and_then_anew(home, settle, mail_server):
    settle(tell=["failed_run"])
    fault = {"step": "received", "error": "OSError: [Errno 28] No space left on device", "what_to_do": "free space"}
    tell(home, {"failed": [fault]})
    tell(home, {"failed": [fault]})
    [mail] = mail_server.mails
    assert mail["Subject"] == "[kpi57] Lần chạy thất bại (1)"
    assert "Bước received: OSError: [Errno 28] No space left on device" in mail.get_content()
    assert "Cách xử lý: free space" in mail.get_content()
    tell(home, QUIET)
    tell(home, {"failed": [fault]})
    assert len(mail_server.mails) == 2


def test_illustrative_figures_say_so_in_title_and_text(home, settle, published, mail_server):
    Ledger(home).append([{"event": "illustrative", "seed": 57, "day": "2026-11-16"}])
    settle(tell=["overdue"])
    published("2026-11-16")
    tell(home, QUIET)
    [mail] = mail_server.mails
    assert "SỐ LIỆU MINH HỌA" in mail["Subject"]
    assert mail.get_content().startswith("SỐ LIỆU MINH HỌA")


# ---------------------------------------------------------------- when it cannot be told


def test_a_server_that_is_down_fails_nothing_and_is_tried_again(home, settle, mail_server, hook_server):
    said = settle(tell=["failed_run"])
    port = said["email"]["port"]
    fault = {"failed": [{"step": "s", "error": "e", "what_to_do": "w"}]}
    settle(tell=["failed_run"], email={**said["email"], "port": 1})
    first = tell(home, fault)
    assert first[0].line.startswith("not sent by e-mail: failed_run (1): ConnectionRefusedError")
    assert first[1].line == "sent by webhook: failed_run (1)"
    assert [one.is_sent for one in first] == [False, True]
    settle(tell=["failed_run"], email={**said["email"], "port": port})
    assert tell(home, fault) == [("sent by e-mail: failed_run (1)", True)]
    assert (len(mail_server.mails), len(hook_server.posts)) == (1, 1)


@pytest.mark.parametrize("status", [302, 401, 500])
def test_a_webhook_that_refuses_is_no_success_and_a_token_follows_no_redirect(home, settle, hook_server, status):
    settle(tell=["failed_run"])
    hook_server.answers = status
    said = tell(home, {"failed": [{"step": "s", "error": "e", "what_to_do": "w"}]})
    assert f"not sent by webhook: failed_run (1): HTTPError: HTTP Error {status}" in said[1].line
    assert [path for path, *_ in hook_server.posts] == ["/hooks/57"]


def test_no_password_stands_in_what_is_said_even_if_the_server_repeats_it(
    home, settle, mail_server, hook_server, monkeypatch
):
    monkeypatch.setenv("KPI57_TEST_PASSWORD", "secret-word-57")
    said = settle()
    mail = {**said["email"], "user": "kpi57", "password_env": "KPI57_TEST_PASSWORD"}
    settle(tell=["failed_run"], email=mail)
    monkeypatch.setitem(globals(), "PASSWORD", "secret-word-57")
    mail_server.accepts, hook_server.answers = False, 500
    lines = [one.line for one in tell(home, {"failed": [{"step": "s", "error": "e", "what_to_do": "w"}]})]
    assert mail_server.logins
    assert "535" in lines[0]
    assert "***" in lines[0]
    everything = "\n".join(lines) + home.alerts_sent.read_text(encoding="utf-8") + repr(read_settings(home))
    for secret in ("secret-word-57", TOKEN, "hooks/57"):
        assert secret not in everything


# ---------------------------------------------------------------- settings


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("email: {host: h}", "to is missing"),
        ("email: {host: h, from: a@b.vn, to: c@d.vn, security: ssl3}", "security is starttls, tls or none, not 'ssl3'"),
        ("email: {hots: h}", "email: known are from, host"),
        ("webhook: {url: 'file:///etc/passwd'}", "must begin with https:// or http://"),
        ("webhook: {url_env: KPI57_NOT_SET}", "environment variable KPI57_NOT_SET is not set"),
        ("tell: [everything]", "tell is a list of failed_run, overdue, closing, rejected_share"),
        ("mail: {}", "unknown mail; known are"),
        ("rejected_share: much", "could not convert"),
        ("- a", "unknown list"),
        ("a: [", "is not YAML"),
    ],
)
def test_wrong_settings_are_named_and_fail_no_run(home, said, words):
    home.warehouse.mkdir(parents=True)
    home.alerts.write_text(said, encoding="utf-8")
    with pytest.raises(AlertsError, match=r"alerts\.yml") as error:
        read_settings(home)
    assert words in str(error.value)
    assert tell(home, QUIET) == [(f"not sent: {error.value}", False)]


def test_a_long_list_is_cut_and_says_so(home, settle, mail_server):
    settle(tell=["failed_run"])
    tell(home, {"failed": [{"step": f"s{n}", "error": "e", "what_to_do": "w"} for n in range(50)]})
    [mail] = mail_server.mails
    assert mail["Subject"].endswith("(50)")
    assert mail.get_content().count("Cách xử lý") == 40
    assert "và 10 mục khác" in mail.get_content()
    shutil.rmtree(home.root)
    assert alerts.without("a b", ["b"]) == "a ***"
