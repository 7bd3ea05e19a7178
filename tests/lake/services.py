"""A PostgreSQL and an S3 stand-in (moto) of the tests' own, on loopback, gone when the tests end.

As a program it says whether there is a PostgreSQL on this machine (exit code 1: none, and what to install).
"""

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

S3 = Path(sys.prefix, "engines", "s3", "bin", "moto_server")
BUCKET = "kpi57"


def postgres_programs():
    """The folder of initdb and pg_ctl; None where there is none."""
    on_path = shutil.which("initdb")
    found = [Path(on_path).parent] if on_path else []
    found += sorted(Path("/usr/lib/postgresql").glob("[0-9]*/bin"), key=lambda path: int(path.parent.name))
    return found[-1] if found else None


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Postgres:
    """A cluster in a folder of its own. It refuses to run as root: then it belongs to another account."""

    def __init__(self):
        self.programs, self.port = postgres_programs(), free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="kpi57-postgres-"))
        self.account = "postgres" if self._has("postgres") else "nobody"
        if os.geteuid() == 0:
            shutil.chown(self.folder, self.account)
        self.data = self.folder / "data"
        self._do("initdb", "-D", self.data, "-U", "kpi57", "--auth=trust", "--no-sync", "--encoding=UTF8")
        self.start()

    @staticmethod
    def _has(account):
        try:
            return bool(pwd.getpwnam(account))
        except KeyError:
            return False

    def _do(self, program, *words):
        as_other = {"user": self.account, "cwd": self.folder} if os.geteuid() == 0 else {}
        with (self.folder / "said").open("ab") as said:  # a server that stays would hold a pipe open
            subprocess.run(
                [self.programs / program, *map(str, words)], stdout=said, stderr=said, check=True, **as_other
            )

    def start(self):
        options = f"-c port={self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
        self._do("pg_ctl", "-D", self.data, "-w", "-l", self.folder / "log", "-o", options, "start")

    def stop(self):
        """As by a power cut."""
        self._do("pg_ctl", "-D", self.data, "-m", "immediate", "stop")

    def create(self, database):
        self._do("createdb", "-h", "127.0.0.1", "-p", self.port, "-U", "kpi57", database)

    def sql(self, database, statement):
        self._do("psql", "-h", "127.0.0.1", "-p", self.port, "-U", "kpi57", "-d", database, "-c", statement)

    def address(self, database, user="kpi57"):
        return f"ducklake:postgres:dbname={database} host=127.0.0.1 port={self.port} user={user}"

    def end(self):
        self.stop()
        shutil.rmtree(self.folder)


class ObjectStore:
    """S3 as moto plays it."""

    def __init__(self):
        self.port = free_port()
        self.process = subprocess.Popen([S3, "-H", "127.0.0.1", "-p", str(self.port)], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)  # fmt: skip
        self.address = f"http://127.0.0.1:{self.port}"
        until = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(urllib.request.Request(f"{self.address}/{BUCKET}", method="PUT")).close()
                return
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)

    @property
    def environment(self):
        return {"AWS_ACCESS_KEY_ID": "kpi57", "AWS_SECRET_ACCESS_KEY": "kpi57", "AWS_REGION": "us-east-1",
                "AWS_ENDPOINT_URL": self.address}  # fmt: skip

    def end(self):
        self.process.kill()
        self.process.wait()


if __name__ == "__main__" and postgres_programs() is None:
    print("test-lake NOT RUN: there is no PostgreSQL on this machine: apt-get install postgresql")
    sys.exit(1)
