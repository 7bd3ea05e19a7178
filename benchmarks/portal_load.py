"""How the portal bears a day on which all hand in: python -m benchmarks.portal_load --uploads 200 --seconds 300

Agencies of the communes with a plan send their forms up, evenly over the time, read the answer and hand in; half-way
the server is killed and started again. Every file that was acknowledged must be on disk, once. In a home of its own.
"""

from __future__ import annotations

import argparse
import http.client
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from urllib.parse import urlencode

from pipelines import flow
from pipelines.agencies.form import forms_owed, write_template
from pipelines.home import Home
from pipelines.registry import registry as registries
from pipelines.registry.registry import Registry

PASSWORD = "Đồng-lúa-xanh-57"
PERIOD = "2026-11"
_ACCOUNTS = """
import sys
from pipelines.home import current_home
from pipelines.portal import accounts
places = [line.split() for line in sys.stdin.read().splitlines()]
for commune, agency in places:
    accounts.add(current_home(), f"{agency.lower()}.{commune}", "agency", f"{agency} {commune}", commune, agency)
from django.contrib.auth.hashers import make_password
from pipelines.portal.models import Account
Account.objects.update(password=make_password(sys.argv[1]), must_change=False)
"""


@dataclass
class Load:
    """What the agencies saw. seconds: from sending up to reading what was found."""

    seconds: list[float] = field(default_factory=list)
    acknowledged: list[bytes] = field(default_factory=list)
    again: int = 0
    refused: list[str] = field(default_factory=list)


