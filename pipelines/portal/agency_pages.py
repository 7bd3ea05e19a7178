"""What an agency does: see what it owes, take its form, send the filled file up, read what was found, hand it in, and
see what became of each."""

from __future__ import annotations

import tempfile
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse

from pipelines.agencies.confirmed_copy import Confirmation, confirmed_copy
from pipelines.agencies.feedback_kept import answer_of
from pipelines.agencies.form import template_name, write_template
from pipelines.agencies.reported import last_reported
from pipelines.files import Row
from pipelines.office.colours import FINDINGS
from pipelines.office.wording import say
from pipelines.portal import audit, handing_in, pages, published, server, uploads
from pipelines.portal.checker import mark
from pipelines.portal.gate import UPLOAD_BYTES, Where, page
from pipelines.portal.models import Upload
from pipelines.portal.registry_now import registry_mark, registry_now
from pipelines.portal.settings import BYTES_A_FILE, portal_home
from pipelines.vietnamese import clean
from pipelines.workers import run_limited

_WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_SECONDS = 3.0  # how long a page waits for a check before it says that the file is still being read
_EARLIER = 6  # reports shown that are given
_LONGEST = 300  # letters of a reason


@page("agency")
def agency(request: HttpRequest, commune: str, agency: str) -> HttpResponse:
    home = portal_home()
    today = published.today(home)
    reports = [_with_days(report, today) for report in published.reports(home, commune, agency)]
    given = [report for report in reports if report["is_given"]]
    mine = Upload.objects.filter(account=request.user, commune_code=commune, agency_code=agency)
    return pages.render(
        request, "agency.html", commune=commune, agency=agency, today=today,
        owed=[report for report in reversed(reports) if not report["is_given"]], given=given[:_EARLIER],
        held=_by_file(published.held_lines(home, commune, agency), agency),
        drafts=list(mine.filter(state__in=uploads.WAITING).order_by("-made_at")),
        megabytes=BYTES_A_FILE // 1024**2,
    )  # fmt: skip


def _by_file(held: list[Row], agency: str) -> list[Row]:
    """Lines held, each with what it is called in the form of its file, by the file they came in, and whether the agency
    that sent it is this one: who sent confirms."""
    named = [{**line, "name": _name_of(line)} for line in held]
    return [{**lines[0], "lines": lines, "is_own": lines[0]["sent_by"] == agency}
            for _, some in groupby(named, lambda line: line["submission_id"]) if (lines := list(some))]  # fmt: skip


def _name_of(line: Row) -> str:
    return f"{line['source_row']}-{line['source_sheet']}"


def _with_days(report: Row, today: date) -> Row:
    """A report with the days left to its due day, and whether figures of it were taken."""
    return {**report, "days_left": (report["due_on"] - today).days,
            "is_given": report["first_received_at"] is not None}  # fmt: skip


@page("form")
def form(request: HttpRequest, commune: str, agency: str, period: str) -> HttpResponse:
    known = registry_now()
    try:
        name = template_name(known, commune, agency, period)
        reported = last_reported(portal_home(), known, [(commune, agency)], period)[commune, agency]
        with tempfile.TemporaryDirectory(dir=portal_home().portal, prefix=".form-") as folder:
            place = write_template(known, commune, agency, period, Path(folder) / name, reported=reported,
                                   on=published.today(portal_home()),
                                   illustrative=published.state(portal_home())["is_illustrative"])  # fmt: skip
            data = place.read_bytes()
    except ValueError:  # no such period, or nothing owed in it
        return pages.not_found(request)
    audit.note(request, "form")
    return _attachment(data, name)


def _attachment(data: bytes, name: str) -> HttpResponse:
    response = HttpResponse(data, content_type=_WORKBOOK)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@page("upload", "POST", most_bytes=UPLOAD_BYTES, refusal=uploads.refusal)
