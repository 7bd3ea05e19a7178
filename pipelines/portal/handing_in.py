"""From the staged file to the inbox: never acknowledged before it is on disk there, never sent twice, killed anywhere.

    placing   decided: the file is copied into the agency's folder under a name that no run takes ('.<token>.part')
    copied    the whole copy is on disk; one rename makes it a file that the next run takes
    placed    it has been renamed

Where a process was killed, the next start finishes: in 'placing' nothing was renamed, so the copy is made again; in
'copied' the copy is there and is renamed, or it is not, and then it was renamed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from django.db.transaction import atomic
from django.utils.timezone import now

from pipelines.files import fsync, make_folder
from pipelines.home import Home
from pipelines.portal import uploads
from pipelines.portal.models import Upload
from pipelines.portal.registry_now import registry_now

_MODE = 0o640  # the account of the runs reads it through the folder's ACL, which a stricter mode would cut


class ChangedError(RuntimeError):
    """The staged bytes are not those that were checked."""


def hand_in(home: Home, upload: Upload, note: Callable[[], None]) -> bool:
    """Copy a checked upload into the inbox. Returns whether this call did it: of two at once one does. note: called
    where it is decided, kept or lost with the decision. Raises ChangedError where the file was changed since it was
    checked; it cannot be handed in then."""
    with atomic():
        taken = Upload.objects.filter(token=upload.token, state__in=(Upload.CHECKED, Upload.UNCHECKED))
        if not taken.update(state=Upload.PLACING):
            return False
        note()
    upload.refresh_from_db()
    place(home, upload)
    return True


def place(home: Home, upload: Upload) -> None:
    """Go on from where an upload is, until it is placed."""
    folder = home.inbox / registry_now().folder_of(upload.commune_code) / upload.agency_code
    part = folder / f".{upload.token}.part"
    if upload.state == Upload.PLACING:
        make_folder(folder)
        if _copy(uploads.staged(home, upload), part) != upload.sha256:
            part.unlink()
            _turn(upload, Upload.DISCARDED)
            uploads.remove(home, upload.token)
            raise ChangedError(upload.token)
        fsync(folder)
        _turn(upload, Upload.COPIED)
    if upload.state == Upload.COPIED:
        if part.exists():
            part.rename(folder / upload.name)
            fsync(folder)
        upload.placed_at = now()
        _turn(upload, Upload.PLACED)
        uploads.remove(home, upload.token)


def finish(home: Home) -> int:
    """Finish what a process that was killed had begun. Returns how many files."""
    begun = list(Upload.objects.filter(state__in=(Upload.PLACING, Upload.COPIED)))
    for upload in begun:
        place(home, upload)
    return len(begun)


def is_in_inbox(home: Home, upload: Upload) -> bool:
    """Whether a file that was placed still waits for a run."""
    folder = home.inbox / registry_now().folder_of(upload.commune_code)
    return (folder / str(upload.agency_code) / str(upload.name)).exists()


def _copy(source: Path, part: Path) -> str:
    """Copy a file whole, on disk before this returns. Returns the sha256 of what was copied."""
    digest = hashlib.sha256()
    part.unlink(missing_ok=True)
    with source.open("rb") as handle, os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _MODE), "wb") as to:
        while block := handle.read(1 << 20):
            digest.update(block)
            to.write(block)
        to.flush()
        part.chmod(_MODE)  # whatever this process's umask is
        os.fsync(to.fileno())
    return digest.hexdigest()


def _turn(upload: Upload, state: str) -> None:
    upload.state = state
    upload.save(update_fields=["state", "placed_at"])
