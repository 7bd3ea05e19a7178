"""The three files of a plan folder as they are written: one canonical form, so that equal plans are equal bytes.

What they may contain is judged in draft.py; what they mean is read by plan_folders.py.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from pipelines.files import fsync, swap_in

# The keys of plan.yml in their order. Each is always written, null where there is nothing.
PLAN_KEYS = (
    "plan_id",
    "commune_code",
    "document_number",
    "document_number_note",
    "issued_on",
    "issued_note",
    "issuer",
    "title",
    "legal_basis",  # list of number, issuer, date
    "for_year",  # the year a yearly plan is for: its tasks close with it
    "in_force_from",  # where it is another day than that of issue
    "supersedes",  # document_number, issued_on, as_written
    "supersedes_plan",  # plan_id of the plan it takes the place of
    "annual_report_due",  # month-day
    "annual_report_due_as_written",
    "focal_agency_as_written",
    "reports",  # indicator code: the agency that reports it, where the plan names several
    "reports_from",  # from when on the agencies report: a setting of this project, not of the plan
    "reporting_calendar",  # of periods.yml, where it is not the form's; like the next two a setting of this project
    "reporting_rhythm",  # month, quarter, half or year
    "due_days",
    "grace_days",
    "source_file",  # the document the rows' pages and places are of; its sha256; who read the rows through, and when
    "source_sha256",
    "reviewed_by",
    "reviewed_on",
    "notes",  # what a person must know who reads the plan beside its registry
)


class _Dumper(yaml.SafeDumper):
    """Block style with lists set in below their key."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def plan_text(plan: Mapping[str, Any]) -> str:
    """plan.yml. Raises ValueError if the plan has a key that is none of PLAN_KEYS."""
    if odd := plan.keys() - set(PLAN_KEYS):
        raise ValueError(f"plan.yml has no {', '.join(sorted(odd))}")
    ordered = {key: plan.get(key) or None for key in PLAN_KEYS}
    return yaml.dump(ordered, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120, default_flow_style=False)


def rows_text(columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> str:
    """targets.csv or tasks.csv. Raises ValueError if a row has a column that is none of columns."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_folder(folder: Path, files: Mapping[str, str | bytes]) -> None:
    """Write the files (name: content) into the folder; a new folder appears whole or not at all.

    The folder's parent holds plans only, so the work in progress is kept beside that parent.
    """
    staging = folder.parent.parent / f".{folder.name}.new"
    staging.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (staging / name).write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
        fsync(staging / name)
    folder.parent.mkdir(exist_ok=True)
    if not folder.exists():
        staging.rename(folder)
        fsync(folder.parent)
        return
    for name in files:
        swap_in(staging / name, folder / name)
    staging.rmdir()