class Agency:
    """A browser of one agency: keeps its cookies, follows what it is told."""

    def __init__(self, port: int, commune: str, agency: str) -> None:
        self.port, self.place, self.name = port, f"{commune}/{agency}", f"{agency.lower()}.{commune}"
        self.cookies: dict[str, str] = {}
        self.token = ""

    def ask(self, method: str, path: str, body: bytes = b"", kind: str = "application/x-www-form-urlencoded") -> tuple[int, str, str]:  # fmt: skip  # noqa: E501
        """Status, where to go next, text."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        connection.request(method, path, body, {"Content-Type": kind, "Cookie": cookies})
        got = connection.getresponse()
        text = got.read().decode("utf-8", "replace")
        for name, value in got.getheaders():
            if name.casefold() == "set-cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.partition(";")[0]
        connection.close()
        if found := re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', text):
            self.token = found[1]
        return got.status, got.getheader("Location") or "", text

    def post(self, path: str, **fields: str) -> tuple[int, str, str]:
        return self.ask("POST", path, urlencode({"csrfmiddlewaretoken": self.token, **fields}).encode())

    def sign_in(self) -> None:
        self.ask("GET", "/dang-nhap")
        status = self.post("/dang-nhap", username=self.name, password=PASSWORD)[0]
        if status != 302:
            raise RuntimeError(f"{self.name} could not sign in: {status}")
        self.ask("GET", "/mat-khau")

    def send_up(self, data: bytes) -> str:
        """Send a file up and wait for what was found. Returns where it is."""
        part = '--b7\r\nContent-Disposition: form-data; name="{}"'
        body = (part.format("csrfmiddlewaretoken") + f"\r\n\r\n{self.token}\r\n").encode()
        body += (part.format("file") + '; filename="bao-cao.xlsx"\r\n\r\n').encode() + data + b"\r\n--b7--\r\n"
        status, place, text = self.ask("POST", f"/{self.place}/tai-len", body, "multipart/form-data; boundary=b7")
        if status != 303:
            raise RuntimeError(f"refused: {status} {re.sub('<[^>]+>', ' ', text)[-300:]}")
        while True:
            status, _, text = self.ask("GET", place)
            if status == 200 and "<progress" not in text:
                return place
            time.sleep(0.3)


def serve(home: Home) -> tuple[subprocess.Popen[str], int]:
    """The portal of a home, and the port it listens on."""
    code = "import sys; sys.argv[0] = 'kpi57'; from pipelines.cli import main; main()"
    process = subprocess.Popen([sys.executable, "-c", code, "portal", "--port", "0"], env=_environment(home),
                               stderr=subprocess.PIPE, text=True)  # fmt: skip
    assert process.stderr is not None
    while not (found := re.match(r"http://127\.0\.0\.1:(\d+)", line := process.stderr.readline())):
        if not line:
            raise RuntimeError("the portal did not start")
    threading.Thread(target=process.stderr.read, daemon=True).start()
    return process, int(found[1])


def _environment(home: Home) -> dict[str, str]:
    import os

    return os.environ | {"KPI57_HOME": str(home.root), "KPI57_DAY": str(home.day)}


def filled(known: Registry, commune: str, agency: str, number: int, folder: Path) -> bytes:
    """A form with a figure or a task report that differs from all others."""
    period = known.period_of(commune, PERIOD)
    answers: dict[str, dict[str, object]] = {}
    for task in known.tasks_of(commune, agency, period.ends_on)[:1]:
        answers[task["task_id"]] = {"state": known.form["answers"]["state"]["in_progress"], "percent_done": 50,
                                    "difficulty": f"lần {number}"}  # fmt: skip
    for indicator in known.indicators_of(commune, agency, period.ends_on)[:3]:
        if indicator["kind"] == "ratio":
            answers[indicator["indicator_code"]] = {"numerator": 500 + number % 400, "denominator": 1000}
    return write_template(known, commune, agency, PERIOD, folder / "form.xlsx", answers=answers).read_bytes()


def run(uploads: int, seconds: float, home: Home) -> tuple[Load, int]:
    """Bear the load. Returns what was seen, and how many acknowledged files are not on disk exactly once."""
    known = registries.load()
    flow.run_steps(home)
    places = forms_owed(known, None, None, PERIOD)
    subprocess.run([sys.executable, "-c", _ACCOUNTS, PASSWORD], input="\n".join(map(" ".join, places)), text=True,
                   env=_environment(home), check=True)  # fmt: skip
    rng = random.Random(57)
    files = [(*places[n % len(places)], filled(known, *places[n % len(places)], n, home.root)) for n in range(uploads)]
    load, process_and_port = Load(), list(serve(home))
    agencies = {place: Agency(process_and_port[1], *place) for place in places}
    for place in {file[:2] for file in files}:
        agencies[place].sign_in()
    locks = {place: threading.Lock() for place in places}
    begin = time.monotonic()

    def hand_in(number: int) -> None:
        commune, agency, data = files[number]
        time.sleep(max(0.0, begin + seconds * number / uploads + rng.random() - time.monotonic()))
        with locks[commune, agency]:
            _until_acknowledged(agencies[commune, agency], data, load, process_and_port)

    threads = [threading.Thread(target=hand_in, args=[number]) for number in range(uploads)]
    for thread in threads:
        thread.start()
    time.sleep(max(0.0, begin + seconds / 2 - time.monotonic()))
    process_and_port[0].kill()
    process_and_port[0].wait()
    process_and_port[:] = serve(home)
    for thread in threads:
        thread.join()
    process_and_port[0].terminate()
    process_and_port[0].wait()
    there = [path for path in home.inbox.rglob("*") if path.is_file()]
    placed = [path.read_bytes() for path in there if not path.name.startswith(".")]
    stray = len(there) - len(placed)
    return load, stray + sum(placed.count(data) != 1 for data in load.acknowledged)


def _until_acknowledged(agency: Agency, data: bytes, load: Load, serving: list[object]) -> None:
    """Send up and hand in as a person does: where the server does not answer, once more a moment later."""
    place = ""
    for _ in range(60):
        agency.port = int(str(serving[1]))
        try:
            if not place:
                then = time.monotonic()
                place = agency.send_up(data)
                load.seconds.append(time.monotonic() - then)
            status, _, text = agency.post(f"{place}/nop")
            page = agency.ask("GET", place)[2]
            if "<h1>Đã nộp</h1>" in page:
                load.acknowledged.append(data)
            elif "<progress" in page or status >= 500:
                continue
            else:
                load.refused.append(f"{status} {re.sub('<[^>]+>', ' ', text)[-200:]}")
            return
        except (OSError, http.client.HTTPException):
            load.again += 1
            time.sleep(0.5)
    load.refused.append("no answer in half a minute")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--uploads", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=300)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        load, wrong = run(given.uploads, given.seconds, Home(Path(folder), date(2026, 11, 16)))
    took = sorted(load.seconds)
    print(f"{given.uploads} uploads in {given.seconds:.0f} s, the server killed half-way:")
    print(f"{len(load.acknowledged)} acknowledged, {wrong} not on disk exactly once, {len(load.refused)} refused, "
          f"{load.again} tried again")  # fmt: skip
    print(f"from sending up to what was found: median {took[len(took) // 2]:.2f} s, 95 % in "
          f"{took[int(len(took) * 0.95)]:.2f} s, longest {took[-1]:.2f} s")  # fmt: skip
    for why in load.refused[:5]:
        print(f"refused: {why}")
    sys.exit(bool(wrong or load.refused))


if __name__ == "__main__":
    main()
