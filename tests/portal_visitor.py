"""A portal on loopback with accounts of every role, and a visitor that speaks HTTP to it as a browser does."""

import http.client
import json
import os
import re
import subprocess
import sys
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from pipelines import flow
from pipelines.home import PROJECT


def publish(home):
    """What a run does up to the answers."""
    flow.run_steps(home)
    flow.write_feedback(home)


PASSWORD = "Lúa-chín-đồng-xa-57"
ACCOUNTS = {  # name: role, commune, agency
    "ca.vinhlai": ("agency", "11164", "CA"),
    "kt.vinhlai": ("agency", "11164", "KT"),
    "ca.daison": ("agency", "11086", "CA"),
    "daumoi.vinhlai": ("focal", "11164", "VHXH"),
    "lanhdao.vinhlai": ("leader", "11164", ""),
    "lanhdao.daison": ("leader", "11086", ""),
    "thanhpho": ("city", "", ""),
}
_MAKE = """
import sys
from pipelines.home import current_home
from pipelines.portal import accounts
made = {made}
passwords = {{name: accounts.add(current_home(), name, role, f"Người dùng {{name}}", commune, agency)
             for name, (role, commune, agency) in made.items()}}
from pipelines.portal.models import Account
from django.contrib.auth.hashers import make_password
Account.objects.exclude(username__startswith="moi").update(password=make_password({password!r}), must_change=False)
import json
print(json.dumps(passwords))
"""


def make_accounts(home, accounts):
    """Make accounts; all but those named 'moi...' have their own password already. Returns the first passwords."""
    script = _MAKE.format(made=accounts, password=PASSWORD)
    made = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, env=environment(home), capture_output=True,
                          text=True, check=True)  # fmt: skip
    return json.loads(made.stdout)


def environment(home, **more):
    day = {"KPI57_DAY": home.day.isoformat()} if home.day else {}
    return os.environ | {"KPI57_HOME": str(home.root)} | day | more


class Portal:
    """The server of a home, as 'kpi57 portal' starts it."""

    def __init__(self, home, **more):
        self.home, self.more = home, more
        self.start()

    def start(self):
        command = [sys.executable, "-m", "pipelines.cli", "portal", "--port", "0", "--name", "nop.example.vn"]
        code = "import sys; sys.argv[0] = 'kpi57'; from pipelines.cli import main; main()"
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, *command[3:]], cwd=PROJECT, env=environment(self.home, **self.more),
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        said = []
        while not (found := re.match(r"http://127\.0\.0\.1:(\d+)", line := self.process.stderr.readline())):
            said.append(line)
            assert line, "the portal did not start:\n" + "".join(said)
        self.port = int(found[1])
        self.log = Log(self.process.stderr)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


class Log:
    """What the server says, read all the time so that it is never held up."""

    def __init__(self, stream):
        from threading import Thread

        self.lines = []
        Thread(target=lambda: self.lines.extend(stream), daemon=True).start()


@dataclass
class Answer:
    status: int
    headers: dict
    body: bytes

    @property
    def text(self):
        return self.body.decode("utf-8")

    @property
    def place(self):
        return urlsplit(self.headers.get("location", "")).path


@dataclass
class Visitor:
    """Keeps cookies and the newest token of a form. Follows nothing by itself."""

    port: int
    address: str = ""
    cookies: dict = field(default_factory=dict)
    token: str = ""

    def ask(self, method, path, body=b"", headers=None, timeout=60):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        sent = {"Host": f"127.0.0.1:{self.port}", **(headers or {})}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if self.address:
            sent["X-Forwarded-For"] = self.address
        connection.request(method, path, body, sent)
        got = connection.getresponse()
        answer = Answer(got.status, {name.casefold(): value for name, value in got.getheaders()}, got.read())
        for name, value in got.getheaders():
            if name.casefold() == "set-cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.partition(";")[0]
        connection.close()
        if found := re.search(rb'name="csrfmiddlewaretoken" value="(\w+)"', answer.body):
            self.token = found[1].decode()
        return answer

    def get(self, path, **more):
        return self.ask("GET", path, **more)

    def post(self, path, fields=None, token=None, **more):
        form = {"csrfmiddlewaretoken": self.token if token is None else token, **(fields or {})}
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.ask("POST", path, urlencode(form).encode(), headers, **more)

    def sign_in(self, name, password=PASSWORD):
        self.get("/dang-nhap")
        answer = self.post("/dang-nhap", {"username": name, "password": password})
        if answer.status == 302:
            self.get("/mat-khau")  # a token for the forms to come
        return answer

    def send_up(self, place, name, data, **more):
        """Send a file up to '11164/CA'."""
        boundary = uuid.uuid4().hex
        quoted = name.replace("\\", "\\\\").replace('"', '\\"').encode()
        named = f'--{boundary}\r\nContent-Disposition: form-data; name="%s"'
        body = b"".join([
            (named % "csrfmiddlewaretoken" + f"\r\n\r\n{self.token}\r\n").encode(),
            (named % "file" + '; filename="').encode(), quoted,
            b'"\r\nContent-Type: application/octet-stream\r\n\r\n', data, f"\r\n--{boundary}--\r\n".encode(),
        ])  # fmt: skip
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        return self.ask("POST", f"/{place}/tai-len", body, headers, **more)

    def checked(self, place, name, data):
        """Send a file up and read what was found: the page, and where it is."""
        answer = self.send_up(place, name, data)
        assert answer.status == 303, answer.text
        page = self.get(answer.place)
        while 'http-equiv="refresh"' in page.text:
            page = self.get(answer.place)
        return page, answer.place


def files_below(folder: Path):
    return sorted(path for path in folder.rglob("*") if path.is_file()) if folder.exists() else []
