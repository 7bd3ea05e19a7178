"""Given this letter: what of it is in the inbox, and what its sender is answered once a run has been."""

import os
import socketserver
import time
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_alerts import MailHandler, running

from pipelines import flow
from pipelines.cli import main
from pipelines.intake.ledger import Ledger
from pipelines.mail import taking
from pipelines.mail.letter import MOST_FILES, read_letter
from pipelines.mail.settings import MailError, read_settings

CA, FOCAL = "ca-vinh-lai@xa.example.vn", "vinh-lai@xa.example.vn"
FIGURES = {"XHS-01": {"numerator": 60, "denominator": 100}}
SHEET = ("application", "vnd.openxmlformats-officedocument.spreadsheetml.sheet")


@pytest.fixture
def settle(home):
    """Write mail.yml, with what is given beside."""

    def write(**said):
        home.warehouse.mkdir(parents=True, exist_ok=True)
        senders = {CA: "11164/CA", FOCAL: "11164"}
        text = yaml.safe_dump({"from": "kpi57@tp.example.vn", "senders": senders} | said)
        home.mail_settings.write_text(text, encoding="utf-8")

    write()
    return write


@pytest.fixture
def post(home):
    """Put a letter where letters wait."""

    def put(*files, sender=CA, subject="Báo cáo tháng 10", name="thu", **headers):
        letter = EmailMessage()
        letter["From"], letter["Subject"], letter["Message-ID"] = sender, subject, f"<{name}@xa.example.vn>"
        for header, value in headers.items():
            letter[header.replace("_", "-")] = value
        letter.set_content("Gửi số liệu.")
        for sent, data in files:
            letter.add_attachment(data, maintype=SHEET[0], subtype=SHEET[1], filename=sent)
        return lay(home, letter.as_bytes(), name)

    return put


def lay(home, data, name="thu"):
    home.letters.mkdir(parents=True, exist_ok=True)
    path = home.letters / f"{name}.eml"
    path.write_bytes(data)
    return path


@pytest.fixture
def form(office, tmp_path):
    """A form filled by an agency of Vĩnh Lại, as bytes."""

    def fill(agency="CA", figures=FIGURES, period="2026-10"):
        return office.fill(tmp_path / "tệp.xlsx", "11164", agency, period, figures).read_bytes()

    return fill


@pytest.fixture
def smtp():
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), MailHandler) as server:
        server.mails, server.logins, server.accepts = [], [], True
        yield running(server)
        server.shutdown()


def by_smtp(server):
    return {"smtp": {"host": "127.0.0.1", "port": server.server_address[1], "security": "none"}}


def a_round(code=0):
    done = CliRunner().invoke(main, ["mail"])
    assert done.exit_code == code, done.output
    return done.output


def run(home):
    flow.run_steps(home)
    flow.write_feedback(home)


def in_inbox(home):
    found = [path for path in home.inbox.rglob("*") if path.is_file()]
    return sorted(path.parent.relative_to(home.inbox).as_posix() for path in found)


def answers(home):
    folder = home.letters / "answers"
    return [message_from_bytes(path.read_bytes(), policy=policy.default) for path in sorted(folder.glob("*.eml"))]


def said(mail):
    return mail.get_body().get_content()


def below(home, folder):
    return sorted(path.name for path in (home.letters / folder).glob("*.eml"))


def test_an_attachment_is_a_submission_of_its_sender_and_the_answer_brings_its_feedback(
    home, settle, post, form, ask, smtp
):
    settle(**by_smtp(smtp))
    post(("báo cáo.xlsx", form()), ("../../KT/ghi chú.txt", b"khong phai so lieu"))
    assert a_round() == ""
    assert in_inbox(home) == ["11164-vinh-lai/CA"] * 2
    a_round()
    assert smtp.mails == []  # no run has been
    run(home)
    assert ask("SELECT agency_code, status, rows_accepted FROM core.fct_submission WHERE period_code IS NOT NULL") == [
        ("CA", "accepted", 1)
    ]
    a_round()
    a_round()
    [mail] = smtp.mails
    assert (mail["To"], mail["In-Reply-To"], mail["Auto-Submitted"]) == (CA, "<thu@xa.example.vn>", "auto-replied")
    assert mail["Subject"] == "Trả lời: Báo cáo tháng 10"
    text = said(mail)
    assert (
        "đã xử lý 2 tệp" in text and "báo cáo.xlsx: " in text and "kỳ báo cáo tháng 10/2026; 1 dòng được nhận" in text
    )
    assert len([part for part in mail.iter_attachments() if part.get_filename().endswith(".xlsx")]) == 2
    assert below(home, "answered") != [] and below(home, "taken") == below(home, "") == []


