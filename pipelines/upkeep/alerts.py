"""Telling people: which causes there are, what was told already, and a message a kind. Off without alerts.yml.

A cause is told once to each channel, and again only after it was gone. Telling never fails a run: what could not be
sent is said in the run's summary and tried again after the next. How a message travels is in channels.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, NamedTuple

import duckdb
import yaml

from pipelines.files import write_whole
from pipelines.home import Home
from pipelines.office.figures import day, indicator, measured
from pipelines.office.wording import say
from pipelines.upkeep.channels import Channel, Message, channels
from pipelines.upkeep.leaders_page import NAME, leaders_page
from pipelines.vietnamese import in_sentence
from pipelines.warehouse.database import reading
from pipelines.warehouse.rows import dicts

KINDS = ("failed_run", "overdue", "closing", "rejected_share", "turned_red", "milestone_missed", "held")
_WITH_PAGE = ("overdue", "closing", "turned_red", "milestone_missed", "held")  # the first page of the scorecard with it
_MOST_LINES = 40

_OVERDUE = """
SELECT commune_code, commune_name, agency_code, agency_name, period_code, period_label, due_on, days_late
FROM marts.mart_reporting_status WHERE is_outstanding AND days_late > 0 ORDER BY ALL
"""
_CLOSING = """
SELECT commune_code, commune_name, period_code, period_label, due_on, count(*) AS agencies,
    string_agg(agency_name, '; ' ORDER BY agency_code) AS names
FROM marts.mart_reporting_status
WHERE (reporting_status = 'pending' OR is_outstanding) AND due_on BETWEEN $today AND $until
GROUP BY ALL
ORDER BY due_on, commune_code, period_code
"""
_REJECTED = """
SELECT submission_id, original_name, commune_name, agency_name, status, rows_rejected,
    rows_accepted + rows_unchanged + rows_rejected AS lines
FROM core.fct_submission AS s
LEFT JOIN core.dim_commune USING (commune_code) LEFT JOIN core.dim_agency USING (agency_code)
WHERE received_at::DATE BETWEEN $since AND $today AND status <> 'duplicate'
    AND (status IN ('rejected', 'unreadable', 'set_aside') OR (lines >= $lines AND rows_rejected >= $share * lines))
