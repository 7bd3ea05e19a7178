"""What each result is made with, and its digest: whoever asks whether something has changed asks here."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
# The package's files behind each result, as patterns.
MADE_WITH = {
    "models": ("warehouse/*.py",),
    "bundles": ("bundles/**/*.py", "office/*.py"),
    "scorecard": ("scorecard/**/*.*", "office/*.py", "vietnamese/*.py"),
    "assets of the scorecard": ("scorecard/assets/*.*", "office/colours.py"),
}


@cache
def digest_of_code(result: str) -> str:
    """sha256 over the package's files behind a result."""
    found = {path for pattern in MADE_WITH[result] for path in HERE.glob(pattern) if path.suffix != ".pyc"}
    return digest_of_files(found)


def digest_of_files(paths: Iterable[Path]) -> str:
    """sha256 over the names and contents of files, in the order of their paths."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
