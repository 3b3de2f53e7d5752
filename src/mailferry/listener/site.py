"""What all sessions of all listeners share: the gateway's name, its collaborators, and the decisions it remembers.

Leaves to others: deciding (policy), the choice of a route (the table handed in). Invariant: what is remembered is the
result of pure functions of the key alone, in a bounded dictionary that is emptied when it is full.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Protocol

from mailferry.clock import Clock
from mailferry.listener import policy
from mailferry.listener.accounts import Accounts
from mailferry.listener.enrolment import Enrolment
from mailferry.listener.guard import Guard
from mailferry.listener.identity import Identities
from mailferry.listener.policy import Bucket, Client, Identity
from mailferry.listener.settings import GuardSettings
from mailferry.mail.address import normal_domain
from mailferry.mail.headers import Header, format_date
from mailferry.obs.maillog import MailLog
from mailferry.smtp.replies import Reply
from mailferry.spool.api import Spool

_REMEMBERED = 20_000
#: A From field may have any length; only those as people have are remembered, which bounds the octets too.
_REMEMBERED_OCTETS = 512
#: Fields in which a message says who writes or sends it.
_CLAIMS = (b"from", b"sender", b"resent-from", b"resent-sender")


class Choice(Protocol):
    """The way out of one recipient, as routes.table chooses it."""

    @property
    def route(self) -> str: ...
    @property
    def mailbox(self) -> str: ...
    @property
    def lane(self) -> str: ...


class Table(Protocol):
    """What the listener asks of routes.table."""

    @property
    def sizes(self) -> bool: ...  # whether the way may depend on the size of the message
    def choose(
        self, *, client: str, client_route: str | None, sender: str, mailbox: str, recipient: str, size: int = 0
    ) -> Choice: ...


@dataclass(frozen=True, slots=True)
class GatewayNames:
    """How the gateway calls itself, and gateway-wide rules of acceptance.

    `postmaster` takes mail to <postmaster> without a domain (RFC 5321 section 4.5.1); `internal_domains` are the
    accepted domains of all tenants; `max_received` bounds the hops; `subjects` says whether subjects are kept.
    """

    hostname: str
    internal_domains: frozenset[str] = frozenset()
    postmaster: str = ""
    max_received: int = 50
    subjects: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided about a recipient: a refusal, or the lane and mailbox of the accepted one."""

    refusal: Reply | None
    lane: str = ""
    mailbox: str = ""


class Site:
    """One per gateway. A change of clients makes a new one for new sessions; open ones go on with the old for clients
    that did not change."""

    def __init__(
        self,
        names: GatewayNames,
        identities: Identities,
        accounts: Accounts,
        guard: Guard,
        guarding: GuardSettings,
        *,
        spool: Spool,
        table: Table,
        log: MailLog,
        clock: Clock,
        enrolment: Enrolment | None = None,
    ) -> None:
        self.names = names
        self.hostname = names.hostname
        self.identities = identities
        self.accounts = accounts
        self.guard = guard
        self.guarding = guarding
        self.spool = spool
        self.log = log
        self.clock = clock
        self.enrolment = enrolment
        self._table = table
        self._internal = frozenset(normal_domain(domain) for domain in names.internal_domains)
        self._senders: dict[tuple[Identity, str], Reply | None] = {}
        self._recipients: dict[tuple[Identity, str, str], Verdict] = {}
        self._authors: dict[tuple[Client, bytes], Reply | None] = {}
        self._buckets: dict[Client, Bucket] = {}
        self._second = 0
        self._date = b""
        self._token = secrets.token_hex(6)  # makes Message-IDs of this process unlike those of any other
        self._serial = 0
        self._successor: Site | None = None

    def succeed(self, old: Site) -> None:
        """Take over from `old`: what clients have used of their rates goes on."""
        used = {client.name: bucket for client, bucket in old._buckets.items()}
        self._buckets = {client: used[client.name] for client in self.identities.clients if client.name in used}
        old._successor = self

    def current(self, client: Client) -> bool:
        """Whether a client of this site is still the same in the site at work, so that an open session may go on."""
        site = self
        while site._successor is not None:
            site = site._successor
        return site is self or any(client.same(other) for other in site.identities.clients)

    def sender(self, identity: Identity, path: str) -> Reply | None:
        key = (identity, path)
        try:
            return self._senders[key]
        except KeyError:
            _bound(self._senders)
            found = self._senders[key] = policy.sender(identity, path)
            return found

    def recipient(self, identity: Identity, sender: str, path: str) -> Verdict:
        key = (identity, sender, path)
        try:
            return self._recipients[key]
        except KeyError:
            _bound(self._recipients)
            found = self._recipients[key] = self._judge(identity, sender, path)
            return found

    def author(self, client: Client, raw_from: bytes) -> Reply | None:
        if len(raw_from) > _REMEMBERED_OCTETS:
            return policy.author(client, raw_from)
        key = (client, raw_from)
        try:
            return self._authors[key]
        except KeyError:
            _bound(self._authors)
            found = self._authors[key] = policy.author(client, raw_from)
            return found

    def claims(self, client: Client, header: Header) -> Reply | None:
        """Whether the client may use every field of the section that says who writes or sends the message. Exchange
        Online looks at From and Sender; what is sent on (RFC 5322 section 3.6.6) shows the Resent- fields as well."""
        names = _CLAIMS if header.starts(b"resent-") else _CLAIMS[:2]
        for name in names:
            for author in header.texts(name):
                refusal = self.author(client, author)
                if refusal is not None:
                    return refusal
        return None

    def _judge(self, identity: Identity, sender: str, path: str) -> Verdict:
        client = identity.client
        refusal = policy.recipient(identity, path, self._internal)
        if refusal is not None:
            return Verdict(refusal)
        choice = self._choose(client, sender, path, 0)
        return Verdict(None, choice.lane, choice.mailbox)

    def lane(self, client: Client, sender: str, path: str, verdict: Verdict, size: int) -> str:
        """The lane of a recipient whose message has come and has `size` octets."""
        return self._choose(client, sender, path, size).lane if self._table.sizes else verdict.lane

    def _choose(self, client: Client, sender: str, path: str, size: int) -> Choice:
        return self._table.choose(
            client=client.name,
            client_route=client.route,
            sender=sender,
            mailbox=client.mailbox or sender,
            recipient=path,
            size=size,
        )

    def take(self, client: Client) -> bool:
        """Take one message from the client's rate; False when none is left."""
        rate = client.rate
        if rate is None:
            return True
        bucket = policy.take(self._buckets.get(client), rate, self.clock.time())
        if bucket is None:
            return False
        self._buckets[client] = bucket
        return True

    def date(self) -> bytes:
        """The present date for header fields, made once per second."""
        now = int(self.clock.time())
        if now != self._second:
            self._second, self._date = now, format_date(now).encode()
        return self._date

    def message_id(self) -> str:
        """A new Message-ID (RFC 5322 section 3.6.4): time, this process, a serial number, this host."""
        self._serial += 1
        return f"<{int(self.clock.time()):x}.{self._token}.{self._serial:x}@{self.hostname}>"


def _bound(remembered: dict) -> None:  # type: ignore[type-arg]
    if len(remembered) >= _REMEMBERED:
        remembered.clear()
