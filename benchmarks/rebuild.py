"""What `kpi57 rebuild` of a city's whole history costs from its verdicts, against reading all originals again.

    python -m benchmarks.rebuild [--months 240] [--write]

The history is city.py's; a first run records its verdicts as segments, then `kpi57 rebuild` makes the warehouse from
them. Reading again is measured on a month of real workbooks ('kpi57 rebuild --reread', 798 of them) and multiplied by
the months; to that comes the rebuild itself, with tables, bundles and site, which both need.
"""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path

import click

from benchmarks.city import COMMUNES, new_month, put, write_forms
from benchmarks.history import SENT, START, City, make_city, run_day
from benchmarks.made_up import AGENCIES, INDICATORS
from benchmarks.report import machine, table, write_part
from benchmarks.spent import KPI57, Spent, spend
from pipelines.home import Home
from pipelines.intake.ledger import Ledger


def command(city: City, *words: str) -> Spent:
    here = {"PYTHONPATH": str(city.project), "KPI57_HOME": str(city.home.root), "KPI57_DAY": SENT.isoformat()}
    return spend([*KPI57, *words], here, city.project)[0]


@click.command(help=__doc__)
@click.option("--months", default=240, show_default=True)
@click.option("--write", is_flag=True, help="Write the table into docs/performance.md.")
def main(months: int, write: bool) -> None:
    with tempfile.TemporaryDirectory() as made:
        city = make_city(Path(made) / "history", months)
        run_day(city, START)
        rebuilt = command(city, "rebuild")
        month = make_city(Path(made) / "month", 1)
        forms = new_month(month.home)
        files = write_forms(month.project / "sources", forms, Path(made) / "forms", datetime(2026, 11, 16))
        real = City(1, month.project, Home(Path(made) / "real"), {})  # these workbooks and nothing else
        Ledger(real.home).append([{"event": "illustrative", "seed": 57, "day": START.isoformat()}])
        put(files, real.home, month.project / "sources")
        run_day(real, SENT)
        base, reread = command(real, "rebuild"), command(real, "rebuild", "--reread")
    files_in_all = COMMUNES * AGENCIES * months
    reading = (reread.processor - base.processor) * months
    rows = [
        ["from the verdicts", f"{rebuilt.clock:.0f} s", f"{rebuilt.processor:.0f} s", "1x"],
        [f"with {files_in_all:,} originals read and checked again", "", f"{rebuilt.processor + reading:,.0f} s",
         f"{1 + reading / rebuilt.processor:.1f}x"],
    ]  # fmt: skip
    said = (f"## Rebuilding twenty years\n`kpi57 rebuild` of {COMMUNES} communes, {months} months, "
            f"{COMMUNES * INDICATORS * months:,} figures; tables, bundles and site are made either way.")  # fmt: skip
    markdown = "\n\n".join([said, table(["", "clock", "processor", "ratio"], rows), machine("duckdb")])
    click.echo(markdown)
    if write:
        write_part("rebuild", markdown)


if __name__ == "__main__":
    main()
