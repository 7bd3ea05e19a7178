"""The browser in which the scorecard is tested: one that is there, else one that is got. python tests/browser.py

Looked for: the system's Chromium, Chrome and Edge, then Playwright's own. Got: by Playwright's installer, else by the
system's package manager where this account may use it. 'make test' begins with this; where no browser can be had it
ends with one line that says what to install.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

import click
from playwright.sync_api import Browser, Error, Playwright, sync_playwright

ON_THE_PATH = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge", "msedge")
CHANNELS = ("chrome", "msedge")  # where their installers put them on Windows, macOS and Linux
ADVICE = (
    "no browser to test the scorecard in, and none could be installed: install the package 'chromium', Google Chrome "
    "or Microsoft Edge, and run 'make test' again"
)
PLAYWRIGHT = [sys.executable, "-m", "playwright", "install", "--only-shell", "chromium"]
PACKAGE_MANAGERS = (
    (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"]),
    (["dnf", "install", "-y", "-q", "chromium"],),
    (["apk", "add", "--quiet", "chromium"],),
)
_CONNECTING, _AT_MOST = 10, 900  # seconds: for an answer of the other side, for a whole command


def launch(playwright: Playwright) -> Browser | None:
    """The first browser that starts. One that is there but cannot start (a stub, a library missing) is passed over."""
    for how in _installed():
        try:
            return playwright.chromium.launch(args=["--no-sandbox"], **how)  # type: ignore[arg-type]
        except Error:
            continue
    return None


def found() -> str | None:
    """The version of the browser that is there."""
    with sync_playwright() as playwright:
        browser = launch(playwright)
        if browser is None:
            return None
        version = browser.version
        browser.close()
        return version


def _installed() -> Iterator[dict[str, str]]:
    """What may be installed, as Playwright is told to launch it."""
    for name in ON_THE_PATH:
        if path := shutil.which(name):
            yield {"executable_path": path}
    for channel in CHANNELS:
        yield {"channel": channel}
    yield {}  # Playwright's own


def ways() -> Iterator[tuple[str, list[list[str]]]]:
    """The ways to get a browser: who is asked, and the commands to run one after the other."""
    yield "Playwright", [PLAYWRIGHT]
    rights = _rights()
    for commands in PACKAGE_MANAGERS:
        name = commands[0][0]
        if rights is not None and shutil.which(name):
            yield name, [[*rights, *command] for command in commands]


def _rights() -> list[str] | None:
    """What stands before a command of the package manager; None where this account may not use it."""
    if not hasattr(os, "geteuid"):
        return None  # Windows
    if os.geteuid() == 0:
        return []
    sudo = ["sudo", "-n"]  # never asks for a password
    may = shutil.which("sudo") and subprocess.run([*sudo, "true"], capture_output=True, check=False).returncode == 0
    return sudo if may else None


def run(command: list[str]) -> str | None:
    """Run a command that installs something. Returns why it failed."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive",
                                "PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT": str(1000 * _CONNECTING)}  # fmt: skip
    try:
        ended = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, timeout=_AT_MOST, check=False)  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"took more than {_AT_MOST} s"
    if ended.returncode == 0:
        return None
    said = [line.strip() for line in ended.stdout.splitlines() if line.strip()]
    return next((line for line in said if line.startswith(("Error", "E:", "error"))), said[-1] if said else "failed")


def get() -> str | None:
    """Get a browser, by one way after the other until one has helped. Returns its version."""
    for name, commands in ways():
        click.echo(f"no browser yet: {name} is asked for one")
        fault = next(filter(None, map(run, commands)), None)  # up to the first that fails
        if version := found():
            return version
        click.echo(f"  {name}: {fault or 'what it installed does not start'}")
    return None


def main() -> int:
    version = found() or get()
    click.echo(f"the scorecard is tested in Chromium {version}" if version else ADVICE, err=not version)
    return 0 if version else 1


if __name__ == "__main__":
    sys.exit(main())