def upload(request: HttpRequest, commune: str, agency: str) -> HttpResponse:
    sent = request.FILES.get("file")
    if sent is None or not sent.name:
        return pages.failed(request, 400, "no_file")
    if sent.size > BYTES_A_FILE:
        return pages.failed(request, 413)
    made = uploads.stage(request.user, commune, agency, sent.name, sent.chunks())
    audit.note(request, "upload", upload=made)
    server.checker.submit(made.token)
    server.checker.wait(made.token, _SECONDS)
    return _to(made)


def _to(upload: Upload) -> HttpResponse:
    response = HttpResponseRedirect(reverse("uploaded", args=[upload.token]))
    response.status_code = 303
    return response


# ---------------------------------------------------------------- one upload


def _own(account: Any, token: str) -> Where | None:
    """Where an upload of the account itself goes."""
    found = Upload.objects.filter(token=token, account=account).exclude(state=Upload.DISCARDED).first()
    return (found.commune_code, found.agency_code) if found else None


@page("upload", where=_own)
def uploaded(request: HttpRequest, token: str) -> HttpResponse:
    upload = Upload.objects.get(token=token)
    if upload.state == Upload.STAGED:
        server.checker.submit(token)
        return pages.render(request, "being_read.html", upload=upload)
    same = Upload.objects.filter(commune_code=upload.commune_code, agency_code=upload.agency_code, sha256=upload.sha256,
                                 state=Upload.PLACED).exclude(token=token).first()  # fmt: skip
    answer = upload.answer
    return pages.render(
        request, "uploaded.html", upload=upload, answer=answer, same=same, can=_can_be_handed_in(upload),
        period=_period(answer), is_locked=_is_locked(upload), figures=_figures(answer),
        is_checked_again="lai" in request.GET,
        counted={severity: sum(one["severity"] == severity for one in answer["findings"])
                 for severity in FINDINGS} if answer else {},
    )  # fmt: skip


def _can_be_handed_in(upload: Upload) -> bool:
    """A file of which a run would take nothing is only read again by somebody else; it is corrected here."""
    if upload.state == Upload.UNCHECKED:
        return True
    lines = upload.answer["lines"] if upload.state == Upload.CHECKED and upload.answer else {}
    return bool(lines and lines["accepted"] + lines["held"])


def _period(answer: Row | None) -> str:
    """The name of the period the file was found to be of."""
    periods = registry_now().periods
    code = answer["period"] if answer else None
    return periods[code].label if code in periods else ""


def _is_locked(upload: Upload) -> bool:
    code = upload.answer["period"] if upload.answer else None
    reports = published.reports(portal_home(), upload.commune_code, upload.agency_code)
    return any(report["is_locked"] for report in reports if report["period_code"] == code)


def _figures(answer: Row | None) -> list[Row]:
    """What was understood of each indicator, with its name."""
    known = registry_now().indicators
    return [{**fact, **known.get(fact["code"], {})} for fact in answer["facts"]] if answer else []


@page("hand_in", "POST", where=_own)
def hand_in(request: HttpRequest, token: str) -> HttpResponse:
    upload, home = Upload.objects.get(token=token), portal_home()
    if upload.state == Upload.STAGED:  # not checked yet: its page says so
        return _to(upload)
    if upload.state not in (Upload.CHECKED, Upload.UNCHECKED):
        return pages.failed(request, 409, "handed_in_already")
    if upload.known != mark(published.mark(home), registry_mark()):  # figures, rules or a lock came since
        Upload.objects.filter(token=token, state__in=uploads.WAITING).update(state=Upload.STAGED)
        server.checker.submit(token)
        server.checker.wait(token, _SECONDS)
        before, upload = upload.answer, Upload.objects.get(token=token)
        if upload.answer != before or upload.state == Upload.STAGED:
            response = HttpResponseRedirect(f"{reverse('uploaded', args=[token])}?lai=1")
            response.status_code = 303
            return response
    if not _can_be_handed_in(upload):
        return pages.failed(request, 409, "nothing_to_take")
    try:
        if not handing_in.hand_in(home, upload, lambda: audit.note(request, "hand_in", upload=upload)):
            return pages.failed(request, 409, "handed_in_already")
    except handing_in.ChangedError:
        return pages.failed(request, 409, "changed")
    return _to(upload)


