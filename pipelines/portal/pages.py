"""How a page is made: a template, the wording, and the answers that are no page of their own (not found, too large).

No answer names a path, a file of the program or a fault of it.
"""

from __future__ import annotations

from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.urls import NoReverseMatch, Resolver404, resolve, reverse
from django.utils.timezone import localtime
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipelines.agencies.findings import LONGEST, clipped
from pipelines.made_with import digest_of_files
from pipelines.office.colours import FINDINGS, as_css
from pipelines.office.wording import say, wording
from pipelines.portal import published
from pipelines.portal.registry_now import registry_now
from pipelines.portal.rights import AGENCY, CITY, FOCAL, LEADER, may
from pipelines.portal.settings import portal_home
from pipelines.vietnamese import format_number

HERE = Path(__file__).parent


def render(request: HttpRequest, template: str, status: int = 200, **shown: Any) -> HttpResponse:
    """A page. Every template knows the account, whether the figures are made up, and the token of forms."""
    account: Any = getattr(request, "user", None)
    now = published.state(portal_home())
    shown |= {"account": account if account is not None and account.is_authenticated else None, "may": may,
              "csrf_token": get_token(request), "now": now, "here": _route(request)}  # fmt: skip
    return HttpResponse(_environment().get_template(template).render(**shown), status=status)


def failed(request: HttpRequest, status: int, why: str = "") -> HttpResponse:
    """A page that says why not, and what to do. why: the key of the wording; by default that of the status."""
    told = wording("portal.failed")[why or f"status_{status}"]
    return render(request, "failed.html", status, told=told)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return failed(request, 404)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Also where the host is none of ours: nothing of the request is trusted."""
    return HttpResponse(say("portal.failed.status_400"), status=400, content_type="text/plain; charset=utf-8")


def error(request: HttpRequest) -> HttpResponse:
    return HttpResponse(say("portal.failed.status_500"), status=500, content_type="text/plain; charset=utf-8")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return failed(request, 403)


def is_known(commune: str | None, agency: str | None) -> bool:
    """Whether a commune has a plan and an agency is registered."""
    known = registry_now()
    return commune in {None, *known.commune_codes_with_plans} and agency in {None, *known.agencies}


def address(request: HttpRequest) -> str:
    return str(request.META.get("REMOTE_ADDR", ""))[:45]


def day(value: date) -> str:
    return f"{value:%d/%m/%Y}"


def moment(value: datetime) -> str:
    """A moment in Vietnam's time: the database's are aware, the warehouse's are Vietnam's already."""
    value = localtime(value) if value.tzinfo else value
    return say("portal.moment", time=f"{value:%H:%M}", day=day(value))


def kilobytes(size: int) -> str:
    return say("portal.kilobytes", count=f"{max(1, round(size / 1024)):,}".replace(",", "."))


def number(value: float | None) -> str:
    return "" if value is None else format_number(value, 2)


def submitted_by(upload: Any) -> str:
    """Who handed a file in: named as standing in where the account is another agency's."""
    if upload is None:
        return say("portal.sent.by_folder")
    is_own = upload.account.agency_code == upload.agency_code
    return str(upload.account.person) if is_own else say("portal.sent.on_behalf", person=upload.account.person)


def menu(account: Any) -> list[tuple[str, list[str]]]:
    """The pages of an account: route and its parts."""
    own = [account.commune_code, account.agency_code]
    routes: dict[str, list[tuple[str, list[str]]]] = {
        AGENCY: [("agency", own), ("sent", own)],
        FOCAL: [("commune", own[:1]), ("agency", own), ("sent", own)],
        LEADER: [("commune", own[:1])],
        CITY: [("city", [])],
    }
    return [*routes[account.role], ("password", [])]


def _clipped(text: str | None, what: str) -> str:
    return clipped(text, LONGEST[what])


@cache
def style_sheet() -> str:
    return as_css() + (HERE / "assets" / "portal.css").read_text(encoding="utf-8")


@cache
def style_mark() -> str:
    """What a browser that keeps the style sheet knows a new one by."""
    return digest_of_files([HERE / "assets" / "portal.css"])[:8]


@cache
def _environment() -> Environment:
    env = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined,
                      trim_blocks=True, lstrip_blocks=True)  # fmt: skip
    env.filters |= {one.__name__: one for one in (day, moment, kilobytes, number)}
    env.globals |= {"say": say, "wording": wording, "url": reverse, "severity_of": FINDINGS, "names": name_of,
                    "style_mark": style_mark(), "menu": menu, "submitted_by": submitted_by,
                    "clipped": _clipped}  # fmt: skip
    return env


def name_of(commune: str, agency: str = "") -> str:
    """The name of a commune, or of an agency."""
    known = registry_now()
    if agency:
        return str(known.agencies[agency]["agency_name"] if agency in known.agencies else agency)
    return str(known.communes[commune]["commune_name"] if commune in known.communes else commune)


def _route(request: HttpRequest) -> str:
    try:
        return resolve(request.path_info).url_name or ""
    except (Resolver404, NoReverseMatch):
        return ""
