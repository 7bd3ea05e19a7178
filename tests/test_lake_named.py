"""The lake without a lake: its address, what a run does where it is named and not to be had. With one: tests/lake."""

import json

import pytest

from pipelines.lake import process
from pipelines.lake.process import ADDRESS, Lake, lake, without_secrets


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("", None),
        ("ducklake:kpi57.ducklake", Lake("ducklake:kpi57.ducklake", "")),
        ("ducklake:postgres:dbname=kpi57 host=db data_path=s3://kpi57/lake/",
         Lake("ducklake:postgres:dbname=kpi57 host=db", "s3://kpi57/lake/")),
        (" ducklake:postgres:dbname=kpi57 data_path=D:\\kpi 57\\lake ",
         Lake("ducklake:postgres:dbname=kpi57", "D:\\kpi 57\\lake")),
    ],
)  # fmt: skip
def test_the_address_of_a_lake_and_where_its_files_are(monkeypatch, said, found):
    monkeypatch.setenv(ADDRESS, said)
    assert lake() == found


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("postgres:dbname=kpi57 password=geheim host=db", "postgres:dbname=kpi57 password=... host=db"),
        ("postgres:password='ge heim' dbname=kpi57", "postgres:password=... dbname=kpi57"),
        ("postgres:postgresql://kpi57:geheim@db/kpi57", "postgres:postgresql://kpi57:...@db/kpi57"),
        ("postgres:postgresql://kpi57@db/kpi57", "postgres:postgresql://kpi57@db/kpi57"),
    ],
)
def test_no_password_is_shown(said, shown):
    assert without_secrets(said) == shown


def test_a_lake_that_cannot_be_had_is_noted_and_fails_nothing(home, monkeypatch, tmp_path):
    from pipelines import flow

    monkeypatch.setenv(ADDRESS, "ducklake:postgres:dbname=kpi57 password=geheim data_path=there/")
    monkeypatch.setattr(process, "ENGINE", tmp_path / "nothing")
    home.warehouse.mkdir(parents=True)
    noted = flow.publish_lake(home)
    assert noted["error"] == "DuckLake's packages are not installed: make .venv/lake.done (docs/many-machines.md)"
    assert json.loads(home.lake.read_bytes()) == noted
    assert "geheim" not in home.lake.read_text(encoding="utf-8")
