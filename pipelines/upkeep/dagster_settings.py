"""Dagster's settings in a home: those of one machine (dagster.yaml), and what the environment adds to them
(deploy/dagster/): history in PostgreSQL, runs of places, runs on other machines."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pipelines.files import read_yaml, write_whole
from pipelines.home import PROJECT, Home

HISTORY, EXECUTOR, PLACES = "KPI57_DAGSTER_POSTGRES", "KPI57_EXECUTOR", "KPI57_PLACES"
BROKER, RESULTS = "KPI57_CELERY_BROKER", "KPI57_CELERY_RESULTS"
IN_PROCESS, CELERY, K8S = "in_process", "celery", "k8s"
_SCHEME = "postgresql+psycopg2://"
_MORE = PROJECT / "deploy" / "dagster"


class SettingsError(ValueError):
    """A variable says what cannot be done; the message says how to write it."""


def executor() -> str:
    """Where runs are executed: in a process of the builder's machine, by Celery's workers, in pods of Kubernetes."""
    named = os.environ.get(EXECUTOR) or IN_PROCESS
    if named not in (IN_PROCESS, CELERY, K8S):
        raise SettingsError(f"{EXECUTOR} is '{named}': write {IN_PROCESS}, {CELERY} or {K8S}")
    if named != IN_PROCESS and not (os.environ.get(HISTORY) and os.environ.get(PLACES)):
        raise SettingsError(f"{EXECUTOR}={named} needs {PLACES} and {HISTORY}: other machines share Dagster's history")
    return named


def queue(place: str | None) -> str:
    """Celery's queue of a place's runs; of the builder's own."""
    return f"place.{place}" if place else "builder"


def use_dagster_home(home: Home) -> None:
    """Point Dagster at the home's run history, with this project's settings. Raises SettingsError."""
    more = _named_by_environment()
    home.dagster.mkdir(parents=True, exist_ok=True)
    own, place = PROJECT / "dagster.yaml", home.dagster / "dagster.yaml"
    text = own.read_text(encoding="utf-8")
    if more:
        settings: dict[str, Any] = {}
        for path in (own, *more):
            settings = _laid_over(settings, read_yaml(path))
        import yaml

        text = yaml.safe_dump(settings, sort_keys=False)
    if not place.exists() or place.read_text(encoding="utf-8") != text:  # others of this home may be reading it
        write_whole(place, text, at_once=True)
    os.environ["DAGSTER_HOME"] = str(home.dagster)
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "1"
    for name, folder in (("KPI57_LOCAL", home.local), (PLACES, home.places)):
        if folder is not None:
            os.environ[name] = str(folder)  # whole: what is started from here works in another folder


def _named_by_environment() -> list[Path]:
    """The settings that the environment asks for beside those of one machine."""
    more = []
    if history := os.environ.get(HISTORY):
        if not history.startswith(_SCHEME):
            raise SettingsError(f"{HISTORY} does not begin with {_SCHEME}: write {_SCHEME}kpi57@db.example.vn/dagster, "
                                f"the password in PGPASSWORD or ~/.pgpass")  # fmt: skip
        if find_spec("dagster_postgres") is None:
            raise SettingsError(f"{HISTORY} is set, and its packages are not installed: make .venv/places.done")
        more.append(_MORE / "postgres.yaml")
    if os.environ.get(PLACES):
        more.append(_MORE / "places.yaml")
    if (named := executor()) != IN_PROCESS:
        more.append(_MORE / f"{named}.yaml")
    if named == CELERY:  # PostgreSQL itself is the queue where no other broker is named
        os.environ.setdefault(BROKER, f"sqla+{history}")
        os.environ.setdefault(RESULTS, f"db+{history}")
    return more


def _laid_over(settings: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    both = {name: _laid_over(settings[name], more[name]) for name in settings.keys() & more.keys()
            if isinstance(settings[name], dict)}  # fmt: skip
    return {**settings, **more, **both}
