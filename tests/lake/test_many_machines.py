"""Four machines on one, as docs/many-machines.md says to try it: PostgreSQL, workers, Dagster's page and daemon; and
what Kubernetes is given, against its own models. Run by 'make test-lake'."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import duckdb
import psycopg2
import pytest
import yaml
from services import free_port

from pipelines.home import PROJECT

KEPT = ("2026-10",)  # of the illustrative files, the periods that are sent
WAIT_SECONDS = 900
LOST, TAKEN_OVER = "machine-2", "machine-3"


class Shell:
    """What the page has typed, in a home of its own, each part in the folder of the clone."""

    def __init__(self, folder, server):
        self.folder, self.server, self.begun = folder, server, []
        self.env = {name: value for name, value in os.environ.items() if not name.startswith(("KPI57_", "DAGSTER"))}
        self.env |= {"HOME": str(folder), "PGHOST": "127.0.0.1", "PGPORT": str(server.port), "PGUSER": "kpi57"}

    def begin(self, *lines):
        """Begin to do lines; what they say is in a file. Returns the process, which has a group of its own."""
        said = self.folder / f"said-{len(self.begun)}"
        with said.open("w") as out:
            process = subprocess.Popen(["bash", "-ec", "\n".join(lines)], env=self.env, cwd=PROJECT, stdout=out,
                                       stderr=subprocess.STDOUT, start_new_session=True)  # fmt: skip
        self.begun.append(process)
        return process

    def do(self, *lines):
        assert self.begin(*lines).wait() == 0, self.said()

    def said(self):
        return "\n".join(path.read_text(errors="replace")[-4000:] for path in sorted(self.folder.glob("said-*")))

    def until(self, is_so):
        end = time.monotonic() + WAIT_SECONDS
        while not is_so():
            assert time.monotonic() < end, self.said()
            time.sleep(0.5)

    def ask(self, database, question):
        with closing(psycopg2.connect(f"host=127.0.0.1 port={self.server.port} user=kpi57 dbname={database}")) as con:
            con.autocommit = True
            with con.cursor() as cursor:
                cursor.execute(question)
                return cursor.fetchall()

    def end(self):
        for process in self.begun:
            kill(process)


def kill(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()


@pytest.fixture
def shell(postgres, tmp_path):
    for name in ("kpi57", "dagster"):
        postgres.create(name)
    shell = Shell(tmp_path, postgres)
    yield shell
    shell.end()


def typed():
    """The lines of the page: before the workers, the workers by their last folder, the last."""
    text = (PROJECT / "docs" / "many-machines.md").read_text(encoding="utf-8")
    [block] = re.findall(r"```sh\n(.*?)```", text, re.S)
    lines = block.replace("$PWD/.venv/bin", str(Path(sys.executable).parent)).splitlines()
    workers = {re.search(r"/(machine-\d)", line)[1]: line.removesuffix(" &") for line in lines if line.endswith("&")}
    assert len(workers) == 3 and lines[-1].endswith("kpi57 serve")
    return [line for line in lines if "machine-" not in line], workers, f"{lines[-1]} --port {free_port()}"


ENTERED = "SELECT count(*) FROM ledger_line WHERE place = 'hai-phong' AND line LIKE '%\"received\"%'"
RUNS = """SELECT tags.value, runs.status FROM runs JOIN run_tags AS tags USING (run_id)
WHERE tags.key = 'dagster/partition' AND pipeline_name = 'place_run' ORDER BY runs.id"""


def test_from_a_clone_to_the_page_of_all_places_with_a_machine_lost_on_the_way(shell):
    before, workers, serve = typed()
    shell.do(*before)
    settings = before[:-2]
    home, places = shell.folder / "kpi57" / "builder", shell.folder / "kpi57" / "places"
    for path in places.rglob("*.xls*"):
        if not any(period in path.name for period in KEPT):
            path.unlink()
    sent = len(list(places.rglob("*.xls*")))
    assert sent > 20

    machines = {name: shell.begin(*settings, line) for name, line in workers.items()}
    shell.begin(*settings, serve)
    shell.until(lambda: shell.ask("kpi57", "SELECT to_regclass('ledger_line')")[0][0])
    shell.until(lambda: shell.ask("kpi57", ENTERED)[0][0])
    kill(machines[LOST])  # with all it was doing
    shell.begin(*settings, workers[LOST].replace(LOST, TAKEN_OVER))

    def is_whole():
        noted = json.loads((home / "warehouse" / "summary.json").read_text()) if joined() else {}
        return noted.get("outcome") == "succeeded" and count() == sent

    def joined():
        return (home / "warehouse" / "places.json").exists() and (home / "warehouse" / "summary.json").exists()

    def count():
        with duckdb.connect(home / "warehouse" / "kpi.duckdb", read_only=True) as con:
            return con.execute("SELECT count(*) FROM core.fct_submission").fetchall()[0][0]

    shell.until(is_whole)
    pages = {path.name[:5] for path in (home / "warehouse" / "site").glob("*/commune/*.html")}
    communes = {path.name[:5] for path in places.glob("*/sources/inbox/*")}
    assert len(communes) == 5
    assert communes <= pages
    front = (home / "warehouse" / "site" / "index.html").read_text(encoding="utf-8")
    assert "31/index.html" in front, "the country's page leads to the city"
    # each where it was sent, and what was lost was found and done by another
    runs = shell.ask("dagster", RUNS)
    assert ("hai-phong", "FAILURE") in runs
    assert {name for name, status in runs if status == "SUCCESS"} == {"hai-duong", "hai-phong"}
    assert len([one for one in runs if one[0] == "hai-duong"]) == 1
    at = shell.folder / "kpi57"
    assert (at / "machine-1" / "places" / "hai-duong" / "build.duckdb").exists()
    assert (at / TAKEN_OVER / "places" / "hai-phong" / "build.duckdb").exists()
    assert not (at / "machine-1" / "places" / "hai-phong").exists()
    assert len(list(places.glob("*/warehouse/feedback/**/*.xlsx"))) >= sent
    # a place's own summary says how its last run ended
    for name in ("hai-duong", "hai-phong"):
        noted = json.loads((places / name / "warehouse" / "summary.json").read_text(encoding="utf-8"))
        assert (noted["outcome"], noted["published"]["submissions"] > 0) == ("succeeded", True)
    # its history is in PostgreSQL alone
    assert not list(at.rglob("history"))
    assert ("daily", "SUCCESS") in shell.ask("dagster", "SELECT pipeline_name, status FROM runs")


# ---------------------------------------------------------------- Kubernetes


def unknown(given, kind, where):
    """Fields that an object of Kubernetes does not have, anywhere in it."""
    from kubernetes.client import models

    if match := re.fullmatch(r"list\[(.*)\]", kind):
        return [one for n, part in enumerate(given) for one in unknown(part, match[1], f"{where}[{n}]")]
    if not isinstance(given, dict) or kind.startswith("dict"):
        return []
    model = getattr(models, kind, None)
    if model is None:
        return []
    known = {model.attribute_map[name]: of for name, of in model.openapi_types.items()}
    return [
        one
        for name, part in given.items()
        for one in (unknown(part, known[name], f"{where}.{name}") if name in known else [f"{where}.{name}"])
    ]


def test_kubernetes_knows_every_field_of_what_it_is_given():
    from kubernetes.client import models

    objects = list(yaml.safe_load_all((PROJECT / "deploy" / "kubernetes.yaml").read_text(encoding="utf-8")))
    for given in objects:
        kind = f"V1{given['kind']}"
        assert hasattr(models, kind), kind
        if given["kind"] == "RoleBinding":  # its subjects have a name of their own in this client
            given = {name: part for name, part in given.items() if name != "subjects"}
        assert unknown(given, kind, given["kind"]) == []
    [pods] = [one for one in objects if one["kind"] == "Deployment"]
    pods["spec"]["template"]["spec"]["containers"][0]["volumeMount"] = []
    assert unknown(pods, "V1Deployment", "x") == ["x.spec.template.spec.containers[0].volumeMount"]


def test_the_launcher_of_kubernetes_takes_its_settings(monkeypatch):
    from dagster._config import process_config, resolve_to_config_type
    from dagster_k8s.launcher import K8sRunLauncher

    monkeypatch.setenv("KPI57_IMAGE", "registry.example.vn/kpi57:places")
    [settings] = [yaml.safe_load((PROJECT / "deploy" / "dagster" / "k8s.yaml").read_text(encoding="utf-8"))]
    found = process_config(resolve_to_config_type(K8sRunLauncher.config_type()), settings["run_launcher"]["config"])
    assert found.success, found.errors
    assert found.value["job_image"] == "registry.example.vn/kpi57:places"
