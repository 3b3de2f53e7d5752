"""What an administrator sets about announcements: the [bulletin] section.

Leaves to others: reading TOML (config) and reading the secrets (tokens.secret).
Invariant: with no settings at all nothing is fetched, published, sent or shown to a language model.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from mailferry.tokens.settings import SecretSource
from mailferry.units import Duration, Size

MINUTE, HOUR = 60.0, 3600.0

#: Names of this machine, to which a secret may go in clear.
_HERE = ("localhost", "127.0.0.1", "::1")


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _web_address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{text!r} is no web address; write for example https://www.example.com/news")
    if parts.username is not None or parts.password is not None:
        raise ValueError("a web address must not hold a password; name user and password beside it")
    return text


def _safe_address(text: str) -> str:
    """A password or key goes there: in clear only to this machine itself."""
    parts = urlsplit(_web_address(text))
    if parts.scheme == "http" and parts.hostname not in _HERE:
        raise ValueError("the secret would go over the network in clear; write https://")
    return text.rstrip("/")


def _mail_address(text: str) -> str:
    if re.fullmatch(r"[^\s@<>]+@[^\s@<>]+", text) is None:
        raise ValueError(f"{text!r} is no mail address; write for example it@example.com")
    return text


WebAddress = Annotated[str, AfterValidator(_web_address)]
SafeAddress = Annotated[str, AfterValidator(_safe_address)]
MailAddress = Annotated[str, AfterValidator(_mail_address)]


class WordPressSettings(_Settings):
    """The WordPress site that `mailferry bulletin publish` writes to, by its REST API."""

    url: SafeAddress | None = Field(
        None,
        description="Address of the site, for example https://www.example.com (no wp-admin). Absent: no publishing.",
    )
    user: str = Field("", description="The user who owns the application password; an Author is enough.")
    password: SecretSource | None = Field(
        None, description="Where the application password lies (made in WordPress under Users, Profile)."
    )
    ca_file: Path | None = Field(None, description="PEM file with the authority of the site, where it is private.")
    timeout: Duration = Field(30.0, gt=0, description="How long one request may take.")
    patience: Duration = Field(
        5 * MINUTE, description="How long in all to wait for a site that is busy (429, 5xx) before giving up."
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.url is not None and not (self.user and self.password):
            raise ValueError("url needs user and password of the same site; name both")
        return self


class MailSettings(_Settings):
    """How `mailferry bulletin send` submits a notice: to the gateway, as any client does."""

    host: str = Field("localhost", min_length=1, description="The gateway's listener; its name is in its certificate.")
    port: int = Field(587, ge=1, le=65535, description="Port of that listener.")
    tls: Literal["starttls", "implicit", "none"] = Field(
        "starttls", description="As the listener has it; none only on this machine or without account."
    )
    account: str = Field("", description="The client's account; empty where the listener knows it by its network.")
    password: SecretSource | None = Field(None, description="Where the account's password lies.")
    ca_file: Path | None = Field(None, description="PEM file with the authority of the listener, where it is private.")
    sender: MailAddress | None = Field(
        None, description="The address a notice comes from. Absent: no notice is sent by mail."
    )
    recipients: tuple[MailAddress, ...] = Field((), description="Who gets it where the command names nobody.")
    timeout: Duration = Field(60.0, gt=0, description="How long the gateway may take for one answer.")

    @model_validator(mode="after")
    def _login(self) -> Self:
        if self.account and self.password is None:
            raise ValueError("account needs a password; say where it lies")
        if self.account and self.tls == "none" and self.host not in _HERE:
            raise ValueError("tls none would send the account's password over the network in clear; write starttls")
        return self


class ModelSettings(_Settings):
    """A language model that may reword a notice. What it writes is used only when every fact in it is known."""

    url: SafeAddress | None = Field(
        None,
        description="Base address of an OpenAI-compatible API, for example http://localhost:11434/v1. Absent: none.",
    )
    model: str = Field("", description="Name of the model, as that service calls it.")
    key: SecretSource | None = Field(None, description="Where the API key lies, if the service wants one.")
    ca_file: Path | None = Field(None, description="PEM file with the authority of the service, where it is private.")
    timeout: Duration = Field(60.0, gt=0, description="How long an answer may take; then the notice stays as it is.")
    max_answer: Size = Field(256 << 10, ge=1024, description="An answer larger than this is not read.")

    @model_validator(mode="after")
    def _named(self) -> Self:
        if self.url is not None and not self.model:
            raise ValueError('url needs the name of a model; write for example model = "gpt-4o-mini"')
        return self


class BulletinSettings(_Settings):
    """Announcements: where they are looked for, and where notices go."""

    addresses: tuple[WebAddress, ...] = Field(
        (), description="Pages that `mailferry bulletin watch` looks at for a new or changed announcement."
    )
    interval: Duration = Field(6 * HOUR, ge=5 * MINUTE, description="How often it looks at each.")
    organisation: str = Field("", description="Name of the organisation, as a notice is signed.")
    contact: str = Field("", description="Whom readers of a notice ask: a name, a mail address, a number.")
    wordpress: WordPressSettings = Field(
        WordPressSettings(), description="The WordPress site that notices are published on."
    )
    mail: MailSettings = Field(MailSettings(), description="How notices are sent by mail.")
    model: ModelSettings = Field(ModelSettings(), description="A language model that may reword notices.")
