"""Accounts: made, given a new password and disabled by the operator alone ('kpi57 users')."""

from __future__ import annotations

import re
import secrets
from typing import Any

from pipelines.home import Home
from pipelines.portal.registry_now import registry_now
from pipelines.portal.rights import AGENCY, CITY, FOCAL, LEADER
from pipelines.portal.settings import configure
from pipelines.vietnamese import clean

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that is taken for another when it is read out
_USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{2,59}")


def add(home: Home, username: str, role: str, person: str, commune: str = "", agency: str = "") -> str:
    """Make an account. Returns its first password, which its owner must change. Raises ValueError."""
    configure(home)
    from pipelines.portal.models import Account

    if not _USERNAME.fullmatch(username):
        raise ValueError(
            f"'{username}' is no name for an account: 3 to 60 small letters without accents, digits, . _ -"
        )
    if not clean(person):
        raise ValueError("whose account it is: give the person's full name")
    _insist_on_reach(role, commune, agency)
    if Account.objects.filter(username=username).exists():
        raise ValueError(
            f"there is an account {username} already: 'kpi57 users reset {username}' gives it a new password"
        )
    account = Account(username=username, role=role, person=clean(person), commune_code=commune, agency_code=agency)
    return _with_new_password(account)


def reset(home: Home, username: str) -> str:
    """Give an account a new first password; it is enabled, and its sessions end. Raises LookupError."""
    account = _found(home, username)
    account.is_active = True
    return _with_new_password(account)


def disable(home: Home, username: str) -> None:
    """Let an account sign in no more; its sessions end. What it did stays. Raises LookupError."""
    account = _found(home, username)
    account.is_active = False
    account.save()


def listed(home: Home) -> list[Any]:
    configure(home)
    from pipelines.portal.models import Account

    return list(Account.objects.order_by("commune_code", "role", "username"))


def _found(home: Home, username: str) -> Any:
    configure(home)
    from pipelines.portal.models import Account

    found = Account.objects.filter(username=username).first()
    if found is None:
        raise LookupError(f"there is no account {username}: see 'kpi57 users list'")
    return found


def _with_new_password(account: Any) -> str:
    password = "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4))
    account.set_password(password)
    account.must_change = True
    account.save()
    return password


def _insist_on_reach(role: str, commune: str, agency: str) -> None:
    known = registry_now()
    needs = {AGENCY: (True, True), FOCAL: (True, True), LEADER: (True, False), CITY: (False, False)}[role]
    for option, given, needed in (("--commune", commune, needs[0]), ("--agency", agency, needs[1])):
        if bool(given) != needed:
            raise ValueError(f"an account of role {role} {'needs' if needed else 'has no'} {option}")
    if commune and commune not in known.commune_codes_with_plans:
        raise ValueError(f"commune '{commune}' has no plan: {', '.join(sorted(known.commune_codes_with_plans))}")
    if agency and agency not in known.agencies:
        raise ValueError(f"agency '{agency}' is none that is registered: {', '.join(sorted(known.agencies))}")
