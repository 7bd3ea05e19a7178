"""The Vietnamese that people read, from sources/wording: one file a product, sentences by name, {places} for values.

What a status is called and means is sources/reference/statuses.csv. How a form or a rule is worded is sources/forms.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from pipelines.files import read_yaml
from pipelines.home import SOURCES

FOLDER = SOURCES / "wording"


@cache
def _file(name: str) -> Any:
    return read_yaml(FOLDER / f"{name}.yml")


def wording(key: str) -> Any:
    """What a key names, its file first ('method.sections'): a text, a list or a mapping. Raises KeyError."""
    name, *parts = key.split(".")
    found = _file(name)
    for part in parts:
        if not isinstance(found, dict) or part not in found:
            raise KeyError(f"sources/wording/{name}.yml has no {'.'.join(parts)}")
        found = found[part]
    return found


def say(key: str, **values: Any) -> str:
    """The sentence under a key, with its {places} filled."""
    return str(wording(key)).format(**values)


def method_sections(product: str) -> list[tuple[str, str]]:
    """Title and text of what a product ('workbook', 'site') says of the method."""
    thresholds = wording("method.thresholds")
    return [(section["title"], section["text"].format(**thresholds))
            for section in wording("method.sections") if product in section["in"]]  # fmt: skip


def files() -> list[Path]:
    """What documents depend on besides figures and code."""
    return sorted(FOLDER.glob("*.yml"))
