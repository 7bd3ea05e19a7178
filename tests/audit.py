"""Known faults of the packages in the lock, by pip-audit: python tests/audit.py

Exits 1 where a fault is known. Where no service that knows faults can be reached (an office without internet, a mirror
that passes on packages only) nothing can be said; it says so in capitals instead of passing in silence, and exits 0
unless AUDIT=required.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import click

PROJECT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements.lock", "requirements-portal.lock", "requirements-dev.lock")
SERVICES = ("osv", "pypi")


def audit(lock: str, service: str) -> tuple[list[str], list[str], str]:
    """Ask one service about one lock: what was looked at, the faults found, why it could not be asked."""
    command = ["pip-audit", "--requirement", lock, "--disable-pip", "--vulnerability-service", service,
               "--format", "json", "--progress-spinner", "off", "--timeout", "15"]  # fmt: skip
    command[0] = str(Path(sys.executable).with_name("pip-audit"))
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    try:
        packages = json.loads(ended.stdout)["dependencies"]
    except (ValueError, KeyError):
        return [], [], (ended.stderr.strip().splitlines() or ["no answer"])[-1][:300]
    return judged(packages)


def judged(packages: list[dict[str, object]]) -> tuple[list[str], list[str], str]:
    """What pip-audit's answer says: packages it knew, faults, and why it knew none."""
    known = [package for package in packages if "skip_reason" not in package]
    faults = [
        f"{package['name']} {package['version']}: {fault['id']}, fixed in {', '.join(fault['fix_versions']) or 'none'}"
        for package in known
        for fault in package["vulns"]
    ]
    skipped = [str(package["skip_reason"]) for package in packages if "skip_reason" in package]
    return [str(package["name"]) for package in known], faults, skipped[0] if skipped else ""


def main() -> int:
    not_audited = []
    for lock in LOCKS:
        why = []
        for service in SERVICES:
            looked_at, faults, why_not = audit(lock, service)
            if faults:
                click.echo("\n  ".join([f"{lock}: known faults, by {service}:", *faults]))
                return 1
            if looked_at:
                click.echo(f"{lock}: no known fault in {len(looked_at)} packages, by {service}")
                if why_not:
                    click.echo(f"  not every package was looked at: {why_not}")
                break
            why.append(f"{service}: {why_not}")
        else:
            not_audited.append(lock)
            notice = f"{lock}: NOT AUDITED, no service that knows faults could be reached"
            click.echo("\n  ".join([notice, *why, "Run 'make check' where there is internet, at least once a month."]))
    return int(bool(not_audited) and os.environ.get("AUDIT") == "required")


if __name__ == "__main__":
    sys.exit(main())
