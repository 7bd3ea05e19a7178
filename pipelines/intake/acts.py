"""Acts people enter in the ledger: locks and unlocks of periods, approvals of figures, files set aside and taken back,
bundles made, handed over and removed.

Taking files is in receive.py."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from pipelines.intake.ledger import VIETNAM, Ledger
from pipelines.vietnamese import clean


def act_on_period(
    ledger: Ledger, event: str, period_code: str, reason: str, by: str, commune_code: str | None = None, *,
    act_id: str = "",
) -> None:  # fmt: skip
    """Enter a lock or an unlock ('locked', 'unlocked') of a period, for the city (None) or one commune.

    An act for the city applies to each of its communes until something is done for that commune, and the other way
    round: the last act counts. Raises ValueError if it changes nothing.
    """
    acts = [e for e in ledger.entries if e["event"] in ("locked", "unlocked") and e["period_code"] == period_code]
    touched = {commune_code} if commune_code else {None, *(e.get("commune_code") for e in acts)}
    locked = [_is_locked(acts, commune) for commune in touched]
    if all(locked) if event == "locked" else not any(locked):
        raise ValueError(f"period {period_code} is {'locked already' if event == 'locked' else 'not locked'}")
    at = max(datetime.now(VIETNAM), ledger.last_at + timedelta(microseconds=1))
    ledger.append(
        [{"event": event, "period_code": period_code, "commune_code": commune_code, "reason": clean(reason),
          "by": clean(by), "at": at.isoformat(timespec="microseconds"), **({"act_id": act_id} if act_id else {})}]
    )  # fmt: skip


def _is_locked(acts: Iterable[dict[str, Any]], commune_code: str | None) -> bool:
    """Whether a period is locked for a commune, or for the communes of which nothing is said by name (None)."""
    last = [act["event"] for act in acts if act.get("commune_code") in (None, commune_code)][-1:]
    return last == ["locked"]


def period_events(ledger: Ledger) -> list[dict[str, Any]]:
    """Locks and unlocks of the ledger as rows of raw.period_event."""
    return [
        {"ledger_sequence": e["sequence"], "period_code": e["period_code"], "commune_code": e.get("commune_code"),
         "event": e["event"], "acted_at": e["at"][:26], "acted_by": e["by"], "reason": e["reason"],
         "place": e.get("place")}
        for e in ledger.entries
        if e["event"] in ("locked", "unlocked")
    ]  # fmt: skip


def record_approval(ledger: Ledger, act: dict[str, Any]) -> None:
    """Enter that a commune's figures of a period were approved, or that the approval was withdrawn ('approved',
    'approval_withdrawn'): by whom, of which figures, which agencies were missing. known_at: up to when the figures that
    were approved were known. Raises ValueError for a withdrawal of what is not approved."""
    place = act["commune_code"], act["period_code"]
    last = [e["event"] for e in approvals_in(ledger) if (e["commune_code"], e["period_code"]) == place][-1:]
    if act["event"] == "approval_withdrawn" and last != ["approved"]:
        raise ValueError(f"period {act['period_code']} of commune {act['commune_code']} is not approved")
    names = ("event", "act_id", "period_code", "commune_code", "account", "figures_sha256", "up_to_sequence", "missing")
    known_at = ledger.before(act["up_to_sequence"] + 1).last_at
    ledger.append([{**{name: act[name] for name in names}, "by": clean(act["by"]), "reason": clean(act["reason"]),
                    "known_at": known_at.isoformat(timespec="microseconds"),
                    "at": ledger.next_at.isoformat(timespec="microseconds")}])  # fmt: skip


def approvals_in(ledger: Ledger) -> list[dict[str, Any]]:
    """The entries of approvals and of their withdrawals, in order."""
    return [entry for entry in ledger.entries if entry["event"] in ("approved", "approval_withdrawn")]


def approval_events(ledger: Ledger) -> list[dict[str, Any]]:
    """Approvals and withdrawals as rows of raw.approval_event."""
    return [
        {"ledger_sequence": e["sequence"], "period_code": e["period_code"], "commune_code": e["commune_code"],
         "event": e["event"], "acted_at": e["at"][:26], "acted_by": e["by"], "account": e["account"],
         "reason": e["reason"], "figures_sha256": e["figures_sha256"], "known_at": e["known_at"][:26],
         "missing": ", ".join(e["missing"]), "act_id": e["act_id"]}
        for e in approvals_in(ledger)
    ]  # fmt: skip


def set_aside(ledger: Ledger, submission_id: str, reason: str, by: str, *, check: str = "") -> None:
    """Enter that a file does not count from now on. check: the check that it fails, where no person decided it.

    Raises LookupError for a file that was not received, ValueError for one that is set aside already.
    """
    _known(ledger, submission_id)
    if submission_id in {row["submission_id"] for row in files_set_aside(ledger)}:
        raise ValueError(f"{submission_id} is set aside already")
    what = {"submission_id": submission_id, "reason": clean(reason), "by": clean(by), **_done_now()}
    ledger.append([{"event": "set_aside", **what, **({"check": check} if check else {})}])


def take_back(ledger: Ledger, submission_id: str, reason: str, by: str) -> None:
    """Enter that a file that was set aside counts again. Raises LookupError, ValueError as set_aside does."""
    _known(ledger, submission_id)
    if submission_id not in {row["submission_id"] for row in files_set_aside(ledger)}:
        raise ValueError(f"{submission_id} is not set aside")
    what = {"submission_id": submission_id, "reason": clean(reason), "by": clean(by), **_done_now()}
    ledger.append([{"event": "taken_back", **what}])


def undo_day(ledger: Ledger, day: date, reason: str, by: str) -> None:
    """Enter that a day was set by mistake. Raises ValueError where no run was of that day or it is undone already."""
    counting = {*ledger.days, *(at.date() for at in ledger.received_at)}
    if day not in counting:
        raise ValueError(f"{day} is undone already" if (None, day) in ledger.undone else f"no run came to {day}")
    what = {"day": day.isoformat(), "reason": clean(reason), "by": clean(by), **_done_now()}
    ledger.append([{"event": "day_undone", **what}])


def _known(ledger: Ledger, submission_id: str) -> None:
    if submission_id not in {entry["submission_id"] for entry in ledger.of("received")}:
        raise LookupError(f"no file {submission_id} was received; see submission_id in core.fct_submission")


def files_set_aside(ledger: Ledger) -> list[dict[str, Any]]:
    """The files that do not count now, as rows of raw.set_aside: the last act counts."""
    rows: dict[str, dict[str, Any]] = {}
    for e in ledger.entries:
        if e["event"] == "set_aside":
            rows[e["submission_id"]] = {
                "submission_id": e["submission_id"], "ledger_sequence": e["sequence"], "reason": e["reason"],
                "acted_by": e["by"], "acted_at": e["done_at"][:26], "check_code": e.get("check"),
            }  # fmt: skip
        elif e["event"] == "taken_back":
            rows.pop(e["submission_id"], None)
    return list(rows.values())


def record_made(ledger: Ledger, bundles: Iterable[dict[str, Any]]) -> int:
    """Enter the bundles (export.about) that are not entered yet as made, or were removed since. Returns how many."""
    there = _there(ledger)
    new = [bundle for bundle in bundles if bundle["bundle_id"] not in there]
    ledger.append({"event": "bundle_made", **bundle, **_done_now()} for bundle in new)
    return len(new)


def record_sent(ledger: Ledger, bundle: dict[str, Any], to: str, by: str) -> None:
    """Enter that a bundle (export.about) was handed over: to whom, by whom."""
    ledger.append([{"event": "bundle_sent", **bundle, "to": clean(to), "by": clean(by), **_done_now()}])


def record_removed(ledger: Ledger, bundles: Iterable[dict[str, Any]]) -> None:
    """Enter that the files of bundles (entries of their making) were removed, but for their manifests."""
    names = ("bundle_id", "period_code", "scope", "manifest_sha256")
    ledger.append(
        {"event": "bundle_removed", **{name: made[name] for name in names}, **_done_now()} for made in bundles
    )


def superseded(ledger: Ledger, before: datetime) -> list[dict[str, Any]]:
    """The bundles, as entered when they were made, that were replaced by a newer one of their period and scope before a
    time and never handed over. Not those of version 0.1.0, which promised to keep them: its ledger was sealed later."""
    sealed = max((entry["sequence"] for entry in ledger.of("sealed")), default=0)
    sent = {entry["bundle_id"] for entry in ledger.of("bundle_sent")}
    newer: dict[tuple[str, str], dict[str, Any]] = {}
    found = []
    for made in reversed(_there(ledger).values()):
        following = newer.get((made["period_code"], made["scope"]))
        newer[made["period_code"], made["scope"]] = made
        is_old = following is not None and datetime.fromisoformat(following["done_at"]) < before
        if is_old and made["bundle_id"] not in sent and made["sequence"] > sealed:
            found.append(made)
    return found[::-1]


def _there(ledger: Ledger) -> dict[str, dict[str, Any]]:
    """The bundles that were made here and not removed since, by their ids, in the order they were last made."""
    there: dict[str, dict[str, Any]] = {}
    for entry in (entry for entry in ledger.entries if "place" not in entry):
        if entry["event"] in ("bundle_made", "bundle_removed"):
            there.pop(entry["bundle_id"], None)
        if entry["event"] == "bundle_made":
            there[entry["bundle_id"]] = entry
    return there


def _done_now() -> dict[str, str]:
    """When something was done to a bundle. Stored as done_at, as 'at' must rise from entry to entry."""
    return {"done_at": datetime.now(VIETNAM).isoformat(timespec="microseconds")}


def bundle_events(ledger: Ledger) -> list[dict[str, Any]]:
    """What was made, handed over and removed, as rows of raw.bundle_event."""
    return [
        {"ledger_sequence": e["sequence"], "event": e["event"].removeprefix("bundle_"), "bundle_id": e["bundle_id"],
         "period_code": e["period_code"], "scope": e["scope"], "manifest_sha256": e["manifest_sha256"],
         "done_at": e["done_at"][:26], "sent_to": e.get("to"), "sent_by": e.get("by")}
        for e in ledger.entries
        if e["event"] in ("bundle_made", "bundle_sent", "bundle_removed")
    ]  # fmt: skip


def record_told(ledger: Ledger, told: Iterable[dict[str, Any]]) -> None:
    """Enter which submissions were told what: rows of submission_id, version, status."""
    ledger.append([{"event": "told", "told": [[row["submission_id"], row["version"], row["status"]] for row in told]}])


def told_events(ledger: Ledger) -> list[dict[str, Any]]:
    """What each submission was told last, as rows of raw.told."""
    last = {key: (version, status) for entry in ledger.of("told") for key, version, status in entry["told"]}
    return [{"submission_id": key, "version": version, "status": status} for key, (version, status) in last.items()]


def enter_recheck(ledger: Ledger, submissions: list[str], changed: list[str], reason: str, by: str) -> datetime:
    """Enter that submissions were judged again, and which of them otherwise. Returns when."""
    at = ledger.next_at
    ledger.append([{"event": "recheck", "submissions": submissions, "changed": changed, "reason": clean(reason),
                    "by": clean(by), "at": at.isoformat(timespec="microseconds")}])  # fmt: skip
    return at
