"""The envelope: who sent, who receives, and what the client asked for on the way.

Leaves to others: the delivery state of a recipient (spool) and whether it is allowed (listener.policy).
Invariant: recipients come from RCPT alone, in their order, each once; headers never add or remove one.
"""

from __future__ import annotations

from dataclasses import dataclass

from mailferry.smtp.commands import BodyType, Notify


@dataclass(frozen=True, slots=True)
class Recipient:
    """One RCPT. `address` as the client wrote it, without brackets; `orcpt` e.g. "rfc822;user@example.com"."""

    address: str
    notify: Notify = Notify.DEFAULT
    orcpt: str | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """`reverse_path` is "" for the null sender (RFC 5321 section 4.5.5); `ret` ("FULL", "HDRS"), `envid`: RFC 3461."""

    reverse_path: str
    recipients: tuple[Recipient, ...]
    body: BodyType | None = None
    smtputf8: bool = False
    ret: str | None = None
    envid: str | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a message came from: `client` is the configured client's name, `address` its IP, `helo` its EHLO name,
    `account` the login (None by network), `tls` e.g. "TLSv1.3" (None in clear), `listener` the listener's name."""

    client: str
    address: str
    helo: str
    account: str | None
    tls: str | None
    listener: str
