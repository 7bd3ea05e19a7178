"""The Vietnamese that people read, from sources/wording: one file a product, sentences by name, {places} for values.

What a status is called and means is sources/reference/statuses.csv. How a form or a rule is worded is sources/forms.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pipelines.files import read_yaml
from pipelines.home import SOURCES

FOLDER = SOURCES / "wording"
PLACE = re.compile(r"\{([a-z_]+)\}")


@cache
def _file(name: str) -> Any:
    """One file, read once. Raises KeyError where there is none, ValueError naming a text that is none."""
    if not (FOLDER / f"{name}.yml").is_file():
        raise KeyError(f"sources/wording has no {name}.yml")
    found = read_yaml(FOLDER / f"{name}.yml")
    for key, text in texts(found, name):
        if text is None:
            raise ValueError(f"sources/wording, {key}: no text; write one, or take the key out")
        if re.search("[{}]", PLACE.sub("", str(text))):
            raise ValueError(f"sources/wording, {key}: between {{ and }} stands a name in small letters, nothing else")
    return found


def texts(found: Any, key: str) -> Iterator[tuple[str, Any]]:
    """Every text below a key, with its own key."""
    if isinstance(found, dict | list):
        for name, one in found.items() if isinstance(found, dict) else enumerate(found):
            yield from texts(one, f"{key}.{name}")
    else:
        yield key, found


@cache
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
    """The sentence under a key, with its {places} filled. Raises KeyError for a place that has no value."""
    return filled(key, str(wording(key)), values)


def say_each(key: str, **values: Any) -> list[str]:
    """The sentences of the list under a key."""
    return [filled(key, str(text), values) for text in wording(key)]


def filled(key: str, text: str, values: dict[str, Any]) -> str:
    """The text of a key with its places filled, in its own way: markup escapes the values. Raises KeyError as say()."""
    try:
        return text.format(**values)
    except KeyError as error:
        known = ", ".join(values) or "none"
        raise KeyError(f"sources/wording, {key}: {error.args[0]} is none of its places: {known}") from None


def joined(parts: Sequence[str]) -> str:
    """'a, b và c'."""
    return say("labels.and", first=", ".join(parts[:-1]), last=parts[-1]) if len(parts) > 1 else "".join(parts)


def titles(*columns: str) -> list[str]:
    """The titles of columns by their names."""
    return [say(f"labels.columns.{name}") for name in columns]


def method_sections(product: str) -> list[tuple[str, str]]:
    """Title and text of what a product ('workbook', 'site') says of the method."""
    thresholds = wording("method.thresholds")
    return [(section["title"], section["text"].format(**thresholds))
            for section in wording("method.sections") if product in section["in"]]  # fmt: skip


def files(*names: str) -> list[Path]:
    """What documents depend on besides figures and code: these files, or all."""
    return [FOLDER / f"{name}.yml" for name in names] if names else sorted(FOLDER.glob("*.yml"))
