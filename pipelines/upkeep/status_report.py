"""The report of a run for the operator: the reconciliation of rows, who has not reported, and where the results are.

What officers and leaders read does not belong here (feedback.py, extract.py).
"""

from __future__ import annotations

from datetime import date

from pipelines.files import read_json
from pipelines.home import Home
from pipelines.office.wording import say
from pipelines.warehouse.database import reading


def as_of_day(home: Home) -> date:
    """The as-of date of the published copy. Raises FileNotFoundError if nothing is published."""
    with reading(home) as con:
        [(day,)] = con.execute("SELECT as_of_on FROM core.dim_build").fetchall()
    return date.fromisoformat(str(day))


def run_report(home: Home) -> str:
    """The summary printed after a run and by 'kpi57 status'. Raises FileNotFoundError if nothing is published."""
    with reading(home) as con:
        as_of, illustrative = con.execute("SELECT as_of_on, is_illustrative FROM core.dim_build").fetchall()[0]
        statuses = con.execute(
            "SELECT status, count(*) FROM core.fct_submission GROUP BY status ORDER BY status"
        ).fetchall()
        rows = con.execute(
            "SELECT rows_read, rows_accepted, rows_unchanged, rows_held, rows_rejected, rows_ignored, rows_unaccounted "
            "FROM marts.mart_reconciliation WHERE submission_id = 'all'"
        ).fetchall()[0]
        facts = con.execute(
            "SELECT (SELECT count(*) FROM core.fct_target), (SELECT count(*) FROM core.dim_task), "
            "(SELECT count(*) FROM core.fct_actual WHERE is_current), "
            "(SELECT count(*) FROM core.fct_rejection WHERE severity = 'fail')"
        ).fetchall()[0]
        missing = con.execute(
            "SELECT commune_code, commune_name, agency_code, agency_name, string_agg(period_code, ', ' "
            "ORDER BY period_code) FROM marts.mart_reporting_status "
            "WHERE is_outstanding GROUP BY ALL ORDER BY 1, 3"
        ).fetchall()
        aside = con.execute(
            "SELECT submission_id, folder, original_name, set_aside_by, set_aside_reason FROM core.fct_submission "
            "WHERE status = 'set_aside' ORDER BY ledger_sequence"
        ).fetchall()
    lines = [
        f"As of {as_of:%Y-%m-%d}"
        + (f"   ILLUSTRATIVE FIGURES ({say('labels.illustrative_figures')})" if illustrative else "")
    ]
    lines += ["", "Submissions  " + (", ".join(f"{n} {status}" for status, n in statuses) or "none")]
    lines += [
        "Lines        {} read = {} accepted + {} unchanged + {} held + {} rejected + {} ignored "
        "({} unaccounted)".format(*rows),
        "Facts        {} targets, {} tasks, {} current actuals, {} errors reported back".format(*facts),
        "",
        "Not reported " + ("nobody is overdue" if not missing else ""),
    ]
    lines += [f"  {code} {name} · {agency} {title}: {periods}" for code, name, agency, title, periods in missing[:12]]
    if len(missing) > 12:
        lines.append(f"  ... and {len(missing) - 12} more: SELECT * FROM marts.mart_reporting_status")
    if aside:
        lines += ["", "Set aside    they do not count; 'kpi57 take-back SUBMISSION' lets one count again"]
        lines += [f"  {one} {folder}/{name} by {by}: {reason}" for one, folder, name, by, reason in aside]
    lines += [
        "",
        f"Published    {home.published}",
        *_of_places(home),
        *_of_lake(home),
        f"Scorecard    {home.site / 'index.html'}",
        f"Extracts     {home.exports}",
        f"Feedback     {home.feedback}",
        f"Archive      {home.archive}",
    ]
    return "\n".join(lines)


def _of_places(home: Home) -> list[str]:
    """Up to where each place is joined; nothing where none is."""
    lines = []
    for name, noted in sorted(read_json(home.joined).items()):
        joined = (
            f"{noted['entries']} entries, last file {str(noted['last_received_at'])[:16]}"
            if "entries" in noted
            else "nothing"
        )
        fault = f"; NOT JOINED, the next run makes up for it: {noted['error']}" if noted["error"] else ""
        waiting = f"; {noted['waiting']}" if noted.get("waiting") else ""
        lines.append(f"Place        {name}: {joined}{fault}{waiting}")
    return lines


def _of_lake(home: Home) -> list[str]:
    """Which snapshot of the lake is what is published; nothing where there is no lake."""
    noted = read_json(home.lake)
    if not noted:
        return []
    if noted["error"]:
        had = f"it holds snapshot {noted['snapshot']} of {noted['as_of_on']}" if "snapshot" in noted else "it is empty"
        return [f"Lake         NOT PUBLISHED, the next run makes up for it; {had}: {noted['error']}"]
    return [f"Lake         snapshot {noted['snapshot']} of {noted['lake']}, {len(noted['written'])} tables written"]
