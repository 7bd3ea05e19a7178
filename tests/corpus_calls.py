"""What tests/test_corpus.py does with each file in a worker: importable by it."""

from pipelines.reading.formats.cell_values import UnreadableError
from pipelines.reading.read import read_sheets


def cells_of(path):
    """A file's cells by sheet and place, or why it cannot be read."""
    try:
        return [
            (sheet.name, {place: tuple(cell) for place, cell in sheet.cells.items()}) for sheet in read_sheets(path)
        ]
    except UnreadableError as error:
        return error.code


def run_and_measure():
    """The whole daily run as its user types it; prints the peak memory of the run and of its largest child, in MiB."""
    import re
    import resource
    from pathlib import Path

    from pipelines.cli import main

    main(["run"], standalone_mode=False)
    # not ru_maxrss, which a process takes over from the one that started it
    [own] = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="utf-8"))
    print(int(own) // 1024, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)  # noqa: T201


if __name__ == "__main__":
    run_and_measure()
