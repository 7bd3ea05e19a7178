"""The form under sources/forms, prepared once for reading many files."""

from __future__ import annotations

import re
from typing import Any

from pipelines.reading.context import ContextWords
from pipelines.reading.header_words import HeaderWords, TableForm
from pipelines.vietnamese import fold


class Form:
    """Its headers, labels and words. Finding them in a file is layout.py, header.py and above.py."""

    def __init__(self, form: dict[str, Any]) -> None:
        self.context = ContextWords(form["context"])
        self.words = HeaderWords([TableForm(layout, form["line_columns"], self.context) for layout in form["sheets"]])
        self.labels = {fold(text): part["name"] for part in form["identification"]
                       for text in [part["label"], *part.get("aliases", [])]}  # fmt: skip
        self.totals = beginning(form["totals"])
        self.notes = beginning(form["footers"])
        self.signatures = beginning(form["signatures"])
        kinds = ("yes_no", "state")
        answers = [text for kind in kinds for text in form["answers"][kind].values()]
        answers += [text for kind in kinds for texts in form["answer_aliases"][kind].values() for text in texts]
        self.answers = {fold(text) for text in answers}
        self.confirmation = {fold(text): name for name, text in form["confirmation"]["columns"].items()}
        self.yes = beginning(form["confirmation"]["answers"])


def beginning(words: list[str]) -> re.Pattern[str]:
    """Matches folded text that begins with one of the words; '...' stands for anything."""
    patterns = [".*".join(re.escape(fold(part)) for part in word.split("...")) for word in words]
    return re.compile(rf"(?:{'|'.join(patterns)})(?![^\W_])", re.DOTALL)