ORDER BY received_at, submission_id
"""

_CHANGED = """
SELECT c.*, d.label AS period_label
FROM marts.mart_status_change AS c
JOIN core.dim_period AS d USING (period_code)
ORDER BY c.commune_code, c.indicator_code, c.scope, c.answer
"""
_HELD = """
SELECT h.*, d.label AS period_label, coalesce(i.indicator_name, t.title) AS name
FROM marts.mart_held_line AS h
LEFT JOIN core.dim_period AS d USING (period_code)
LEFT JOIN core.dim_indicator AS i ON h.table_kind = 'indicator' AND i.indicator_code = h.code
LEFT JOIN core.dim_task AS t ON h.table_kind = 'task' AND t.task_id = h.code
WHERE h.state = 'waiting'
ORDER BY h.received_at, h.submission_id, h.source_row
"""


class AlertsError(ValueError):
    """alerts.yml is not as it must be; the message says where."""


@dataclass(frozen=True)
class Settings:
    """What alerts.yml says. secrets: words that must appear in no log and no summary."""

    channels: tuple[Channel, ...]
    kinds: frozenset[str]
    days_before_due: int = 3
    share: float = 0.2
    lines: int = 5

    @property
    def secrets(self) -> list[str]:
        return [secret for channel in self.channels for secret in channel.secrets]


@dataclass(frozen=True)
class Cause:
    """One reason to tell somebody: key tells it from others; line is what is said of it."""

    kind: str
    key: str
    line: str


def read_settings(home: Home) -> Settings | None:
    """What alerts.yml says; None where there is none. Raises AlertsError naming what is wrong."""
    try:
        said = yaml.safe_load(home.alerts.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise AlertsError("alerts.yml is not YAML: see the example in docs/operations.md") from None
    known = {"email", "webhook", "tell", "days_before_due", "rejected_share", "rejected_lines"}
    if not isinstance(said, dict) or said.keys() - known:
        odd = sorted(map(str, said.keys() - known)) if isinstance(said, dict) else [type(said).__name__]
        raise AlertsError(f"alerts.yml: unknown {', '.join(odd)}; known are {', '.join(sorted(known))}")
    tell = said.get("tell", list(KINDS))
    if not isinstance(tell, list) or not {*map(str, tell)} <= {*KINDS}:
        raise AlertsError(f"alerts.yml: tell is a list of {', '.join(KINDS)}")
    try:
        days, share, lines = (
            int(said.get("days_before_due", 3)), float(said.get("rejected_share", 0.2)),
            int(said.get("rejected_lines", 5)),
        )  # fmt: skip
        return Settings(tuple(channels(said)), frozenset(tell), days, share, lines)
    except (TypeError, ValueError, KeyError) as error:
        missing = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        raise AlertsError(f"alerts.yml: {missing}") from None


class Told(NamedTuple):
    """The result of sending a message, as a line, and whether it was sent."""

    line: str
    is_sent: bool


def tell(home: Home, summary: Mapping[str, Any]) -> list[Told]:
    """Tell everybody what they were not told yet. Returns what was sent and what could not be."""
    try:
        settings = read_settings(home)
    except AlertsError as error:
        return [Told(f"not sent: {error}", is_sent=False)]
    if settings is None:
        return []
    causes = list(_failed(summary)) if "failed_run" in settings.kinds else []
    illustrative = False
    try:
        with reading(home) as con:
            [build] = dicts(con, "SELECT as_of_on, is_illustrative FROM core.dim_build")
            illustrative = build["is_illustrative"]
            causes += [c for c in _of_the_figures(con, settings, build["as_of_on"]) if c.kind in settings.kinds]
    except FileNotFoundError:
        pass  # nothing was ever published: there is only the failed run to tell of
    except duckdb.Error as error:  # a damaged copy, or one of a version before; the run that failed is still told
        sent = _send(home, settings, causes, illustrative)
        return [*sent, Told(f"not sent: {home.shown(home.published)}: {error}", is_sent=False)]
    return _send(home, settings, causes, illustrative)


def _failed(summary: Mapping[str, Any]) -> Iterator[Cause]:
    for fault in summary["failed"]:
        line = say("alerts.failed_run", step=fault["step"], error=fault["error"], what_to_do=fault["what_to_do"])
        yield Cause("failed_run", f"{fault['step']}: {fault['error'][:200]}", line)


def _of_the_figures(con: Any, settings: Settings, today: date) -> Iterator[Cause]:
    for r in dicts(con, _OVERDUE):
        key = f"{r['commune_code']}/{r['agency_code']}/{r['period_code']}"
        line = say("alerts.overdue", commune=r["commune_name"], agency=r["agency_name"], period=r["period_label"],
                   due=day(r["due_on"]), days=r["days_late"])  # fmt: skip
        yield Cause("overdue", key, line)
    for r in dicts(con, _CLOSING, {"today": today, "until": today + timedelta(days=settings.days_before_due)}):
        key = f"{r['commune_code']}/{r['period_code']}/{r['due_on']}"
        line = say("alerts.closing", commune=r["commune_name"], period=r["period_label"], due=day(r["due_on"]),
                   agencies=r["agencies"], names=r["names"])  # fmt: skip
        yield Cause("closing", key, line)
    yield from _of_the_results(con)
    since = {"since": today - timedelta(days=7), "today": today, "share": settings.share, "lines": settings.lines}
    for r in dicts(con, _REJECTED, since):
        of = {"file": r["original_name"], "commune": r["commune_name"] or say("alerts.unknown_commune"),
              "agency": r["agency_name"] or say("alerts.unknown_agency")}  # fmt: skip
        if r["status"] in ("rejected", "unreadable", "set_aside"):
            line = say("alerts.rejected_file", **of)
        else:
            line = say("alerts.rejected_lines", **of, rejected=r["rows_rejected"], lines=r["lines"])
        yield Cause("rejected_share", r["submission_id"], line)


def _of_the_results(con: Any) -> Iterator[Cause]:
    """Indicators that turned for the worse with their newest figure, and figures that wait to be confirmed."""
    for r in dicts(con, _CHANGED):
        key = f"{r['commune_code']}/{r['indicator_code']}/{r['scope']}/{r['period_code']}/{r['status']}"
        of = {"commune": r["commune_name"], "indicator": indicator(r), "period": r["period_label"],
              "value": measured(r["value"], r["unit_of_measure"]), "status": in_sentence(r["status_label"]),
              "target": "; ".join(r["as_written"] or ()), "milestone": day(r["milestone_on"])}  # fmt: skip
        kind = "milestone_missed" if r["answer"] == "level" else "turned_red"
        yield Cause(kind, key, say(f"alerts.{kind}", **of))
    for r in dicts(con, _HELD):
        key = f"{r['submission_id']}/{r['source_sheet']}/{r['source_row']}"
        line = say("alerts.held", commune=r["commune_name"], agency=r["agency_name"], what=r["name"],
                   period=r["period_label"], question=r["question"])  # fmt: skip
        yield Cause("held", key, line)


# ---------------------------------------------------------------- sending


def _send(home: Home, settings: Settings, causes: list[Cause], illustrative: bool) -> list[Told]:
    """Send each channel one message a kind with the causes it was not told of, and note them as told."""
    told = _told(home)
    now = {f"{cause.kind} {cause.key}" for cause in causes}
    said = []
    for channel in settings.channels:
        known = [key for key in told.get(channel.name, []) if key in now]  # what is gone may be told again
        for kind in KINDS:
            new = [cause for cause in causes if cause.kind == kind and f"{kind} {cause.key}" not in known]
            if not new:
                continue
            page = leaders_page(home) if kind in _WITH_PAGE else None
            fault = channel.send(_message(kind, new, illustrative, page))
            if fault:
                why = without(fault, settings.secrets)
                said.append(Told(f"not sent by {channel.name}: {kind} ({len(new)}): {why}", is_sent=False))
                break  # the rest would wait for the same server
            said.append(Told(f"sent by {channel.name}: {kind} ({len(new)})", is_sent=True))
            known += [f"{kind} {cause.key}" for cause in new]
        told[channel.name] = sorted(known)
    write_whole(home.alerts_sent, json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    return said


def _told(home: Home) -> dict[str, list[str]]:
    try:
        told = json.loads(home.alerts_sent.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _message(kind: str, causes: list[Cause], illustrative: bool, page: str | None) -> Message:
    mark = say("labels.illustrative_figures") + ": " if illustrative else ""
    lines = [f"- {cause.line}" for cause in causes[:_MOST_LINES]]
    if len(causes) > _MOST_LINES:
        lines.append("- " + say("alerts.more", count=len(causes) - _MOST_LINES))
    body = [say(f"alerts.openings.{kind}"), "", *lines]
    if page:
        body += ["", say("alerts.attached", name=NAME)]
    if illustrative:
        body = [say("alerts.illustrative"), "", *body]
    title = f"[kpi57] {mark}{say(f'alerts.titles.{kind}')} ({len(causes)})"
    return Message(kind, title, "\n".join(body), illustrative, (NAME, page) if page else None)


def without(text: str, secrets: list[str]) -> str:
    """The text with every secret blotted out."""
    for secret in secrets:
        text = text.replace(secret, "***")
    return text
