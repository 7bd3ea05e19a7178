"""What mail.yml says: who may send for which agencies, where letters are fetched, how answers leave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from pipelines.home import Home
from pipelines.registry.registry import Registry
from pipelines.upkeep.channels import Email, channels, secret

_KNOWN = {"accept", "from", "senders", "authenticated_by", "imap", "smtp"}
_IMAP = {"host", "port", "security", "user", "password", "password_env", "folder"}


class MailError(ValueError):
    """mail.yml is not as it must be, or the mailbox cannot be read; the message says where."""


@dataclass(frozen=True)
class Mailbox:
    """Where letters are fetched by IMAP. security: tls or none (on this machine alone)."""

    host: str
    port: int
    security: str
    user: str
    folder: str
    password: str = field(default="", repr=False)


@dataclass(frozen=True)
class Settings:
    """senders: by address in small letters, the folder of the inbox that its files go to. authenticated_by: the mail
    server that must say of a letter that its sender is not forged ('': none)."""

    accept: bool
    sender: str
    senders: Mapping[str, str]
    authenticated_by: str
    mailbox: Mailbox | None
    server: Email | None


def read_settings(home: Home, registry: Registry) -> Settings:
    """Raises MailError naming what is wrong, or that there is no mail.yml."""
    try:
        said = yaml.safe_load(home.mail_settings.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MailError(f"no {home.shown(home.mail_settings)}: see docs/operations.md, By mail") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise MailError("mail.yml is not YAML: see the example in docs/operations.md") from None
    if not isinstance(said, dict) or said.keys() - _KNOWN:
        odd = sorted(map(str, said.keys() - _KNOWN)) if isinstance(said, dict) else [type(said).__name__]
        raise MailError(f"mail.yml: unknown {', '.join(odd)}; known are {', '.join(sorted(_KNOWN))}")
    try:
        sender = str(said["from"])
        senders = {
            str(address).casefold(): _folder(registry, str(address), str(code))
            for address, code in said["senders"].items()
        }
        server = next(channels({"email": {**said["smtp"], "from": sender, "to": []}}), None) if "smtp" in said else None
        return Settings(
            accept=said.get("accept", True) is True,
            sender=sender,
            senders=senders,
            authenticated_by=str(said.get("authenticated_by", "")).casefold(),
            mailbox=_mailbox(said["imap"]) if "imap" in said else None,
            server=server if isinstance(server, Email) else None,
        )
    except (AttributeError, TypeError, ValueError, KeyError) as error:
        missing = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        raise MailError(f"mail.yml: {missing}") from None


def _folder(registry: Registry, address: str, code: str) -> str:
    """'11164/CA', an agency; or '11164', a commune, each of whose files then says which agency it is of."""
    commune, _, agency = code.partition("/")
    if commune not in registry.city_communes or agency not in {"", *registry.agencies}:
        raise ValueError(f"{address}: '{code}' is neither a commune and agency, as 11164/CA is, nor a commune")
    return f"{registry.folder_of(commune)}/{agency}".rstrip("/")


def _mailbox(said: Any) -> Mailbox:
    if not isinstance(said, dict) or said.keys() - _IMAP:
        raise ValueError(f"imap: known are {', '.join(sorted(_IMAP))}")
    security = said.get("security", "tls")
    if security not in ("tls", "none"):
        raise ValueError(f"imap: security is tls or none, not '{security}'")
    port = int(said.get("port", {"tls": 993, "none": 143}[security]))
    return Mailbox(str(said["host"]), port, security, str(said["user"]), str(said.get("folder", "INBOX")),
                   secret(said, "password"))  # fmt: skip
