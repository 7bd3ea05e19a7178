"""How serious a status or a finding is, 0 (well) to 4, in colours: the same in workbooks, Word report and pages.

Which status is how serious is sources/reference/statuses.csv.
"""

from __future__ import annotations

FINDINGS = {"fail": 4, "confirm": 3, "warn": 2}  # what was found in a file
BEHIND_TEXT = ("D9EAD3", "EDEDED", "FFF2CC", "F9CB9C", "F4B6B6")
EDGES = ("2C6E2F", "7B8794", "B58900", "C2410C", "A31515")  # beside such a text, and of lines
BARS = ("5B9A68", "A6A6A6", "E3B341", "E07B39", "C0392B")  # in black and white, the words beside them tell them apart
# of Excel's charts: statuses of one severity take theirs in turn
SHADES = (
    ("6AA84F", "A9D18E", "38761D"),
    ("A6A6A6", "C9C9C9", "7F7F7F", "D9D9D9", "8EA9C1", "B4C7DC"),
    ("FFD966", "F1C232", "FFE599", "BF9000"),
    ("F6A04D", "E67E22", "F8C08A"),
    ("E06666", "B92D2D"),
)


def as_css() -> str:
    """The names that the scorecard's style sheet calls them by: --s0 behind a text, --e0 its edge, --f0 a bar."""
    named = {"s": BEHIND_TEXT, "e": EDGES, "f": BARS}
    said = (f"--{letter}{n}: #{colour.lower()};" for letter, of in named.items() for n, colour in enumerate(of))
    return f":root {{ {' '.join(said)} }}\n"
