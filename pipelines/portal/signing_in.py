"""Signing in and out, and the password: whoever has a first one changes it before anything else."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from django.contrib.auth import authenticate, login, logout, update_session_auth_hash
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.timezone import now

from pipelines.office.wording import say, wording
from pipelines.portal import audit, pages
from pipelines.portal.gate import page
from pipelines.portal.models import Account, AuditEntry
from pipelines.portal.rights import AGENCY, CITY, PUBLIC
from pipelines.portal.settings import WRONG_A_DAY

_LONGEST = 200  # letters of a password: hashing a longer one only takes time


@page(PUBLIC, "GET", "POST")
def sign_in(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return pages.render(request, "sign_in.html", username="", fault="")
    username = request.POST.get("username", "").strip().casefold()[:60]
    password = request.POST.get("password", "")[:_LONGEST]
    known = Account.objects.filter(username=username).first()
    if known is not None and _wrong_today(known) >= WRONG_A_DAY:
        return _refused(request, username, "locked", 429)
    account: Any = authenticate(request, username=username, password=password)
    if account is None:
        audit.note(request, "sign_in_refused", known)
        is_locked = getattr(request, "axes_locked_out", False)
        return _refused(request, username, "locked" if is_locked else "wrong", 429 if is_locked else 401)
    login(request, account)
    request.session["began"] = time.time()
    audit.note(request, "sign_in")
    return HttpResponseRedirect(reverse("home"))


def _wrong_today(account: Account) -> int:
    """Wrong passwords for a name in a day, from wherever: what a lock by address does not stop."""
    since = now() - timedelta(days=1)
    return int(AuditEntry.objects.filter(account=account, act="sign_in_refused", at__gt=since).count())


def _refused(request: HttpRequest, username: str, why: str, status: int) -> HttpResponse:
    fault = say(f"portal.sign_in.{why}")
    return pages.render(request, "sign_in.html", status, username=username, fault=fault)


@page("sign_out", "POST")
def sign_out(request: HttpRequest) -> HttpResponse:
    audit.note(request, "sign_out")
    logout(request)
    return HttpResponseRedirect(reverse("sign_in"))


@page("password", "GET", "POST")
def password(request: HttpRequest) -> HttpResponse:
    account: Any = request.user
    if request.method != "POST":
        return pages.render(request, "password.html", faults=[])
    present, new = (request.POST.get(name, "")[:_LONGEST] for name in ("present", "new"))
    faults = _faults(account, present, new, request.POST.get("again", "")[:_LONGEST])
    if faults:
        audit.note(request, "password_refused")
        return pages.render(request, "password.html", 422, faults=faults)
    account.set_password(new)
    account.must_change = False
    account.save()
    update_session_auth_hash(request, account)  # this session goes on, all others end
    audit.note(request, "password")
    return HttpResponseRedirect(reverse("home"))


def _faults(account: Any, present: str, new: str, again: str) -> list[str]:
    if not account.check_password(present):
        return [say("portal.password.present_is_wrong")]
    if new != again:
        return [say("portal.password.differs")]
    if new == present:
        return [say("portal.password.is_the_present_one")]
    try:
        validate_password(new, account)
    except ValidationError as error:
        return [wording("portal.password")[one.code] for one in error.error_list]
    return []


@page("home")
def home(request: HttpRequest) -> HttpResponse:
    """Where an account begins."""
    account: Any = request.user
    if account.role == AGENCY:
        return HttpResponseRedirect(reverse("agency", args=[account.commune_code, account.agency_code]))
    if account.role == CITY:
        return HttpResponseRedirect(reverse("city"))
    return HttpResponseRedirect(reverse("commune", args=[account.commune_code]))


@page(PUBLIC)
def style_sheet(request: HttpRequest) -> HttpResponse:
    response = HttpResponse(pages.style_sheet(), content_type="text/css; charset=utf-8")
    response.headers["Cache-Control"] = "public, max-age=86400"
    return response
