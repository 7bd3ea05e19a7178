"""What stands before every page: headers, the session, and whether this account may do this act here.

A route that names no act keeps the server from starting. What is unknown and what is forbidden look alike: 404. It is
all decided before a byte of the body is looked at.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import URLPattern, resolve, reverse
from django.urls.exceptions import Resolver404

from pipelines.portal import pages
from pipelines.portal.rights import ACTS, PUBLIC, may
from pipelines.portal.settings import BYTES_A_FILE, SESSION_SECONDS, portal_home

View = Callable[..., HttpResponse]
Where = tuple[str | None, str | None]  # commune and agency
_FORM_BYTES = 64 * 1024
UPLOAD_BYTES = BYTES_A_FILE + _FORM_BYTES
_BYTES_FREE = 1024**3
_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True)
class Rule:
    """What a route asks for: an act, what may be sent, and how the place it is about is found from its parts (None
    where there is no such place for this account)."""

    act: str
    methods: tuple[str, ...]
    most_bytes: int
    where: Callable[..., Where | None]
    refusal: Callable[[Any], str] | None


def _named(account: Any, commune: str | None = None, agency: str | None = None, **_: str) -> Where:
    return commune, agency


def page(
    act: str, *methods: str, most_bytes: int = _FORM_BYTES, where: Callable[..., Where | None] = _named,
    refusal: Callable[[Any], str] | None = None,
) -> Callable[[View], View]:  # fmt: skip
    """Say of a view which act it is. refusal: why an account may not send anything now, as a key of the wording."""
    if act != PUBLIC and act not in ACTS:
        raise ValueError(f"'{act}' is no act: see rights.py")

    def name(view: View) -> View:
        view.rule = Rule(act, methods or ("GET",), most_bytes, where, refusal)  # type: ignore[attr-defined]
        return view

    return name


def insist(routes: Iterable[URLPattern]) -> None:
    """Raises RuntimeError naming the routes that name no act."""
    silent = [str(route.pattern) for route in routes if not isinstance(getattr(route.callback, "rule", None), Rule)]
    if silent:
        raise RuntimeError(f"these routes name no act (gate.page): {', '.join(silent)}")


class Headers:
    """What every answer carries, errors too, beside what Django's own middleware adds."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", _POLICY)
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        return response


class Gate:
    """Lets a request through to its view, with request.where set, or answers it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return _stopped(request) or self.get_response(request)


def _stopped(request: HttpRequest) -> HttpResponse | None:
    try:
        match = resolve(request.path_info)
    except Resolver404:
        return pages.not_found(request)
    rule: Rule = match.func.rule
    if request.method not in rule.methods and not (request.method == "HEAD" and "GET" in rule.methods):
        return pages.failed(request, 405)
    if int(request.META.get("CONTENT_LENGTH") or 0) > (rule.most_bytes if request.method == "POST" else 0):
        return pages.failed(request, 413)
    if rule.act == PUBLIC:
        return None
    account: Any = request.user
    if not account.is_authenticated or _is_over(request):
        logout(request)
        return HttpResponseRedirect(reverse("sign_in"))
    if account.must_change and rule.act not in ("password", "sign_out"):
        return HttpResponseRedirect(reverse("password"))
    where = rule.where(account, **match.kwargs)
    if where is None or not may(account, rule.act, *where) or not pages.is_known(*where):
        return pages.not_found(request)
    if request.method == "POST" and (stopped := _full(request, rule, account)):
        return stopped
    request.where = where
    return None


def _is_over(request: HttpRequest) -> bool:
    """Whether the session began too long ago."""
    return time.time() - float(request.session.get("began", 0)) > SESSION_SECONDS


def _full(request: HttpRequest, rule: Rule, account: Any) -> HttpResponse | None:
    """An upload that cannot be taken now."""
    if rule.refusal is None:
        return None
    if shutil.disk_usage(portal_home().portal).free < _BYTES_FREE:
        return pages.failed(request, 503, "no_room")
    why = rule.refusal(account)
    return pages.failed(request, 429, why) if why else None
