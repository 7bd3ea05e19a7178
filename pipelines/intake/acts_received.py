"""Acts that the portal put into sources/acts: taken into the ledger by the run at its start, each once.

The portal has no right on the archive, so it acts by files: {"act_id", "event", "period_code", "commune_code", "by",
"account", ...}. One that cannot be entered is moved into refused/ beside it, with the reason, and harms no run.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from pipelines.files import make_folder, write_whole
from pipelines.home import Home
from pipelines.intake.acts import act_on_period, record_approval
from pipelines.intake.ledger import Ledger

APPROVALS = ("approved", "approval_withdrawn")
LOCKS = ("locked", "unlocked")
_BYTES = 64 * 1024
_ID, _SHA256 = re.compile(r"[0-9a-f]{32}"), re.compile(r"[0-9a-f]{64}|")
_log = logging.getLogger(__name__)


def waiting_acts(home: Home) -> list[Path]:
    """The acts that wait, oldest first."""
    found = [path for path in home.acts.glob("[0-9a-f]*.json") if path.is_file() and not path.is_symlink()]
    return sorted(found, key=lambda path: (path.stat().st_mtime_ns, path.name))


def take_acts(home: Home, ledger: Ledger, communes: Collection[str], periods: Collection[str]) -> int:
    """Enter the acts that wait, on disk before their files are removed. Returns how many were entered."""
    entered = {entry["act_id"] for entry in ledger.entries if "act_id" in entry}
    taken = 0
    for path in waiting_acts(home):
        try:
            act = _read(path, communes, periods)
            if act["act_id"] not in entered:
                _enter(ledger, act)
                entered.add(act["act_id"])
                taken += 1
        except ValueError as error:
            _refuse(path, str(error))
        path.unlink(missing_ok=True)
    return taken


def _enter(ledger: Ledger, act: dict[str, Any]) -> None:
    if act["event"] in LOCKS:
        act_on_period(ledger, act["event"], act["period_code"], act["reason"], act["by"], act["commune_code"] or None,
                      act_id=act["act_id"])  # fmt: skip
    else:
        record_approval(ledger, act)


def _read(path: Path, communes: Collection[str], periods: Collection[str]) -> dict[str, Any]:
    """An act as its file says it. Raises ValueError saying what does not fit."""
    if path.stat().st_size > _BYTES:
        raise ValueError("the file is too large for an act")
    act = json.loads(path.read_bytes())
    if not isinstance(act, dict) or not all(isinstance(act.get(name, ""), str) for name in _TEXTS):
        raise ValueError("it is no act")
    act = {**dict.fromkeys(_TEXTS, ""), "up_to_sequence": 0, "missing": [], **act}
    if not _ID.fullmatch(act["act_id"]) or act["act_id"] != path.stem:
        raise ValueError("its act_id is not its file's name")
    if act["event"] not in APPROVALS + LOCKS:
        raise ValueError(f"'{act['event']}' is no act")
    if act["period_code"] not in periods:
        raise ValueError(f"'{act['period_code']}' is no period")
    if act["commune_code"] not in communes and (act["commune_code"] or act["event"] in APPROVALS):
        raise ValueError(f"'{act['commune_code']}' is no commune of the city")
    if not act["by"] or (not act["reason"] and act["event"] != "approved"):
        raise ValueError("it does not say by whom or why")
    is_counted = isinstance(act["up_to_sequence"], int) and _SHA256.fullmatch(act["figures_sha256"])
    if not is_counted or not (isinstance(act["missing"], list) and all(isinstance(one, str) for one in act["missing"])):
        raise ValueError("what it approves is not said as it should be")
    return act


_TEXTS = ("act_id", "event", "period_code", "commune_code", "by", "account", "reason", "figures_sha256")


def _refuse(path: Path, why: str) -> None:
    """Keep an act that cannot be entered, with the reason beside it."""
    _log.warning("the act %s is refused: %s", path.name, why)
    refused = path.parent / "refused"
    make_folder(refused)
    path.replace(refused / path.name)
    write_whole(refused / f"{path.name}.txt", f"{why}\n")
