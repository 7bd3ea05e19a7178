"""The answer to a letter, once a run has answered all its files: what came of each, their feedback with it."""

from __future__ import annotations

import email.policy
import json
import time
from collections.abc import Iterator
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from pipelines.agencies.feedback_kept import answers_to
from pipelines.files import Row, make_folder, write_whole
from pipelines.home import Home
from pipelines.intake.ledger import Ledger
from pipelines.mail.letter import MOST_FILES
from pipelines.mail.settings import Settings
from pipelines.mail.taking import ANSWERED, TAKEN, Record
from pipelines.office.wording import say
from pipelines.vietnamese import in_sentence
from pipelines.warehouse.database import reading
from pipelines.warehouse.rows import dicts

KEPT_DAYS = 60
_XLSX = ("application", "vnd.openxmlformats-officedocument.spreadsheetml.sheet")
_OUTCOMES = """
SELECT
    s.submission_id, t.label AS status_label, p.label AS period_label, s.rows_accepted + s.rows_unchanged AS accepted,
    s.rows_held AS held, s.rows_rejected AS rejected, s.is_illustrative
FROM core.fct_submission AS s
JOIN core.dim_status AS t ON t.answer = 'submission' AND t.status = s.status
LEFT JOIN core.dim_period AS p USING (period_code)
SEMI JOIN (SELECT unnest($ids::VARCHAR[]) AS submission_id) AS wanted USING (submission_id)
"""


def answer(home: Home, settings: Settings) -> Iterator[str]:
    """Answer the letters whose files have all been answered. Yields a line on each answer that could not be sent."""
    ledger = Ledger(home)
    received = {entry["name"]: entry["submission_id"] for entry in ledger.of("received")}
    told = {submission_id for entry in ledger.of("told") for submission_id, *_ in entry["told"]}
    for note in sorted((home.letters / TAKEN).glob("*.json")):
        record: Record = json.loads(note.read_text(encoding="utf-8"))
        ids = [received.get(file["name"]) for file in record["files"]]
        if not note.with_suffix(".eml").exists() or not told.issuperset(ids):
            continue
        if why := _send(home, settings, note.stem, _written(home, settings, record, [one for one in ids if one])):
            yield f"the answer to {record['sender']} could not be sent, it is tried again: {why}"
            continue
        make_folder(home.letters / ANSWERED)
        for path in (note.with_suffix(".eml"), note):  # the note last: while it is there the letter is not done
            path.rename(home.letters / ANSWERED / path.name)


def forget(home: Home) -> None:
    """Delete letters answered long ago: their files are in the archive."""
    before = time.time() - KEPT_DAYS * 86400
    for path in (home.letters / ANSWERED).glob("*"):
        if path.stat().st_ctime < before:
            path.unlink()


def _send(home: Home, settings: Settings, key: str, mail: EmailMessage) -> str | None:
    if settings.server:
        return settings.server.deliver(mail)
    make_folder(home.letters / "answers")
    write_whole(home.letters / "answers" / f"{key}.eml", mail.as_bytes(policy=email.policy.SMTP).decode("ascii"))
    return None


def _written(home: Home, settings: Settings, record: Record, ids: list[str]) -> EmailMessage:
    with reading(home) as con:
        outcomes = {row["submission_id"]: row for row in dicts(con, _OUTCOMES, {"ids": ids})}
    mail = EmailMessage(policy=email.policy.SMTP.clone(cte_type="7bit"))
    mail["From"], mail["To"] = settings.sender, record["sender"]
    mail["Subject"] = say("mail.subject", subject=record["subject"] or say("mail.no_subject"))
    mail["Date"], mail["Message-ID"] = formatdate(localtime=True), make_msgid(domain=settings.sender.split("@")[-1])
    mail["Auto-Submitted"] = "auto-replied"
    if record["message_id"]:
        mail["In-Reply-To"] = mail["References"] = record["message_id"]
    mail.set_content("\n\n".join(_lines(record, ids, outcomes)) + "\n")
    for submission_id in ids:
        for path in answers_to(home, submission_id):
            mail.add_attachment(path.read_bytes(), maintype=_XLSX[0], subtype=_XLSX[1], filename=path.name)
    return mail


def _lines(record: Record, ids: list[str], outcomes: dict[str, Row]) -> Iterator[str]:
    subject = record["subject"] or say("mail.no_subject")
    if any(row["is_illustrative"] for row in outcomes.values()):
        yield say("labels.illustrative")
    if record["problem"]:
        yield say(f"mail.refused.{record['problem']}", subject=subject, most=MOST_FILES)
    else:
        yield say("mail.opening", subject=subject, count=len(ids))
        yield "\n".join(_outcome(file["sent"], outcomes[one]) for file, one in zip(record["files"], ids, strict=True))
        yield say("mail.closing")
    if record["pictures"]:
        yield say("mail.pictures", names=", ".join(record["pictures"]))
    yield say("mail.automatic")


def _outcome(sent: str, row: Row) -> str:
    if not row["period_label"]:
        return say("mail.file_unread", name=sent, status=in_sentence(row["status_label"]))
    return say("mail.file", name=sent, status=in_sentence(row["status_label"]), period=in_sentence(row["period_label"]),
               accepted=row["accepted"], held=row["held"], rejected=row["rejected"])  # fmt: skip
