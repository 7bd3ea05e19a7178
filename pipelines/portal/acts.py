"""Acts of the portal on their way to the next run: each a file in sources/acts, which the run enters in the ledger.

The portal has no right on the archive. An act is kept in the portal's database first; a file that was not written when
the process was killed is written at the next start. A run that meets the same act twice enters it once.
"""

from __future__ import annotations

import json
import secrets
from typing import Any

from pipelines.files import make_folder, write_whole
from pipelines.home import Home
from pipelines.portal.models import Act


def enter(home: Home, account: Any, content: dict[str, Any]) -> str:
    """Keep an act and put it where the next run takes it. Returns its token."""
    token = secrets.token_hex(16)
    act = Act.objects.create(token=token, account=account, content={**content, "act_id": token})
    _place(home, act)
    return token


def finish(home: Home) -> int:
    """Write the files of acts that were kept and not written. Returns how many."""
    begun = list(Act.objects.filter(is_placed=False))
    for act in begun:
        _place(home, act)
    return len(begun)


def waiting(home: Home) -> list[dict[str, Any]]:
    """The acts that no run has taken yet, oldest first."""
    there = [path.stem for path in home.acts.glob("*.json")]
    return [act.content for act in Act.objects.filter(token__in=there).order_by("made_at")]


def _place(home: Home, act: Act) -> None:
    make_folder(home.acts)
    write_whole(home.acts / f"{act.token}.json", json.dumps(act.content, ensure_ascii=False, indent=1) + "\n")
    act.is_placed = True
    act.save(update_fields=["is_placed"])
