"""What the focal officer, the leader and the city see: who has sent, what is missing, late and held."""

from __future__ import annotations

from datetime import date
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse

from pipelines.files import Row
from pipelines.office.wording import joined, say
from pipelines.portal import acts, handing_in, pages, published
from pipelines.portal.gate import page
from pipelines.portal.models import Upload
from pipelines.portal.settings import portal_home
from pipelines.vietnamese import in_sentence


@page("commune")
def commune(request: HttpRequest, commune: str) -> HttpResponse:
    home = portal_home()
    periods, today = published.periods(home, commune), published.today(home)
    period = chosen(periods, request.GET.get("ky", ""), today)
    code = period["period_code"] if period else ""
    reports = [one for one in published.reports(home, commune) if one["period_code"] == code]
    held = [one for one in published.held_lines(home, commune) if one["period_code"] == code]
    missing = [one for one in reports if one["first_received_at"] is None]
    return pages.render(
        request, "commune.html", commune=commune, periods=periods, period=period, reports=reports, held=held,
        waiting=_waiting(commune),
        approval=published.approval(home, commune, code),
        reminder=_reminder(commune, period, missing) if period and missing else None,
    )  # fmt: skip


def chosen(periods: list[Row], asked: str, today: date) -> Row | None:
    """The period that was asked for; else the one due next, else the one due last."""
    for period in periods:
        if period["period_code"] == asked:
            return period
    coming = [period for period in periods if period["due_on"] >= today]
    return (coming or periods[:1])[-1] if periods else None


def _waiting(commune: str) -> set[str]:
    """The agencies whose file lies in the inbox and waits for a run."""
    placed = Upload.objects.filter(commune_code=commune, state=Upload.PLACED).order_by("-placed_at")[:500]
    return {one.agency_code for one in placed if handing_in.is_in_inbox(portal_home(), one)}


def _reminder(commune: str, period: Row, missing: list[Row]) -> dict[str, str]:
    """A text to copy or mail to those of whom nothing has come."""
    subject = say("portal.commune.reminder_subject", period=in_sentence(period["period_label"]))
    text = say("portal.commune.reminder", period=in_sentence(period["period_label"]),
               agencies=joined([one["agency_name"] for one in missing]), commune=pages.name_of(commune),
               due=pages.day(missing[0]["due_on"]))  # fmt: skip
    return {"text": text, "mail": f"mailto:?subject={quote(subject)}&body={quote(text)}"}


@page("city")
def city(request: HttpRequest) -> HttpResponse:
    home = portal_home()
    periods, today = published.periods(home), published.today(home)
    period = chosen(periods, request.GET.get("ky", ""), today)
    communes = published.communes(home, period["period_code"]) if period else []
    waiting = [act for act in acts.waiting(home) if act["event"] in ("locked", "unlocked")]
    return pages.render(request, "city.html", periods=periods, period=period, communes=communes, waiting=waiting)
