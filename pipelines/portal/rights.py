"""Who may do what, where: the one place that says it. Every route names its act (gate.py)."""

from __future__ import annotations

from typing import Protocol

AGENCY, FOCAL, LEADER, CITY = "agency", "focal", "leader", "city"
ROLES = (AGENCY, FOCAL, LEADER, CITY)
_ALL = frozenset(ROLES)
_SENDERS = frozenset({AGENCY, FOCAL})

PUBLIC = "public"  # without an account: the sign-in and the style sheet
# By act: the roles that may, each within its reach.
ACTS = {
    "home": _ALL,
    "sign_out": _ALL,
    "password": _ALL,
    "agency": _ALL,  # what an agency owes and sent
    "form": _SENDERS,
    "upload": _SENDERS,
    "hand_in": _SENDERS,
    "confirm": _SENDERS,  # say that lines held are right
    "answer": frozenset({AGENCY, FOCAL, CITY}),  # what was found in a file, with its marked copy
    "commune": frozenset({FOCAL, LEADER, CITY}),
    "figures": frozenset({FOCAL, LEADER, CITY}),
    "approve": frozenset({LEADER}),
    "withdraw": frozenset({LEADER, CITY}),
    "city": frozenset({CITY}),
    "lock": frozenset({CITY}),
}


class Scoped(Protocol):
    """An account, as far as its rights depend on it."""

    role: str
    commune_code: str
    agency_code: str


def may(account: Scoped, act: str, commune: str | None = None, agency: str | None = None) -> bool:
    """Whether an account may do an act for a commune and an agency of it (None: the act is about none)."""
    return account.role in ACTS[act] and _reaches(account, commune, agency)


def _reaches(account: Scoped, commune: str | None, agency: str | None) -> bool:
    if account.role == CITY or commune is None:
        return True
    if commune != account.commune_code:
        return False
    return account.role != AGENCY or agency == account.agency_code
