"""What tests/test_corpus.py does with each file in a worker: importable by it."""

from pipelines.reading.cells import UnreadableError
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
    import resource

    from pipelines.cli import main

    main(["run"], standalone_mode=False)
    peaks = [resource.getrusage(who).ru_maxrss // 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(*peaks)  # noqa: T201


if __name__ == "__main__":
    run_and_measure()
