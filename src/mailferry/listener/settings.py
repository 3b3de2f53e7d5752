"""What an administrator sets about listeners and clients.

Leaves to others: reading TOML and telling all errors at once (config). Invariant: no setting opens a relay or speaks a
TLS version below 1.2 unless it is written down.
"""

from __future__ import annotations

import re
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal

from argon2 import extract_parameters
from argon2.exceptions import InvalidHashError
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from mailferry.mail.address import check_pattern
from mailferry.smtp.limits import BareNewlines
from mailferry.units import Duration, RateLimit, Size

Network = IPv4Network | IPv6Network


def _written(value: object) -> object:
    """Networks are written as text. ipaddress would take false for 0.0.0.0 and 10 for 0.0.0.10."""
    if isinstance(value, str | IPv4Network | IPv6Network):
        return value
    raise ValueError(f'{value!r} is no network; write for example "10.1.0.0/16" or "192.0.2.7"')


Networks = tuple[Annotated[Network, BeforeValidator(_written)], ...]
Pattern = Annotated[str, AfterValidator(check_pattern)]

_ADDRESS = re.compile(r"(?:\[([0-9A-Fa-f:.%\w]+)\]|([^:\[\]]*)):(\d{1,5})", re.ASCII)


class TlsMode(StrEnum):
    NONE = "none"
    STARTTLS = "starttls"
    IMPLICIT = "implicit"


class TlsVersion(StrEnum):
    V1_0 = "1.0"
    V1_1 = "1.1"
    V1_2 = "1.2"
    V1_3 = "1.3"


class Authentication(StrEnum):
    REQUIRED = "required"
    OPTIONAL = "optional"
    NONE = "none"


def parse_address(text: str) -> tuple[str, int]:
    """Host and port of "127.0.0.1:587", "[::1]:587" or ":587" (every interface). Raises ValueError."""
    match = _ADDRESS.fullmatch(text.strip())
    if match is None or int(match[3]) > 65535:
        raise ValueError(f'{text!r} is no address; write for example "127.0.0.1:587", "[::1]:587" or ":587"')
    return match[1] or match[2] or "", int(match[3])


def _checked_address(text: str) -> str:
    parse_address(text)
    return text.strip()


def _checked_hash(text: str) -> str:
    try:
        extract_parameters(text)
    except InvalidHashError:
        raise ValueError("no Argon2 hash (nor may it be the password); `mailferry account hash` makes one") from None
    return text


#: An Argon2 hash that stands in the configuration instead of a password.
PasswordHash = Annotated[str, AfterValidator(_checked_hash)]


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TlsSettings(_Settings):
    """The certificate of every listener that names none of its own."""

    certificate: Path | None = Field(
        default=None,
        description="PEM file with the certificate and its chain. Absent: a self-signed one is made at first start.",
    )
    key: Path | None = Field(default=None, description="PEM file with the private key. Absent: it is in that file.")


class GuardSettings(_Settings):
    """Against guessing of passwords."""

    attempts: int = Field(default=10, ge=1, description="Failed logins of one address or account before it is locked.")
    window: Duration = Field(default=600.0, description="Failures are forgotten after this time without another.")
    lock: Duration = Field(default=300.0, description="The first lock; each further one is twice as long.")
    longest_lock: Duration = Field(default=86_400.0, description="No lock is longer.")
    per_connection: int = Field(default=3, ge=1, description="Failed logins after which a connection is ended.")
    delay: Duration = Field(default=1.0, description="A failed login is answered after this time, whatever its cause.")
    remember: Duration = Field(default=600.0, description="A verified password is not hashed again for this time.")
    entries: int = Field(default=10_000, ge=100, description="Addresses and accounts remembered at most.")