@page("hand_in", "POST", where=_own)
def discard(request: HttpRequest, token: str) -> HttpResponse:
    upload = Upload.objects.get(token=token)
    uploads.discard(portal_home(), upload)
    audit.note(request, "discard", upload=upload)
    return HttpResponseRedirect(reverse("agency", args=[upload.commune_code, upload.agency_code]))


# ---------------------------------------------------------------- what was sent


@page("agency")
def sent(request: HttpRequest, commune: str, agency: str) -> HttpResponse:
    home = portal_home()
    taken = published.submissions(home, commune, agency)
    known = {(one["original_name"], one["sha256"]) for one in taken}
    placed = Upload.objects.filter(commune_code=commune, agency_code=agency, state=Upload.PLACED)
    pending = [one for one in placed.select_related("account").order_by("-placed_at")[:200]
               if (one.name, one.sha256) not in known]  # fmt: skip
    by = {(one.name, one.sha256): one for one in placed.select_related("account")}
    return pages.render(
        request, "sent.html", commune=commune, agency=agency,
        pending=[(one, handing_in.is_in_inbox(home, one)) for one in pending],
        taken=[{**one, "upload": by.get((one["original_name"], one["sha256"]))} for one in taken],
    )  # fmt: skip


def _of_submission(account: Any, submission: str) -> Where | None:
    found = published.submission(portal_home(), submission)
    return (found["commune_code"], found["agency_code"]) if found and found["agency_code"] else None


@page("answer", where=_of_submission)
def answer(request: HttpRequest, submission: str) -> HttpResponseBase:
    commune, agency = request.where
    place = answer_of(portal_home(), commune, agency, submission)
    if place is None:
        return pages.failed(request, 404, "no_answer_yet")
    audit.note(request, "answer", token=submission)
    name = f"{say('portal.answer_name')}-{submission}.xlsx"
    return FileResponse(place.open("rb"), content_type=_WORKBOOK, as_attachment=True, filename=name)


# ---------------------------------------------------------------- what is asked back


@page("confirm", "POST", where=_of_submission, refusal=uploads.refusal)
def confirm(request: HttpRequest, submission: str) -> HttpResponse:
    """Make the answer to a file, with the lines that are ticked confirmed in it, a file to hand in."""
    home, (commune, agency) = portal_home(), request.where
    waiting = {_name_of(line): line for line in published.held_lines(home, commune, agency)
               if line["submission_id"] == submission}  # fmt: skip
    reasons = {name: clean(request.POST.get(f"reason-{name}", ""))[:_LONGEST] for name in request.POST.getlist("line")}
    if not reasons:
        return pages.failed(request, 422, "tick_a_line")
    if not all(reasons.values()):
        return pages.failed(request, 422, "say_why_it_is_right")
    answer = answer_of(home, commune, agency, submission)
    if answer is None or not reasons.keys() <= waiting.keys():  # another file came since, or took its place
        return pages.failed(request, 409, "not_held")
    lines = [(waiting[name]["source_sheet"], waiting[name]["source_row"], why) for name, why in reasons.items()]
    [(_, made)] = run_limited(confirmed_copy, [Confirmation(answer, tuple(lines))])
    if isinstance(made, Exception):
        raise made
    upload = uploads.stage(request.user, commune, agency, f"{say('portal.confirmed_name')}-{submission}.xlsx", [made])
    audit.note(request, "confirm", upload=upload)
    server.checker.submit(upload.token)
    server.checker.wait(upload.token, _SECONDS)
    return _to(upload)