def test_a_focal_officer_sends_for_the_commune_and_each_file_says_of_which_agency_it_is(home, settle, post, form, ask):
    post(("CA.xlsx", form()), ("VHXH.xlsx", form("VHXH", {})), sender=f"Đầu mối <{FOCAL.upper()}>")
    a_round()
    run(home)
    assert ask("SELECT agency_code FROM core.fct_submission ORDER BY 1") == [("CA",), ("VHXH",)]
    a_round()
    [mail] = answers(home)
    assert mail["To"] == FOCAL


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"sender": "ai-do@example.com"}, "no sender that mail.yml names"),
        ({"sender": f"{CA}, {FOCAL}"}, "no sender, or several"),
        ({"Auto_Submitted": "auto-replied"}, "the answer of a machine"),
        ({"Precedence": "bulk"}, "the answer of a machine"),
        ({}, "does not say"),
        ({"Authentication_Results": "mx.la.example; dmarc=pass"}, "does not say"),
        ({"Authentication_Results": "mx.tp.example.vn; spf=pass; dmarc=fail"}, "does not say"),
    ],
)
def test_who_may_not_be_who_it_says_is_refused_and_not_answered(home, settle, post, form, how, why):
    settle(authenticated_by="mx.tp.example.vn")
    post(("báo cáo.xlsx", form()), **how)
    assert why in a_round()
    run(home)
    a_round()
    assert (in_inbox(home), answers(home), below(home, "refused")) == ([], [], below(home, "refused"))
    [reason] = (home.letters / "refused").glob("*.txt")
    assert why in reason.read_text(encoding="utf-8")


def test_the_word_of_the_office_s_own_server_is_its_topmost(home, settle, post, form):
    settle(authenticated_by="mx.tp.example.vn")
    genuine = "mx.tp.example.vn; dkim=pass header.d=xa.example.vn; dmarc=pass"
    path = post(("báo cáo.xlsx", form()), name="that", Authentication_Results=genuine)
    forged = b"Authentication-Results: mx.tp.example.vn; dmarc=fail\r\n" + path.read_bytes()
    assert a_round() == ""
    assert in_inbox(home) == ["11164-vinh-lai/CA"]
    lay(home, forged, "gia")
    assert "does not say" in a_round()


def test_a_letter_without_files_or_with_too_many_is_answered_at_once(home, settle, post):
    post(name="a")
    post(*[(f"{n}.xlsx", b"PK") for n in range(MOST_FILES + 1)], name="b", subject="")
    run(home)
    a_round()
    assert in_inbox(home) == []
    texts = sorted(said(mail) for mail in answers(home))
    assert "không có tệp gửi kèm" in texts[0] and f"có quá {MOST_FILES} tệp gửi kèm" in texts[1]


def test_an_answer_that_could_not_be_sent_is_sent_by_a_later_round_and_once(home, settle, post, form, smtp):
    settle(smtp={"host": "127.0.0.1", "port": 1, "security": "none"})
    post(("báo cáo.xlsx", form()))
    a_round()
    run(home)
    assert "could not be sent, it is tried again" in a_round()
    settle(**by_smtp(smtp))
    a_round()
    a_round()
    assert len(smtp.mails) == 1


@pytest.mark.parametrize("step", ["write_whole", "swap_in", "_move"])
def test_a_round_killed_anywhere_puts_each_file_into_the_inbox_once(home, settle, post, form, monkeypatch, step):
    post(("một.xlsx", form()), ("hai.xlsx", form(figures={"XHS-01": {"numerator": 61, "denominator": 100}})))
    done = getattr(taking, step)
    for nth in (1, 2, 3):
        left = iter([*"x" * (nth - 1)])

        def dies(*words, left=left):
            if next(left, None) is None:
                raise KeyboardInterrupt
            return done(*words)

        with monkeypatch.context() as patch:
            patch.setattr(taking, step, dies)
            CliRunner().invoke(main, ["mail"])
        if nth == 2:
            run(home)
    a_round()
    run(home)
    assert len(Ledger(home).of("received")) == 2 and in_inbox(home) == []
    a_round()
    assert len(answers(home)) == 1


