"""On a machine without a browser one is got, or one line says what to install."""

import os
import shutil
import sys
from pathlib import Path

import browser
import pytest


@pytest.fixture
def bare(tmp_path, monkeypatch):
    """The folder that is the PATH, on which nothing is but a shell. Playwright has no browser and reaches nobody."""
    path = tmp_path / "bin"
    path.mkdir()
    (path / "sh").symlink_to(shutil.which("sh"))
    monkeypatch.setenv("PATH", str(path))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "playwright"))
    monkeypatch.setattr(browser, "CHANNELS", ())
    monkeypatch.setattr(browser, "PLAYWRIGHT", [sys.executable, "-c", "raise SystemExit('Error: no network')"])
    return path


def program(path: Path, lines: str) -> None:
    path.write_text(f"#!/bin/sh\n{lines}\n")
    path.chmod(0o755)


def test_where_the_playwright_download_fails_the_package_manager_is_asked(bare, tmp_path, monkeypatch, capsys):
    """Given an account that may install, expect the package lists renewed and chromium installed; then it is found."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(browser, "found", lambda: "57.0" if (tmp_path / "installed").exists() else None)
    program(bare / "apt-get", f'echo "$@" >> {tmp_path}/asked; [ "$1" = update ] || : > {tmp_path}/installed')
    assert browser.main() == 0
    asked = (tmp_path / "asked").read_text().splitlines()
    assert asked == ["update -qq", "install -y -qq --no-install-recommends chromium"]
    said = capsys.readouterr().out
    assert "Playwright: Error: no network" in said
    assert "57.0" in said


def test_where_none_can_be_had_one_line_says_what_to_install(bare, tmp_path, monkeypatch, capsys):
    """Given an account that may install nothing, expect no attempt to, and a failure."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    program(bare / "sudo", "echo a password is required >&2; exit 1")
    program(bare / "apt-get", f": > {tmp_path}/asked")
    assert browser.main() == 1
    said = capsys.readouterr()
    assert said.err.splitlines() == [browser.ADVICE]
    assert "chromium" in browser.ADVICE
    assert "no network" in said.out
    assert not (tmp_path / "asked").exists()


def test_a_browser_that_is_there_but_does_not_start_is_none(bare):
    """Ubuntu's chromium-browser is a script that says to install a snap."""
    program(bare / "chromium-browser", "echo requires the chromium snap >&2; exit 1")
    assert browser.found() is None
