"""What a hostile file makes a library do, for tests/test_feedback.py: importable by a worker."""

import os


def act(what: str) -> str:
    if what == "raise":
        raise ValueError("no workbook")
    if what == "abort":
        os.abort()
    if what == "hoard":
        return "x" * (8 * 1024**3)
    return "done"
