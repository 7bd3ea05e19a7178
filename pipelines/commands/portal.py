"""The portal and its accounts. What they do is in portal/, which needs the extra of that name."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from pipelines.commands import EXIT_BUSY
from pipelines.home import current_home

ROLES = ("agency", "focal", "leader", "city")


@contextmanager
def _installed() -> Iterator[None]:
    """Says what to install where the extra is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("argon2", "axes", "django", "waitress"):
            raise
        raise click.ClickException(
            f"the portal needs {error.name}, which is not installed: pip install 'kpi57[portal]'"
        ) from None


@click.command()
@click.option("--port", default=3058, show_default=True, help="Port to listen on; always on loopback alone.")
@click.option(
    "--name", "names", multiple=True, metavar="HOST",
    help="A name under which the office's web server is asked for the portal; may be given several times.",
)  # fmt: skip
def portal(port: int, names: tuple[str, ...]) -> None:
    """Where agencies hand in their files in a browser: a web server on loopback, until stopped.

    It stands behind the office's own web server, which speaks TLS: without it nobody can sign in from elsewhere.
    """
    with _installed():
        from pipelines.portal.server import InUseError, serve

        try:
            serve(current_home(), port, names, _say_where)
        except InUseError as error:
            click.echo(f"kpi57: {error}", err=True)
            sys.exit(EXIT_BUSY)
        except OSError as error:
            raise click.ClickException(f"port {port}: {error.strerror or error}") from None
        except KeyboardInterrupt:
            click.echo("stopping", err=True)


def _say_where(port: int) -> None:
    click.echo(f"http://127.0.0.1:{port} (Ctrl+C to stop)", err=True)


@click.group()
def users() -> None:
    """Who may sign in at the portal: accounts with a role and what they reach."""


def _told(username: str, act: Callable[[], str]) -> None:
    with _installed():
        try:
            password = act()
        except (LookupError, ValueError) as error:
            raise click.ClickException(str(error.args[0])) from None
    click.echo(f"{username} signs in with {password}, and chooses another at once. It is shown only here.")


@users.command()
@click.argument("username")
@click.option("--role", type=click.Choice(ROLES), required=True, help="What the account may do.")
@click.option("--person", required=True, help="Full name; kept with every act.")
@click.option("--commune", default="", metavar="CODE", help="Commune code, for all roles but city.")
@click.option("--agency", default="", metavar="CODE", help="Agency code, for the roles agency and focal.")
def add(username: str, role: str, person: str, commune: str, agency: str) -> None:
    """Make an account; says its first password."""
    from pipelines.portal import accounts

    _told(username, lambda: accounts.add(current_home(), username, role, person, commune, agency))


@users.command()
@click.argument("username")
def reset(username: str) -> None:
    """Give an account a new first password; its sessions end, and it may sign in again if it was disabled."""
    from pipelines.portal import accounts

    _told(username, lambda: accounts.reset(current_home(), username))


@users.command()
@click.argument("username")
def disable(username: str) -> None:
    """Let an account sign in no more; its sessions end. What it did stays."""
    from pipelines.portal import accounts

    with _installed():
        try:
            accounts.disable(current_home(), username)
        except LookupError as error:
            raise click.ClickException(str(error.args[0])) from None
    click.echo(f"{username} can sign in no more")


@users.command("list")
def list_() -> None:
    """The accounts: name, role, commune, agency, person, and when each signed in last."""
    from pipelines.portal import accounts

    with _installed():
        for one in accounts.listed(current_home()):
            last = f"{one.last_login:%Y-%m-%d}" if one.last_login else "never"
            state = "disabled" if not one.is_active else "first password" if one.must_change else "active"
            click.echo("\t".join((one.username, one.role, one.commune_code or "-", one.agency_code or "-", one.person,
                                  state, last)))  # fmt: skip
