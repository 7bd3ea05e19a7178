"""Files that were sent up and not handed in yet: staged on disk, one folder each, thrown away after some days."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db.models import Sum
from django.utils.timezone import now

from pipelines.files import fsync, make_folder
from pipelines.home import Home
from pipelines.intake.names import name_in_inbox, shown
from pipelines.portal.models import Upload
from pipelines.portal.registry_now import registry_now
from pipelines.portal.settings import portal_home

AN_HOUR, STAGED_FILES, STAGED_BYTES, DAYS = 30, 50, 200 * 1024**2, 7
WAITING = (Upload.STAGED, Upload.CHECKED, Upload.UNCHECKED)  # on disk here, not on its way


def refusal(account: Any) -> str:
    """Why an account may not send up a file now, as a key of the wording; '' where it may."""
    mine = Upload.objects.filter(account=account)
    if mine.filter(made_at__gt=now() - timedelta(hours=1)).count() >= AN_HOUR:
        return "too_often"
    staged = mine.filter(state__in=WAITING)
    if staged.count() >= STAGED_FILES or (staged.aggregate(all=Sum("size"))["all"] or 0) >= STAGED_BYTES:
        return "too_many_staged"
    return ""


def stage(account: Any, commune: str, agency: str, sent_as: str, chunks: Iterable[bytes]) -> Upload:
    """Write a file that was sent up to disk, under the name it will have in the inbox. It is entered only when it is
    there."""
    token = secrets.token_hex(16)
    parts = list(chunks)
    name = name_in_inbox(sent_as, b"".join(parts)[:8])
    upload = Upload(token=token, account=account, commune_code=commune, agency_code=agency,
                    original_name=shown(sent_as), name=name)  # fmt: skip
    place = staged(portal_home(), upload)
    make_folder(place.parent)
    digest, size = hashlib.sha256(), 0
    with os.fdopen(os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o400), "wb") as handle:
        for part in parts:
            digest.update(part)
            size += len(part)
            handle.write(part)
        handle.flush()
        os.fsync(handle.fileno())
    fsync(place.parent)
    upload.sha256, upload.size = digest.hexdigest(), size
    upload.save(force_insert=True)
    return upload


def staged(home: Home, upload: Upload) -> Path:
    """Where an upload lies: in folders that name its commune and agency as those of the inbox do."""
    folder = _folder(home, upload.token) / registry_now().folder_of(upload.commune_code)
    return folder / str(upload.agency_code) / str(upload.name)


def discard(home: Home, upload: Upload) -> None:
    """Throw away what was not handed in."""
    if Upload.objects.filter(token=upload.token, state__in=WAITING).update(state=Upload.DISCARDED, answer=None):
        remove(home, upload.token)


def remove(home: Home, token: str) -> None:
    shutil.rmtree(_folder(home, token), ignore_errors=True)


def tidy(home: Home) -> None:
    """Throw away what nobody handed in for days, and folders that belong to nothing (a kill while one was written)."""
    old = now() - timedelta(days=DAYS)
    for upload in Upload.objects.filter(state__in=WAITING, made_at__lt=old):
        discard(home, upload)
    root = home.portal / "staged"
    kept = set(Upload.objects.filter(state__in=(*WAITING, Upload.PLACING)).values_list("token", flat=True))
    for folder in root.iterdir() if root.exists() else ():
        if folder.name not in kept and folder.stat().st_mtime < old.timestamp():
            remove(home, folder.name)


def _folder(home: Home, token: str) -> Path:
    return home.portal / "staged" / token
