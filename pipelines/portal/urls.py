"""The addresses of the portal. What each is about stands in its parts; which act it is, at its view."""

from __future__ import annotations

from django.urls import path, register_converter

from pipelines.portal import agency_pages, approving, commune_pages, pages, signing_in
from pipelines.portal.gate import insist


class _Part:
    """A part of an address that has one form."""

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class _Commune(_Part):
    regex = r"\d{5}"


class _Agency(_Part):
    regex = r"[A-Z][A-Z0-9]{0,19}"


class _Period(_Part):
    regex = r"20\d\d(?:-(?:\d\d|Q[1-4]|H[12]|9M))?"


class _Token(_Part):
    regex = r"[0-9a-f]{32}"


class _Submission(_Part):
    regex = r"[0-9a-f]{12}-\d{1,6}"


for converter in (_Commune, _Agency, _Period, _Token, _Submission):
    register_converter(converter, converter.__name__.strip("_").lower())

urlpatterns = [
    path("", signing_in.home, name="home"),
    path("cong.css", signing_in.style_sheet, name="style_sheet"),
    path("dang-nhap", signing_in.sign_in, name="sign_in"),
    path("dang-xuat", signing_in.sign_out, name="sign_out"),
    path("mat-khau", signing_in.password, name="password"),
    path("thanh-pho", commune_pages.city, name="city"),
    path("<commune:commune>/", commune_pages.commune, name="commune"),
    path("thanh-pho/khoa", approving.lock, name="lock"),
    path("<commune:commune>/so-lieu/<period:period>", approving.figures, name="figures"),
    path("<commune:commune>/so-lieu/<period:period>/duyet", approving.approve, name="approve"),
    path("<commune:commune>/so-lieu/<period:period>/rut", approving.withdraw, name="withdraw"),
    path("<commune:commune>/<agency:agency>/", agency_pages.agency, name="agency"),
    path("<commune:commune>/<agency:agency>/bieu-mau/<period:period>.xlsx", agency_pages.form, name="form"),
    path("<commune:commune>/<agency:agency>/tai-len", agency_pages.upload, name="upload"),
    path("<commune:commune>/<agency:agency>/da-nop", agency_pages.sent, name="sent"),
    path("tep/<token:token>", agency_pages.uploaded, name="uploaded"),
    path("tep/<token:token>/nop", agency_pages.hand_in, name="hand_in"),
    path("tep/<token:token>/bo", agency_pages.discard, name="discard"),
    path("xac-nhan/<submission:submission>", agency_pages.confirm, name="confirm"),
    path("ket-qua/<submission:submission>.xlsx", agency_pages.answer, name="answer"),
]
insist(urlpatterns)
handler400 = pages.bad_request
handler404 = pages.not_found
handler500 = pages.error