def test_the_same_letter_again_is_not_taken_twice(home, settle, post, form):
    path = post(("báo cáo.xlsx", form()))
    data = path.read_bytes()
    a_round()
    run(home)
    a_round()
    lay(home, data, "again")
    assert "the very same letter was answered before" in a_round()
    assert in_inbox(home) == [] and len(answers(home)) == 1


def test_a_letter_that_is_still_written_waits(home, settle, post, form, monkeypatch):
    monkeypatch.setattr("pipelines.intake.receive.QUIET_SECONDS", 60)
    path = post(("báo cáo.xlsx", form()))
    a_round()
    assert in_inbox(home) == []
    then = time.time() - 100
    os.utime(path, (then, then))
    a_round()
    assert in_inbox(home) == ["11164-vinh-lai/CA"]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=400), st.sampled_from([b"", b"From: a@b\n", b"From: a@b\nContent-Type: multipart/mixed; "]))
def test_no_letter_makes_the_reader_give_what_was_not_attached(tmp_path, data, head):
    path = tmp_path / "x.eml"
    path.write_bytes(head + data)
    try:
        letter = read_letter(path)
    except Exception:  # noqa: BLE001 - refused by its caller, whatever the parser raises
        return
    assert bool(letter.files) == (letter.problem == "") and len(letter.sender) < 1000
    assert all("\n" not in one.name for one in letter.files)


def test_letters_are_left_alone_where_the_city_says_so(home, settle, post, form):
    settle(accept=False)
    post(("báo cáo.xlsx", form()))
    assert "accept: false" in a_round()
    assert in_inbox(home) == [] and below(home, "") == ["thu.eml"]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"senders": {"a@b": "99999/CA"}}, "neither a commune and agency"),
        ({"senders": {"a@b": "11164/XYZ"}}, "neither a commune and agency"),
        ({"senders": ["a@b"]}, "mail.yml"),
        ({"imap": {"host": "x"}}, "user is missing"),
        ({"imap": {"host": "x", "user": "y", "security": "starttls"}}, "tls or none"),
        ({"smtp": {"hots": "x"}}, "known are"),
        ({"form": "x"}, "unknown form"),
    ],
)
def test_what_is_wrong_in_the_settings_is_named(home, settle, registry, wrong, words):
    settle(**wrong)
    with pytest.raises(MailError, match=words):
        read_settings(home, registry)


# ---------------------------------------------------------------- a mailbox


class BoxHandler(socketserver.StreamRequestHandler):
    """As much of IMAP as fetching needs."""

    def handle(self):
        self.wfile.write(b"* OK IMAP4rev1\r\n")
        while line := self.rfile.readline().decode().strip():
            tag, word, *rest = line.split(" ", 3)
            self.wfile.write(self._said(word.upper(), rest) + f"{tag} OK done\r\n".encode())
            if word.upper() == "LOGOUT":
                return

    def _said(self, word, rest):
        letters, seen = self.server.letters, self.server.seen
        if word == "CAPABILITY":
            return b"* CAPABILITY IMAP4rev1\r\n"
        if word == "SELECT":
            return f"* {len(letters)} EXISTS\r\n".encode()
        if word == "UID" and rest[0] == "SEARCH":
            return f"* SEARCH {' '.join(str(n) for n in range(1, len(letters) + 1) if n not in seen)}\r\n".encode()
        if word == "UID" and rest[0] == "FETCH":
            number = int(rest[1].split()[0])
            data = letters[number - 1]
            return f"* {number} FETCH (UID {number} BODY[]<0> {{{len(data)}}}\r\n".encode() + data + b")\r\n"
        if word == "UID" and rest[0] == "STORE":
            seen.add(int(rest[1].split()[0]))
        return b""


def test_a_mailbox_is_fetched_and_its_letters_marked_as_read(home, settle, post, form):
    path = post(("báo cáo.xlsx", form()))
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), BoxHandler) as server:
        server.letters, server.seen = [path.read_bytes()], set()
        path.unlink()
        running(server)
        settle(imap={"host": "127.0.0.1", "port": server.server_address[1], "security": "none", "user": "kpi57"})
        a_round()
        assert (in_inbox(home), server.seen) == (["11164-vinh-lai/CA"], {1})
        a_round()
        assert in_inbox(home) == ["11164-vinh-lai/CA"]
        server.shutdown()
    assert "the mailbox kpi57 at 127.0.0.1" in a_round(code=1)
