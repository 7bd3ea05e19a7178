"""The lake: publish to it, compare it, list and forget its snapshots. How is pipelines/lake."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from pipelines.commands import EXIT_ERRORS, alone
from pipelines.home import current_home

if TYPE_CHECKING:
    from pipelines.lake.process import Lake


@click.group()
def lake() -> None:
    """The published tables for readers on other machines, in the DuckLake that KPI57_LAKE names."""


def _lake() -> Lake:
    from pipelines.lake.process import ADDRESS
    from pipelines.lake.process import lake as named

    found = named()
    if found is None:
        raise click.ClickException(f"{ADDRESS} names no lake, as in '{ADDRESS}=ducklake:postgres:dbname=kpi57 "
                                   "data_path=s3://kpi57/' (docs/many-machines.md)")  # fmt: skip
    return found


@lake.command("publish")
@click.option("--replace", is_flag=True, help="Whatever the lake holds, of another home too.")
def publish(replace: bool) -> None:
    """Make the lake hold what is published, as every run does at its end."""
    from pipelines import flow

    _lake()
    home = current_home()
    with alone(home):
        noted = flow.publish_lake(home, replace=replace)
    if noted["error"]:
        raise click.ClickException(noted["error"])
    for table, rows in noted["written"].items():
        click.echo(f"  {table:<34} {rows} rows")
    click.echo(f"snapshot {noted['snapshot']}: {len(noted['written'])} of {noted['tables']} tables written")


@lake.command("compare")
def compare() -> None:
    """Compare every row of the lake with what is published here; exit code 1 where they differ."""
    from pipelines.lake import process

    try:
        found = process.compare(current_home(), _lake())
    except process.LakeError as error:
        raise click.ClickException(str(error)) from None
    for table, words in found["differs"].items():
        click.echo(f"  {table}: {words}")
    if found["differs"]:
        click.echo(f"snapshot {found['snapshot']} is not what is published here: kpi57 lake publish --replace")
        sys.exit(EXIT_ERRORS)
    click.echo(f"snapshot {found['snapshot']} is what is published here, in all {found['tables']} tables and views")


@lake.command("snapshots")
@click.option("--newest", type=click.IntRange(1), default=30, show_default=True, help="How many.")
def snapshots(newest: int) -> None:
    """What was published when, newest first."""
    from pipelines.lake import process

    try:
        found = process.snapshots(_lake(), newest)
    except process.LakeError as error:
        raise click.ClickException(str(error)) from None
    for one in found:
        click.echo(f"{one['snapshot']:>6}  {one['at']}  {one['message']}")


@lake.command("tidy")
@click.option("--days", type=click.IntRange(1), default=400, show_default=True, help="Snapshots older than that go.")
def tidy(days: int) -> None:
    """Forget old snapshots, write small files together, delete files that nothing names."""
    from pipelines.lake import process

    home = current_home()
    try:
        with alone(home):
            done = process.tidy(_lake(), days)
    except process.LakeError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{done['expired']} snapshots forgotten, {done['files']} files deleted")
