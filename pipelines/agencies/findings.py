"""Findings as lines for a terminal, and how much of a cell is shown.

No library of office programs is imported: 'kpi57 check' says its findings with this alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pipelines.office.wording import say, wording
from pipelines.vietnamese import clean

_SEVERITIES: dict[str, str] = wording("labels.severities")
LONGEST = {"found": 200, "message": 700, "fix": 700}  # letters shown; what was typed can be a whole page


def clipped(text: str | None, longest: int) -> str:
    plain = (text or "").strip() or say("feedback.empty_cell")
    return plain if len(plain) <= longest else plain[:longest] + " …"


def findings_lines(findings: Iterable[Mapping[str, Any]]) -> list[str]:
    """Findings (as check.check_files gives them, or a plan's Faults) as lines for a terminal, in the order given."""
    return [
        say("feedback.line", severity=_SEVERITIES[f["severity"]], rule=f["rule"], address=_address(f),
            **{name: _printable(clipped(f[name], longest)) for name, longest in LONGEST.items()})
        for f in findings
    ]  # fmt: skip


def _address(finding: Mapping[str, Any]) -> str:
    parts = [part for part in (finding["sheet"], finding["cell"]) if part]
    return _printable("!".join(parts)) if parts else say("feedback.no_address")


def _printable(text: str) -> str:
    """Text from an untrusted file, fit for a terminal: one line, no control characters."""
    return "".join(c for c in clean(text) if c.isprintable())
