"""Who did what, from where: a row that the database lets nobody change, and a line for the journal.

Neither a password nor a file's or person's name is in the line: the number of the account, and the token.
"""

from __future__ import annotations

import logging
from typing import Any

from django.http import HttpRequest

from pipelines.portal import pages
from pipelines.portal.models import AuditEntry, Upload

_log = logging.getLogger("kpi57.portal")


def note(request: HttpRequest, act: str, account: Any = None, upload: Upload | None = None, token: str = "") -> None:
    """Note an act of the account signed in, or of the one given; of an upload its token and sha256."""
    who = account or (request.user if request.user.is_authenticated else None)
    where = (upload.commune_code, upload.agency_code) if upload else getattr(request, "where", (None, None))
    entry = AuditEntry.objects.create(
        account=who, role=who.role if who else "", address=pages.address(request), act=act,
        commune_code=where[0] or "", agency_code=where[1] or "",
        token=upload.token if upload else token, sha256=upload.sha256 if upload else "",
    )  # fmt: skip
    _log.info("%s account=%s address=%s place=%s/%s token=%s", act, who.pk if who else "-", entry.address,
              entry.commune_code, entry.agency_code, entry.token or "-")  # fmt: skip
