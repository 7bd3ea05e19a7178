"""Where figures go: each benchmark writes its own part of docs/performance.md, between two comment lines.

What is measured does not belong here.
"""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"


def write_part(name: str, markdown: str, page: Path = PAGE) -> None:
    """Put the text between <!-- name --> and <!-- /name -->, at the page's end where there is no such part yet."""
    part = f"<!-- {name} -->\n{markdown.strip()}\n<!-- /{name} -->"
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    old = re.search(rf"<!-- {re.escape(name)} -->.*?<!-- /{re.escape(name)} -->", text, re.DOTALL)
    text = text[: old.start()] + part + text[old.end() :] if old else f"{text.rstrip()}\n\n{part}\n"
    page.write_text(text.lstrip(), encoding="utf-8")


def machine(*packages: str) -> str:
    """What was measured on: processor, cores, memory, versions. No name of the machine."""
    info = Path("/proc/cpuinfo")
    models = re.findall(r"model name\s*:\s*(.+)", info.read_text(encoding="utf-8")) if info.exists() else []
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30 if hasattr(os, "sysconf") else 0
    of = f"{models[0] if models else platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB"
    return f"{of}; Python {platform.python_version()}, " + ", ".join(f"{name} {version(name)}" for name in packages)


def table(heads: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A Markdown table."""
    heads = list(heads)
    lines = [heads, ["---"] * len(heads), *([str(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