class ListenerSettings(_Settings):
    """One address on which clients connect."""

    name: str = Field(min_length=1, description="Its name in logs, metrics and the console.")
    address: Annotated[str, AfterValidator(_checked_address)] = Field(
        description='Where it listens: "127.0.0.1:587", "[::1]:465", ":25" for every interface.'
    )
    tls: TlsMode = Field(default=TlsMode.STARTTLS, description="none, starttls, or implicit: from the first octet.")
    minimum_tls: TlsVersion = Field(
        default=TlsVersion.V1_2, description="Lowest TLS version. 1.0 and 1.1 are for old devices that know no better."
    )
    certificate: Path | None = Field(default=None, description="Its own certificate instead of the one in [tls].")
    key: Path | None = Field(default=None, description="Its own key.")
    authentication: Authentication = Field(
        default=Authentication.REQUIRED,
        description="required: every client logs in; optional: clients known by network need not; none: no login.",
    )
    allow_plaintext_auth: bool = Field(
        default=False,
        description='With tls = "none": take passwords over the clear connection. Anyone on it reads them.',
    )
    networks: Networks = Field(default=(), description="Who may connect at all. Empty: anyone.")
    proxy_protocol: Networks = Field(
        default=(), description="Load balancers that send a PROXY header (v1 or v2) in front of each connection."
    )
    bare_newlines: BareNewlines = Field(
        default=BareNewlines.REFUSE,
        description="refuse a message with a bare CR or LF, or NUL, or repair it for old devices: CRLF, and no NUL.",
    )
    max_connections: int = Field(default=2000, ge=1, description="Connections at a time.")
    max_connections_per_address: int = Field(
        default=200, ge=1, description="Connections of one address, or /64 of IPv6, at a time."
    )
    max_recipients: int = Field(default=1000, ge=1, description="Recipients of one message.")
    max_size: Size = Field(default=157_286_400, description="Octets of one message; announced by SIZE.")
    idle_timeout: Duration = Field(
        default=300.0, gt=0, description="A connection that sends nothing for this time is ended (RFC 5321: 5 minutes)."
    )
    session_timeout: Duration = Field(
        default=3600.0,
        gt=0,
        description="A connection on which no message was taken for this time is ended, whatever it says; a message on "
        "its way has longer while 500 octets a second come.",
    )
    handshake_timeout: Duration = Field(default=30.0, gt=0, description="For the TLS handshake and the PROXY header.")

    @model_validator(mode="after")
    def _consistent(self) -> ListenerSettings:
        if self.allow_plaintext_auth and self.tls is not TlsMode.NONE:
            raise ValueError('allow_plaintext_auth needs tls = "none"; with TLS, passwords are taken after it only')
        if (
            self.authentication is Authentication.REQUIRED
            and self.tls is TlsMode.NONE
            and not self.allow_plaintext_auth
        ):
            raise ValueError(
                'authentication = "required" with tls = "none" lets nobody in; '
                "set allow_plaintext_auth = true if the network is trusted, or use TLS"
            )
        return self


class ClientSettings(_Settings):
    """One device or program (or a group of alike ones) that submits mail."""

    name: str = Field(min_length=1, description="Its name in logs, rules and the console.")
    password: PasswordHash | None = Field(
        default=None, repr=False, description="Argon2 hash of its password, made by `mailferry account hash`."
    )
    account: str | None = Field(default=None, description="The name it logs in with. Absent: its name.")
    networks: Networks = Field(
        default=(), description="Where it is known by its address, on listeners that do not require a login."
    )
    login_from: Networks = Field(default=(), description="Where its account may log in. Empty: anywhere.")
    senders: tuple[Pattern, ...] = Field(
        default=(), description="Envelope senders it may use: an address, *@example.com, user@*. Empty: any."
    )
    check_from: bool = Field(
        default=True,
        description="With `senders`: From and Sender must name allowed senders only, as Exchange Online demands.",
    )
    recipients: Literal["internal", "anywhere"] | tuple[Pattern, ...] = Field(
        default="internal", description="internal (accepted domains of the tenants), anywhere, or a list of patterns."
    )
    mailbox: str | None = Field(default=None, description="The mailbox its mail is sent from. Absent: the sender.")
    rewrite_from: bool = Field(
        default=False,
        description="Put the sending mailbox into From and envelope, and the original From into Reply-To.",
    )
    max_size: Size | None = Field(default=None, description="Octets of one message, below the listener's limit.")
    rate: RateLimit | None = Field(default=None, description='Messages in a period, for example "30/minute".')
    route: str | None = Field(default=None, description="Its route when no rule matches.")
    owner: str | None = Field(
        default=None,
        pattern=r"^[^@\s<>]+@[^@\s<>]+$",
        description="The person who is told when its mail cannot be delivered. Absent: the sender of the message.",
    )

    @model_validator(mode="after")
    def _consistent(self) -> ClientSettings:
        if self.password is None and not self.networks:
            raise ValueError(f"client {self.name!r} can never be recognised: give it a password or networks")
        return self

    @property
    def login(self) -> str:
        """The account name it logs in with."""
        return self.account or self.name
