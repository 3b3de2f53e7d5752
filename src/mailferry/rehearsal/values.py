"""What a rehearsal found: for each date and client, today's way, the planned way, and a verdict.

Leaves to others: playing (play), judging (verdict), keeping (store) and showing it (cli, reports, console).
Invariant: plain frozen values; a reply is the service's own words, and what was not played has no reply.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from mailferry.m365.facts import Text
from mailferry.planner.values import Way

NO_TEXT = Text("", "")


class Door(StrEnum):
    """Where a client hands its mail over."""

    SUBMISSION = "submission"  # smtp.office365.com
    LEGACY = "legacy"  # smtp-legacy.office365.com, for TLS 1.0 and 1.1
    GRAPH = "graph"
    MX = "mx"  # the tenant's MX: Direct Send
    CONNECTOR = "connector"  # the tenant's MX, known by an inbound connector
    ONPREM = "onprem"  # an Exchange Server on premises
    GATEWAY = "gateway"  # this gateway with the planned configuration
    GATEWAY_OLD = "gateway-old"  # its listener for old devices


class Stage(StrEnum):
    """How far the dialogue came when the last reply was given."""

    CONNECT = "connect"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    TOKEN = "token"  # noqa: S105 - the token endpoint
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    GRAPH = "graph"
    DELIVERY = "delivery"  # the gateway took it, and what it was told upstream is the reply


class Verdict(StrEnum):
    WORKS = "works"  # nothing is changed, and it goes on
    PLAN_WORKS = "plan-works"
    PLAN_FAILS = "plan-fails"
    BREAKS = "breaks"  # nothing is planned for it, and it breaks
    DECISION = "decision"  # the plan waits for somebody to find something out
    RETIRES = "retires"  # to be switched off
    NOT_PLAYED = "not-played"  # cannot be rehearsed; the row says why


#: What an administrator has to act on before the day.
FAILING = frozenset({Verdict.PLAN_FAILS, Verdict.BREAKS})


@dataclass(frozen=True, slots=True)
class Leg:
    """One way, tried: `copies` of `expected` recipients' copies arrived, `intact` that each text is octet for octet
    what was sent. `held`: seconds of the simulated clock until the last was out."""

    door: Door
    taken: bool
    stage: Stage
    reply: str
    messages: int = 0
    expected: int = 0
    copies: int = 0
    intact: bool = True
    held: int = 0

    @property
    def good(self) -> bool:
        return self.taken and self.intact and self.copies == self.expected


@dataclass(frozen=True, slots=True)
class Row:
    """One client on one date. A leg is None where that way was not played; `why` says why nothing could be."""

    client: str  # id in the inventory
    name: str  # what people call it by: its mailbox, else a name or an address
    product: str
    way: Way
    verdict: Verdict
    today: Leg | None
    planned: Leg | None
    why: Text = NO_TEXT
    cause: Text = NO_TEXT  # of the refusal that counts, and its cure
    cure: Text = NO_TEXT
    assumed: tuple[Text, ...] = ()  # what the exports do not tell, and how it was played


@dataclass(frozen=True, slots=True)
class Account:
    """The reconciliation in recipients: whatever was answered 250 is delivered, or waits, or was bounced, once."""

    accepted: int = 0
    delivered: int = 0
    queued: int = 0
    bounced: int = 0
    duplicates: int = 0
    strangers: int = 0

    @property
    def holds(self) -> bool:
        whole = self.accepted == self.delivered + self.queued + self.bounced
        return whole and not self.duplicates and not self.strangers

    def __add__(self, other: Account) -> Account:
        return Account(
            self.accepted + other.accepted,
            self.delivered + other.delivered,
            self.queued + other.queued,
            self.bounced + other.bounced,
            self.duplicates + other.duplicates,
            self.strangers + other.strangers,
        )


@dataclass(frozen=True, slots=True)
class Day:
    """One date: every client once. `skipped`: seconds by which the clock was turned on while mail waited."""

    at: date
    rows: tuple[Row, ...]
    account: Account
    skipped: int = 0

    @property
    def counts(self) -> Counter[Verdict]:
        return Counter(row.verdict for row in self.rows)

    @property
    def broken(self) -> int:
        """How many are refused as they are today."""
        return sum(row.today is not None and not row.today.good for row in self.rows)

    @property
    def delivering(self) -> int:
        """How many deliver once the plan is carried out, those that need no change among them."""
        return self.counts[Verdict.WORKS] + self.counts[Verdict.PLAN_WORKS]

    @property
    def holds(self) -> bool:
        return self.account.holds and not any(row.verdict in FAILING for row in self.rows)


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """All dates of one run. `plan` is the digest of the plan it belongs to."""

    made: datetime
    plan: str
    days: tuple[Day, ...]
    assumed: tuple[Text, ...] = ()  # of the whole tenant

    @property
    def holds(self) -> bool:
        return all(day.holds for day in self.days)
