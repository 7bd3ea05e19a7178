"""Approving a commune's figures of a period, withdrawing that, and locking: acts that the next run enters.

Approving locks nothing. It speaks of the figures the page showed, by their digest: a page that is meanwhile stale
approves nothing. An act that waits is shown as such, and is in force from the next run on.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from pipelines.files import Row
from pipelines.office.wording import say
from pipelines.portal import acts, audit, pages, published
from pipelines.portal.gate import page
from pipelines.portal.registry_now import registry_now
from pipelines.portal.settings import portal_home
from pipelines.vietnamese import clean

_LONGEST = 500  # letters of a reason


@page("figures")
def figures(request: HttpRequest, commune: str, period: str) -> HttpResponse:
    return _figures(request, commune, period)


def _figures(request: HttpRequest, commune: str, period: str, fault: str = "") -> HttpResponse:
    home = portal_home()
    if period not in registry_now().periods:
        return pages.not_found(request)
    waiting = [act for act in acts.waiting(home) if (act["commune_code"], act["period_code"]) == (commune, period)]
    return pages.render(
        request, "figures.html", 409 if fault else 200, commune=commune, period=period, fault=fault,
        label=registry_now().period_of(commune, period).label, approval=published.approval(home, commune, period),
        figures=published.figures(home, commune, period), missing=_missing(commune, period),
        waiting=[act for act in waiting if act["event"] in ("approved", "approval_withdrawn")],
    )  # fmt: skip


def _missing(commune: str, period: str) -> list[Row]:
    """The reports of the period of which nothing has come."""
    reports = published.reports(portal_home(), commune)
    return [one for one in reports if one["period_code"] == period and one["first_received_at"] is None]


@page("approve", "POST")
def approve(request: HttpRequest, commune: str, period: str) -> HttpResponse:
    found = published.approval(portal_home(), commune, period)
    if not found["figures"] or found["figures_sha256"] != request.POST.get("figures_sha256"):
        return _figures(request, commune, period, say("portal.figures.is_stale"))
    missing = [one["agency_code"] for one in _missing(commune, period)]
    if missing and request.POST.get("missing") != ",".join(missing):
        return _figures(request, commune, period, say("portal.figures.say_missing"))
    _enter(request, "approved", commune, period, figures_sha256=found["figures_sha256"],
           up_to_sequence=found["up_to_sequence"], missing=missing)  # fmt: skip
    return _back(reverse("figures", args=[commune, period]))


@page("withdraw", "POST")
def withdraw(request: HttpRequest, commune: str, period: str) -> HttpResponse:
    reason = _reason(request)
    found = published.approval(portal_home(), commune, period)
    if found["approval_status"] not in ("approved", "changed"):
        return _figures(request, commune, period, say("portal.figures.not_approved_yet"))
    if not reason:
        return _figures(request, commune, period, say("portal.figures.say_why"))
    _enter(request, "approval_withdrawn", commune, period, reason=reason,
           figures_sha256=found["figures_sha256"] or "", up_to_sequence=found["up_to_sequence"])  # fmt: skip
    return _back(reverse("figures", args=[commune, period]))


@page("lock", "POST")
def lock(request: HttpRequest) -> HttpResponse:
    """Lock or unlock a period, for the city or one commune of it."""
    period, commune = request.POST.get("period", ""), request.POST.get("commune", "")
    event, reason = request.POST.get("event", ""), _reason(request)
    known = registry_now()
    if event not in ("locked", "unlocked") or period not in known.periods or commune not in {"", *known.city_communes}:
        return pages.not_found(request)
    if not reason:
        return pages.failed(request, 422, "say_why")
    _enter(request, event, commune, period, reason=reason)
    return _back(f"{reverse('city')}?ky={period}")


def _enter(request: HttpRequest, event: str, commune: str, period: str, **more: Any) -> None:
    account: Any = request.user
    token = acts.enter(portal_home(), account, {
        "event": event, "period_code": period, "commune_code": commune, "by": account.person,
        "account": account.username, "reason": "", **more,
    })  # fmt: skip
    audit.note(request, event, token=token)


def _reason(request: HttpRequest) -> str:
    return clean(request.POST.get("reason", ""))[:_LONGEST]


def _back(address: str) -> HttpResponse:
    response = HttpResponseRedirect(address)
    response.status_code = 303
    return response
