"""How a message travels: e-mail by SMTP, or a POST of JSON to a webhook. What is told to whom is in alerts.py."""

from __future__ import annotations

import email.policy
import http.client
import json
import os
import smtplib
import ssl
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any, Protocol
from urllib.parse import urlsplit

SECONDS = 20


@dataclass(frozen=True)
class Message:
    """One message. kind: what it is about ('overdue'), for programs. attached: a page, by its name; e-mail alone."""

    kind: str
    title: str
    body: str
    is_illustrative: bool
    attached: tuple[str, str] | None = None


class Channel(Protocol):
    """A way to reach people. secrets: words of its settings that must appear in no log."""

    @property
    def name(self) -> str: ...
    @property
    def secrets(self) -> list[str]: ...
    def send(self, message: Message) -> str | None:
        """Send. Returns why it could not be sent, else None."""


@dataclass(frozen=True)
class Email:
    host: str
    port: int
    security: str
    sender: str
    to: tuple[str, ...]
    user: str = ""
    password: str = field(default="", repr=False)
    name: str = "e-mail"

    @property
    def secrets(self) -> list[str]:
        return [self.password] if self.password else []

    def send(self, message: Message) -> str | None:
        mail = EmailMessage(policy=email.policy.SMTP)
        mail["From"], mail["To"], mail["Subject"] = self.sender, ", ".join(self.to), message.title
        mail["Date"], mail["Message-ID"] = formatdate(localtime=True), make_msgid(domain=self.sender.split("@")[-1])
        mail.set_content(message.body + "\n")
        if message.attached:
            name, page = message.attached
            mail.add_attachment(page, subtype="html", charset="utf-8", filename=name)
        return self.deliver(mail)

    def deliver(self, mail: EmailMessage) -> str | None:
        """Hand a mail to the server. Returns why that could not be done, else None."""
        try:
            with self._connect() as server:
                if self.user:
                    server.login(self.user, self.password)
                server.send_message(mail)
        except (OSError, smtplib.SMTPException) as error:
            return f"{type(error).__name__}: {error}"
        return None

    def _connect(self) -> smtplib.SMTP:
        if self.security == "tls":
            return smtplib.SMTP_SSL(self.host, self.port, timeout=SECONDS, context=ssl.create_default_context())
        server = smtplib.SMTP(self.host, self.port, timeout=SECONDS)
        if self.security == "starttls":
            try:
                server.starttls(context=ssl.create_default_context())
            except BaseException:
                server.close()
                raise
        return server


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follow no redirect: a token goes where the settings say and nowhere else."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


@dataclass(frozen=True)
class Webhook:
    url: str = field(repr=False)
    token: str = field(default="", repr=False)
    name: str = "webhook"

    @property
    def secrets(self) -> list[str]:
        """Services put the key into the address, so the address beyond its host is a secret too."""
        beyond = urlsplit(self.url)
        return [s for s in (self.token, self.url, beyond.path.strip("/"), beyond.query) if len(s) > 3]

    def send(self, message: Message) -> str | None:
        body = {"kind": message.kind, "title": message.title, "text": f"{message.title}\n\n{message.body}",
                "is_illustrative": message.is_illustrative}  # fmt: skip
        headers = {"Content-Type": "application/json; charset=utf-8"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        request = urllib.request.Request(self.url, json.dumps(body, ensure_ascii=False).encode(), headers)
        try:
            with urllib.request.build_opener(_Stay).open(request, timeout=SECONDS):
                return None
        except (OSError, http.client.HTTPException) as error:
            return f"{type(error).__name__}: {error}"


def channels(said: Mapping[str, Any]) -> Iterator[Channel]:
    """The channels that alerts.yml names. Raises ValueError or KeyError for what is wrong or missing in it."""
    if mail := _section(said, "email", {"host", "port", "security", "from", "to", "user"} | _secret("password")):
        security = mail.get("security", "starttls")
        if security not in ("starttls", "tls", "none"):
            raise ValueError(f"email: security is starttls, tls or none, not '{security}'")
        to = mail["to"] if isinstance(mail["to"], list) else [mail["to"]]
        port = int(mail.get("port", {"starttls": 587, "tls": 465, "none": 25}[security]))
        yield Email(str(mail["host"]), port, security, str(mail["from"]), tuple(map(str, to)),
                    str(mail.get("user", "")), secret(mail, "password"))  # fmt: skip
    if hook := _section(said, "webhook", _secret("url") | _secret("token")):
        url = secret(hook, "url")
        if urlsplit(url).scheme not in ("http", "https"):
            raise ValueError("webhook: url (or the variable that url_env names) must begin with https:// or http://")
        yield Webhook(url, secret(hook, "token"))


def _secret(name: str) -> set[str]:
    return {name, f"{name}_env"}


def _section(said: Mapping[str, Any], name: str, known: set[str]) -> dict[str, Any]:
    section = said.get(name) or {}
    if not isinstance(section, dict) or section.keys() - known:
        raise ValueError(f"{name}: known are {', '.join(sorted(known))}")
    return section


def secret(section: Mapping[str, Any], name: str) -> str:
    """A secret: written there, or in the environment variable that '<name>_env' names."""
    variable = section.get(f"{name}_env")
    if variable is None:
        return str(section.get(name, ""))
    if variable not in os.environ:
        raise ValueError(f"the environment variable {variable} is not set")
    return os.environ[variable]
