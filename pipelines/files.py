"""Files on disk: written whole or not at all; the CSV and YAML of the project. What they say does not belong here."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any

import yaml

Row = dict[str, Any]  # a row of a table or a file, by the names of its columns
# A text in a CSV that begins so is run by Excel; the wide ones of East Asian keyboards too.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
_SECONDS_HELD = 10  # how long a file that another program holds (Windows) is tried again to be replaced


def swap_in(new: Path, place: Path) -> None:
    """Put a finished file in its place: on disk first, then one rename. Whoever has the old one open keeps it.

    Windows lets no file be replaced that somebody has open: tried again for some seconds, then PermissionError says
    what to do; the old one stays whole.
    """
    fsync(new)
    until = time.monotonic() + _SECONDS_HELD
    while True:
        try:
            new.replace(place)
            break
        except PermissionError as error:
            if time.monotonic() > until:
                raise PermissionError(
                    error.errno, f"cannot be replaced; close the program that has it open, and run again ({error})",
                    str(place)) from error  # fmt: skip
            time.sleep(0.25)
    fsync(place.parent)


def write_whole(place: Path, text: str, *, at_once: bool = False) -> None:
    """Write a text file so that readers see the old one or the new one, never half of it.

    What a killed process leaves half written, the next one writes over. `at_once`: other processes may write the file
    in the same second, and each writes under a name of its own first.
    """
    new = place.with_name(f".{place.name}.{os.getpid()}.new" if at_once else f".{place.name}.new")
    new.write_text(text, encoding="utf-8", newline="\n")
    swap_in(new, place)


def sha256_of(path: Path) -> str:
    """sha256 of a file's content, in hexadecimal."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def fsync(path: Path) -> None:
    """Force a file or a folder to disk (folders only where the system can)."""
    if path.is_dir() and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_csv(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV of the registry as written (UTF-8, header row)."""
    with path.open(encoding="utf-8-sig", newline="") as handle:
        return list(csv.DictReader(handle))


def read_yaml(path: Path) -> Any:
    with path.open(encoding="utf-8") as handle:
        return yaml.load(handle, yaml.CSafeLoader)


def read_json(path: Path) -> dict[str, Any]:
    """An object that was noted; {} where there is none or it cannot be read."""
    try:
        found = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def make_folder(folder: Path) -> None:
    """A folder that is there after a power cut too."""
    if not folder.exists():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        fsync(folder.parent)
