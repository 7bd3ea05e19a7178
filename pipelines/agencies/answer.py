"""What the answer to a file says above its findings: the verdict, and what the agency has to do.

How the answer looks is feedback.py, how it is worded sources/wording/feedback.yml.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from pipelines.agencies.findings import clipped
from pipelines.agencies.outcome import told
from pipelines.files import Row
from pipelines.office.figures import day
from pipelines.office.wording import say
from pipelines.office.workbook import FINDING_WORDS
from pipelines.vietnamese import format_number


def facts(submission: Row, findings: list[Row]) -> dict[str, str]:
    """The text of each line above the table by its name, the answer first."""
    said = {
        "result": submission["status_label"],
        "what_to_do": " ".join(_what_to_do(submission, findings)),
        "file": submission["original_name"],
        "commune": _named(submission["commune_name"], submission["commune_code"]),
        "agency": _named(submission["agency_name"], submission["agency_code"]),
        "period": _named(submission["period_label"], submission["period_code"]),
        "received": _received(submission),
        "lines": _sums(submission),
    }
    more = {"by_agency": _by_agency(submission), "together": _together(submission),
            "withdrawn": _taken_back(submission), "confirmed": _confirmed(submission)}  # fmt: skip
    return said | {name: text for name, text in more.items() if text} | told(submission)


def _named(name: str | None, code: str | None) -> str:
    return say("feedback.named", name=name, code=code) if name and code else code or say("labels.unknown")


def _moment(at: datetime) -> str:
    return say("feedback.moment", time=f"{at:%H:%M}", day=day(at))


def _received(submission: Row) -> str:
    text = _moment(submission["received_at"])
    if not submission["due_on"]:
        return text
    days = (submission["received_at"].date() - submission["due_on"]).days
    if submission["is_late"]:
        name = "added" if submission["came_in_time_before"] else "late"
    else:
        name = "early" if days < 0 else "in_grace" if days else "on_the_day"
    late = say(f"feedback.received.{name}", days=abs(days))
    return say("feedback.arrived", received=text, due=day(submission["due_on"]), late=late)


def _sums(submission: Row) -> str:
    if submission["status"] in ("duplicate", "unreadable"):
        return say("feedback.lines.none")
    names = ("read", "accepted", "unchanged", "rejected", "ignored")
    counts = {name: format_number(submission[f"rows_{name}"]) for name in names}
    if submission["status"] == "set_aside":
        return say("feedback.lines.set_aside", read=counts["read"])
    taken = say("feedback.lines.taken", accepted=counts["accepted"], unchanged=counts["unchanged"])
    if submission["is_held"]:
        locked = format_number(submission["rows_held"] - submission["rows_to_confirm"])
        taken = say("feedback.lines.locked", count=locked)
    if submission["rows_to_confirm"]:
        taken += f"; {say('feedback.lines.to_confirm', count=format_number(submission['rows_to_confirm']))}"
    return say("feedback.lines.all", read=counts["read"], taken=taken, rejected=counts["rejected"],
               ignored=counts["ignored"])  # fmt: skip


def _by_agency(submission: Row) -> str:
    """How many lines of a file for several agencies are taken as whose."""
    parts = []
    for agency in submission["by_agency"]:
        sums = [say(f"feedback.by_agency.{name}", count=format_number(agency[name]))
                for name in ("accepted", "held", "rejected") if agency[name]]  # fmt: skip
        parts.append(f"{_named(agency['agency_name'], agency['agency_code'])}: {', '.join(sums)}")
    return "; ".join(parts)


def _together(submission: Row) -> str:
    """Which of several files of one run counts."""
    names = [say("feedback.file", name=name) for name in submission["sent_together"]]
    return say("feedback.together", count=len(names), names=", ".join(names)) if names else ""


def _taken_back(submission: Row) -> str:
    """The outcome of the lines that say a figure is withdrawn; empty where there are none."""
    codes = [figure["indicator_code"] for figure in submission["withdrawn"] if figure["had_figure"]]
    others = [figure["indicator_code"] for figure in submission["withdrawn"] if not figure["had_figure"]]
    parts = [say("feedback.withdrawn", codes=", ".join(codes), count=len(codes))] if codes else []
    parts += [say("feedback.nothing_withdrawn", codes=", ".join(others))] if others else []
    return "; ".join(parts)


def _confirmed(submission: Row) -> str:
    """The lines that confirm what was held before, each with the reason given."""
    return "; ".join(say("feedback.named", name=line["code"], code=clipped(line["confirmed_reason"], 200))
                     for line in submission["confirmed"])  # fmt: skip


def _what_to_do(submission: Row, findings: list[Row]) -> Iterator[str]:
    """Sentence by sentence."""
    status, refused = submission["status"], submission["rows_rejected"]
    if status == "duplicate":
        yield say("feedback.what_to_do.sent_before", first=submission["first_name"],
                  received=_moment(submission["first_received_at"]),
                  result=submission["first_status_label"].lower())  # fmt: skip
        if submission["newer_name"]:
            yield say("feedback.what_to_do.newer", newer=submission["newer_name"],
                      received=_moment(submission["newer_received_at"]))  # fmt: skip
        yield say("feedback.what_to_do.restore")
    elif status in ("set_aside", "unreadable", "rejected"):
        yield say(f"feedback.what_to_do.{status}")
    elif status == "held" and submission["is_held"]:
        yield say("feedback.what_to_do.locked")
        yield say(f"feedback.what_to_do.{'fix_and_unlock' if refused else 'unlock'}")
    elif status == "held":
        yield say("feedback.what_to_do.nothing_counted")
        if refused:
            yield say("feedback.what_to_do.fix_errors")
        yield say("feedback.what_to_do.confirm")
    elif status == "partly_accepted":
        yield say("feedback.what_to_do.good_lines_taken")
        if refused:
            yield say("feedback.what_to_do.fix_and_send")
        if submission["rows_to_confirm"]:
            yield say("feedback.what_to_do.confirm")
    elif submission["rows_accepted"] + submission["rows_unchanged"] == 0:
        yield say("feedback.what_to_do.empty")
    else:
        yield say(f"feedback.what_to_do.{'look' if findings else 'nothing'}")


def summary(submission: Row, findings: list[Row]) -> str:
    """The line above the table, or instead of it."""
    status = submission["status"]
    if not findings:
        return say(f"feedback.nothing_found.{status if status in ('duplicate', 'empty') else 'none'}")
    if status == "set_aside":
        return say("feedback.summary.set_aside")
    errors, asked, warned = (sum(f["severity"] == severity for f in findings) for severity in FINDING_WORDS)
    taken = "taken_and_asked" if asked else "taken"
    outcome = ("nothing_taken" if status in ("rejected", "unreadable") else "held" if submission["is_held"]
               else taken)  # fmt: skip
    found = say("feedback.findings_and_asked" if asked else "feedback.findings", errors=errors, asked=asked,
                warned=warned)  # fmt: skip
    return f"{found} {say(f'feedback.summary.{outcome}')}"
