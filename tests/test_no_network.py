"""A run calls nobody: traced in the process that runs, and in a namespace without any network."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Warehouse, vietnam
from test_run import ALL_TABLES

from pipelines.home import PROJECT, Home
from pipelines.intake.ledger import Ledger

# Put before everything else in every Python process of the run, reading workers included: notes who is asked for.
TRACE = """
import json, os, socket

def note(what, where):
    with open(os.environ["KPI57_TEST_CALLS"], "a", encoding="utf-8") as calls:
        calls.write(json.dumps([os.getpid(), what, repr(where)]) + "\\n")

note("started", "")

def traced(name):
    call = getattr(socket.socket, name)
    def asked(self, address, *rest):
        if self.family != getattr(socket, "AF_UNIX", None):
            note(name, address)
        return call(self, address, *rest)
    setattr(socket.socket, name, asked)

for name in ("connect", "connect_ex", "sendto", "bind"):
    traced(name)
resolve = socket.getaddrinfo
def getaddrinfo(host, *rest, **more):
    note("getaddrinfo", host)
    return resolve(host, *rest, **more)
socket.getaddrinfo = getaddrinfo
"""


@pytest.fixture
def traced(tmp_path):
    """Run a command with every Python process traced. Returns how it ended and what was asked of the network."""
    (tmp_path / "trace").mkdir()
    (tmp_path / "trace" / "sitecustomize.py").write_text(TRACE, encoding="utf-8")

    def run(home: Home, *command):
        calls = tmp_path / "calls"
        calls.write_text("")
        # the proxy is one nobody listens at: a library that calls home through it is seen as well
        environment = {**os.environ, "PYTHONPATH": f"{tmp_path / 'trace'}{os.pathsep}{PROJECT}",
                       "KPI57_TEST_CALLS": str(calls), "KPI57_HOME": str(home.root), "KPI57_DAY": "2026-11-16",
                       "DAGSTER_DISABLE_TELEMETRY": ""}  # fmt: skip
        ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        return ended, [json.loads(line) for line in calls.read_text(encoding="utf-8").splitlines()]

    return run


def beyond_loopback(calls):
    """What was asked of a network beyond this machine."""
    asked = [(what, where) for _, what, where in calls if what != "started"]
    return [
        (what, where) for what, where in asked if not where.startswith(("('127.", "('::1'", "'localhost'", "'127."))
    ]


KPI57 = [sys.executable, "-c", "from pipelines.cli import main; main()"]
RUN = [*KPI57, "run"]


@pytest.fixture
def waiting(office):
    """A home with a good file and one that is none."""
    Ledger(office.home).append([{"event": "illustrative", "seed": 57, "day": "2026-11-16"}])
    good = office.send("CA", "2026-10", {"XHS-02": {"numerator": 20, "denominator": 40}}, name="good.xlsx")
    bad = office.folder("11164", "VHXH") / "bad.xlsx"
    bad.write_bytes(b"no workbook")
    for day, path in enumerate((good, bad), 10):
        os.utime(path, (vietnam(2026, 11, day).timestamp(),) * 2)
    return office.home


def test_the_trace_sees_a_call(tmp_path, traced, home):
    """Otherwise the tests below would prove nothing."""
    asks = "import socket; s = socket.socket(); s.settimeout(.1); s.connect_ex(('192.0.2.1', 9))"
    _, calls = traced(home, sys.executable, "-c", asks)
    assert beyond_loopback(calls) == [("connect_ex", "('192.0.2.1', 9)")]
    _, calls = traced(home, sys.executable, "-c", "import socket; socket.getaddrinfo('127.0.0.1', 9)")
    assert beyond_loopback(calls) == []


def test_a_run_asks_nothing_of_any_network_and_without_one_does_the_same(traced, waiting, tmp_path):
    """Given the same inbox, run as usual and in a namespace with no network at all, expect the same warehouse."""
    alone = Home(tmp_path / "alone")
    shutil.copytree(waiting.root, alone.root)
    ended, calls = traced(waiting, *RUN)
    assert ended.returncode == 0, ended.stderr
    assert len({pid for pid, what, _ in calls if what == "started"}) > 1, "the workers that read are traced too"
    assert beyond_loopback(calls) == []

    ended, calls = traced(alone, *without_network(), *RUN)
    assert ended.returncode == 0, ended.stderr
    assert beyond_loopback(calls) == []
    there, here = Warehouse(alone.published), Warehouse(waiting.published)
    for table in ALL_TABLES:
        # when a run was at it, it was: it is in the ledger, whose head says so
        left_out = {
            "core.fct_bundle": "EXCLUDE (made_at, bundle_id, manifest_sha256)",
            "core.dim_build": "EXCLUDE (ledger_head)",
        }
        rows = f"SELECT * {left_out.get(table, '')} FROM {table} ORDER BY ALL"
        assert there(rows) == here(rows), table


def without_network():
    """The command that takes a process off every network where the system lets us; elsewhere only the trace speaks."""
    unshare = shutil.which("unshare")
    words = [unshare, "--user", "--map-root-user", "--net"] if unshare else []
    may = unshare and subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0
    return words if may else []


def test_what_listens_listens_on_loopback():
    from pipelines.commands.daily import serve

    [host] = [parameter for parameter in serve.params if parameter.name == "host"]
    assert host.default == "127.0.0.1"


def test_no_part_of_the_code_opens_a_connection_but_alerts_mail_and_the_ledger_in_postgresql():
    networked = ("socket", "urllib.request", "http.client", "smtplib", "imaplib", "requests", "ftplib", "aiohttp",
                 "httpx", "psycopg2")  # fmt: skip
    imports = [
        path.relative_to(PROJECT).as_posix()
        for path in sorted(Path(PROJECT, "pipelines").rglob("*.py"))
        if any(f"import {name}\n" in path.read_text(encoding="utf-8") for name in networked)
    ]
    assert imports == ["pipelines/mail/mailbox.py", "pipelines/shared_ledger.py", "pipelines/upkeep/channels.py"]
