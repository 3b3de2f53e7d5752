"""Who may send what: pure decisions from a client, an envelope and limits to a Reply, or None for "allowed".

Leaves to others: who the client is (identity), passwords (accounts, guard), remembering decisions (decisions), and
talking (session). Invariant: no client, and no client that only its network vouches for, relays to the world by being
forgotten in a setting: what is not allowed is refused (no open relay).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields

from mailferry.listener.settings import Authentication, ClientSettings, Network
from mailferry.mail.address import Patterns, domain_of
from mailferry.mail.authors import mailboxes
from mailferry.smtp.replies import Reply, reply
from mailferry.units import Rate

OK = reply(250, "2.0.0", "OK")
SENDER_OK = reply(250, "2.1.0", "Sender OK")
RECIPIENT_OK = reply(250, "2.1.5", "Recipient OK")

#: RFC 4954 section 6.
AUTHENTICATION_REQUIRED = reply(530, "5.7.0", "Authentication required")
#: RFC 3207 section 4; the status as Postfix and Exim give it.
TLS_REQUIRED = reply(530, "5.7.0", "Must issue a STARTTLS command first")
#: RFC 4954 section 6: encryption required for the mechanism.
ENCRYPTION_REQUIRED = reply(538, "5.7.11", "Encryption required for authentication")
UNKNOWN_CLIENT = reply(550, "5.7.1", "This address is not known as a client")
SENDER_REFUSED = reply(550, "5.7.1", "This client may not send from that address")
SENDER_SYNTAX = reply(553, "5.1.7", "The sender needs a domain")
FROM_REFUSED = reply(550, "5.7.1", "This client may not send with that From address")
RECIPIENT_REFUSED = reply(550, "5.7.1", "This client may not send to that address")
RECIPIENT_SYNTAX = reply(553, "5.1.3", "The recipient needs a domain")
RELAY_REFUSED = reply(550, "5.7.1", "Relaying denied")
TOO_MANY_RECIPIENTS = reply(452, "4.5.3", "Too many recipients")
TOO_LARGE = reply(552, "5.3.4", "The message is larger than this client may send")
#: RFC 3463 section 3.7: X.6.0, the message's own; the sentence as Cyrus has it.
NUL_REFUSED = reply(554, "5.6.0", "The message contains NUL characters")
TOO_FAST = reply(450, "4.7.1", "Too many messages in a short time, try again later")
UNKNOWN_PARAMETER = reply(555, "5.5.4", "A parameter of this command is not supported")
#: RFC 5321 section 6.3 on loops; RFC 3463: 5.4.6 routing loop detected.
LOOPING = reply(554, "5.4.6", "Too many hops: the message goes round in a loop")

#: Octets of a From field that is looked into.
_LONGEST_AUTHOR = 8192
#: In a local part these route on to another host at mail servers that follow them: the percent hack, bang paths and
#: quoted addresses (RFC 5321 appendix F.2 and F.6; Postfix does for whom it trusts, such as a gateway).
_ROUTING = re.compile("[%!@]")

#: A network of public addresses that holds more than this many hosts is "the world", not a site.
_WIDEST_V4, _WIDEST_V6 = 16, 32


@dataclass(frozen=True, slots=True, eq=False)
class Client:
    """A client as policy sees it, made from its settings once and compared by identity. `recipients` None means
    anywhere, `internal` that the accepted domains are allowed."""

    name: str
    account: str
    password: str | None
    networks: tuple[Network, ...]
    login_from: tuple[Network, ...]
    senders: Patterns
    check_from: bool
    internal: bool
    recipients: Patterns | None
    mailbox: str
    rewrite_from: bool
    max_size: int
    rate: Rate | None
    route: str | None
    too_wide: str  # why, when its networks are the world

    def __repr__(self) -> str:
        return f"<client {self.name}>"

    def same(self, other: Client) -> bool:
        """Whether both were made from the same settings."""
        return all(getattr(self, one.name) == getattr(other, one.name) for one in fields(self))

    @classmethod
    def of(cls, settings: ClientSettings) -> Client:
        listed = settings.recipients if isinstance(settings.recipients, tuple) else ()
        return cls(
            name=settings.name,
            account=settings.login,
            password=settings.password,
            networks=settings.networks,
            login_from=settings.login_from,
            senders=Patterns.of(settings.senders),
            check_from=settings.check_from and bool(settings.senders) and not settings.rewrite_from,
            internal=settings.recipients == "internal",
            recipients=None if settings.recipients == "anywhere" else Patterns.of(listed),
            mailbox=settings.mailbox or "",
            rewrite_from=settings.rewrite_from,
            max_size=settings.max_size or 0,
            rate=settings.rate,
            route=settings.route,
            too_wide=wide(settings.networks),
        )


def wide(networks: Iterable[Network]) -> str:
    """Why these networks are the world rather than a site, "" when they are a site. Halves of a wide network count
    together, so that 0.0.0.0/1 and 128.0.0.0/1 are what they are."""
    public = {4: 0, 6: 0}
    for network in networks:
        if network.is_private or network.is_loopback or network.is_link_local:
            continue
        public[network.version] += network.num_addresses
    if public[4] > 1 << (32 - _WIDEST_V4):
        return f"its networks hold {public[4]:,} public IPv4 addresses"
    if public[6] > 1 << (128 - _WIDEST_V6):
        return "its networks hold more public IPv6 addresses than one site has"
    return ""


@dataclass(frozen=True, slots=True, eq=False)
class Identity:
    """Who speaks: the client, and whether a login (its account) or only its network vouches for it. identity.py makes
    one of each per client, so that decisions can be remembered by it."""

    client: Client
    account: str | None = None


def admission(identity: Identity | None, authentication: Authentication) -> Reply | None:
    """Whether mail is taken at all."""
    if identity is None:
        return UNKNOWN_CLIENT if authentication is Authentication.NONE else AUTHENTICATION_REQUIRED
    if identity.account is None and authentication is Authentication.REQUIRED:
        return AUTHENTICATION_REQUIRED
    return None


def sender(identity: Identity, path: str) -> Reply | None:
    """Whether this client may use the reverse path. The null path (RFC 5321 section 4.5.5) is open to whoever may use
    any sender, has a mailbox to send it from, or lists "<>"."""
    client = identity.client
    if not path:
        return None if client.mailbox or not client.senders or client.senders.match("") else SENDER_REFUSED
    if not domain_of(path):
        return SENDER_SYNTAX
    return None if not client.senders or client.senders.match(path) else SENDER_REFUSED


def recipient(identity: Identity, path: str, internal_domains: frozenset[str]) -> Reply | None:
    """Whether this client may send to the path."""
    client = identity.client
    local, domain = path.rpartition("@")[0], domain_of(path)
    if not domain:  # RFC 5321 section 4.5.1 wants <postmaster> taken; session.py completes it before it asks
        return RECIPIENT_SYNTAX
    anywhere = client.recipients is None and not (identity.account is None and client.too_wide)
    if not anywhere and _ROUTING.search(local) and not (client.recipients and client.recipients.match_exact(path)):
        return RELAY_REFUSED
    if domain in internal_domains and (client.internal or client.recipients is None):
        return None
    if identity.account is None and client.too_wide:
        named = client.recipients is not None and client.recipients.match_named(path)
        return None if named else RELAY_REFUSED
    return None if client.recipients is None or client.recipients.match(path) else RECIPIENT_REFUSED


def author(client: Client, raw_from: bytes) -> Reply | None:
    """Whether this client may use a From or Sender field with this text. A field without an address is no claim; one
    in which something like an address is not found, or that no honest program writes so long, is refused."""
    if len(raw_from) > _LONGEST_AUTHOR:
        return FROM_REFUSED
    found = mailboxes(raw_from)
    if not found and b"@" in raw_from:
        return FROM_REFUSED
    return None if all(client.senders.match(mailbox.address) for mailbox in found) else FROM_REFUSED


def size(client: Client, octets: int | None) -> Reply | None:
    """Against the client's own limit; the listener's is kept by the core."""
    return TOO_LARGE if client.max_size and octets and octets > client.max_size else None


@dataclass(frozen=True, slots=True)
class Bucket:
    """A token bucket: `tokens` left at the time `at`."""

    tokens: float
    at: float


def take(bucket: Bucket | None, rate: Rate, now: float) -> Bucket | None:
    """The bucket after one message, or None when it is empty. A new one is full. A clock that stepped back adds
    nothing and takes nothing."""
    if bucket is None:
        return Bucket(rate.count - 1.0, now)
    grown = max(0.0, now - bucket.at) * rate.count / rate.seconds
    tokens = min(float(rate.count), bucket.tokens + grown)
    return Bucket(tokens - 1.0, now) if tokens >= 1.0 else None
