"""The plan as values: what is done with each client, when, and why.

Leaves to others: deciding (rules), dating (waves) and writing (papers). Invariant: a plan is a pure function of
inventory, settings and day; the same input gives the same plan.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from mailferry.inventory.records import Client
from mailferry.m365.facts import Text


class Way(StrEnum):
    """How a client sends after the change."""

    OWN_OAUTH = "own-oauth"  # the client itself signs in by OAuth (SMTP), after an update or a setting
    OWN_GRAPH = "own-graph"  # the client has a Graph sender of its own
    GATEWAY_SMTP = "gateway-smtp"  # through the gateway, out by exchange-smtp (OAuth)
    GATEWAY_GRAPH = "gateway-graph"
    GATEWAY_HVE = "gateway-hve"  # internal recipients only
    GATEWAY_ACS = "gateway-acs"
    GATEWAY_ONPREM = "gateway-onprem"  # out by an on-premises Exchange's anonymous relay connector
    CONNECTOR = "connector"  # straight to the tenant's MX by an inbound connector
    DIRECT_SEND = "direct-send"
    NOTHING = "nothing"  # it does not break
    RETIRE = "retire"  # not seen for long: ask, then switch off
    ASK = "ask"  # too little is known: what would settle it is the first step


NO_TEXT = Text("", "")
#: The cloud of Microsoft that a tenant is in unless somebody says otherwise.
WORLDWIDE = "worldwide"

#: The ways that lead through this gateway; the others are changes on the client itself.
THROUGH_GATEWAY = frozenset(way for way in Way if way.value.startswith("gateway-"))


class Effort(StrEnum):
    SMALL = "small"  # a setting on the client
    MEDIUM = "medium"  # a visit, firmware, or a change in a program's configuration
    LARGE = "large"  # code, a new device, or a contract


class Risk(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class Refused:
    """An alternative that was not taken, and why."""

    way: Way
    rule: str
    reason: Text


@dataclass(frozen=True, slots=True)
class LimitCheck:
    """A published limit against the observed peak."""

    limit: str  # e.g. "messages per minute and mailbox"
    published: int
    observed: int | None
    source: str
    kept: bool | None  # None: nothing observed
    note: Text = NO_TEXT  # what the two figures alone would hide: a gateway that spreads a peak, say


@dataclass(frozen=True, slots=True)
class Item:
    """One client's line of the plan."""

    client: Client
    way: Way
    rule: str  # the rule that decided
    reason: Text
    evidence: tuple[str, ...]
    steps: tuple[Text, ...]  # what its owner and the administrator do, in order
    refused: tuple[Refused, ...]
    limits: tuple[LimitCheck, ...]
    effort: Effort
    risk: Risk
    owner: str
    wave: int  # 0: nothing to do
    day: date | None  # a working day, None for wave 0
    source: str  # where the deciding fact stands
    product: str = ""  # its name, where it was recognised


@dataclass(frozen=True, slots=True)
class Wave:
    number: int
    first: date
    last: date
    reason: Text
    clients: tuple[str, ...]  # ids


@dataclass(frozen=True, slots=True)
class Plan:
    made: date
    cutoff: date  # Basic authentication is disabled by default from here
    items: tuple[Item, ...]
    waves: tuple[Wave, ...]
    warnings: tuple[Text, ...] = ()  # what does not fit: capacity, freeze periods, limits
    deadline: date | None = None  # the last day on which a client should change: a margin before the cut-off
    limits: tuple[LimitCheck, ...] = ()  # those of the whole tenant
    contact: str = ""  # whom owners ask
    domains: tuple[str, ...] = ()  # accepted ones
    gateway: str = ""  # the host name that clients are pointed at
    cloud: str = WORLDWIDE  # that the tenant is in
