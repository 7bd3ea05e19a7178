"""Where figures go: each benchmark writes its own part of docs/performance.md, between two comment lines.

What is measured does not belong here.
"""

from __future__ import annotations

import os
import platform
import re
import tempfile
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path

import click

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


def part_command(name: str, part: Callable[[int, Path], str]) -> click.Command:
    """The command of a benchmark that measures in an empty folder and prints its part. part: of runs and the folder."""

    @click.command()
    @click.option("--runs", default=5, show_default=True)
    @click.option("--write/--no-write", default=False, help="Put the table into docs/performance.md.")
    def main(runs: int, write: bool) -> None:
        """Print the table of docs/performance.md."""
        with tempfile.TemporaryDirectory() as folder:
            markdown = part(runs, Path(folder))
        click.echo(markdown)
        if write:
            write_part(name, markdown)

    return main
