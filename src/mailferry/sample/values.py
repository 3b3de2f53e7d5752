"""The values of the made-up organisation: sites, people, clients, and what they do.

Leaves to others: inventing them (organisation), their days (traffic) and writing them down (exports).
Invariant: plain immutable values. What is made by the million (sessions, sign-ins, messages) is a NamedTuple, because
a frozen dataclass costs three times as much to build.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import NamedTuple

from mailferry.m365.facts import Text


class Via(StrEnum):
    """The way a client's mail takes today."""

    SUBMISSION = "submission"  # SMTP AUTH client submission to Exchange Online
    ONPREM = "onprem"  # anonymous relay through an on-premises Exchange
    POSTFIX = "postfix"
    DIRECT = "direct"  # direct send to the tenant's MX


class Auth(StrEnum):
    BASIC = "basic"
    OAUTH = "oauth"  # as a user
    APP_ONLY = "app-only"  # as a service principal
    MIXED = "mixed"
    ANONYMOUS = "anonymous"


class State(StrEnum):
    """What is wrong with a client today."""

    SOUND = ""
    PASSWORD = "password"  # noqa: S105 - the name of a fault
    CONDITIONAL_ACCESS = "conditional-access"
    SWITCH = "switch"  # SmtpClientAuthenticationDisabled on the mailbox
    POLICY = "policy"  # an authentication policy without AllowBasicAuthSmtp


class Pattern(StrEnum):
    """On which days and hours a client sends."""

    OFFICE = "office"
    ALWAYS = "always"
    NIGHTLY = "nightly"
    RARE = "rare"
    BURST = "burst"  # one batch at the end of each working day
    CAMPAIGN = "campaign"  # on the closing days of the month
    QUARTERLY = "quarterly"  # last ran before the sign-in logs begin
    STALE = "stale"  # went silent months ago
    FORGOTTEN = "forgotten"  # went silent before the sign-in logs begin


@dataclass(frozen=True, slots=True)
class Person:
    name: Text
    address: str


@dataclass(frozen=True, slots=True)
class Site:
    key: str
    kind: str
    name: Text
    place: tuple[str, str, str]  # city, state, country, as a sign-in report prints them
    domain: str
    number: int
    public: tuple[str, ...]  # the addresses of its lines (RFC 5737)

    @property
    def offset(self) -> int:
        """Hours ahead of UTC."""
        return {"JP": 9, "TH": 7}.get(self.place[2], 1)


@dataclass(frozen=True, slots=True)
class Kind:
    """A sort of client, from data/kinds.toml."""

    key: str
    local: str
    name: Text
    department: str
    products: tuple[str, ...]
    least: int
    weight: float
    pattern: Pattern
    rate: tuple[float, float]
    size: tuple[int, int]  # octets: usual, largest
    session: tuple[int, int] = (1, 2)
    recipients: tuple[int, int] = (1, 2)
    external: float = 0.0
    auth: Auth = Auth.BASIC
    via: Via = Via.SUBMISSION
    tls: tuple[str, ...] = ("1.2",)
    state: State = State.SOUND
    sites: tuple[str, ...] = ()
    devices: tuple[int, int] = (1, 1)
    carries: tuple[str, ...] = ()  # products whose mail it passes on


@dataclass(frozen=True, slots=True)
class Product:
    """How a product speaks, from data/products.toml. Templates; "" is what it does not send."""

    id: str
    host: str
    ehlo: str
    subjects: tuple[Text, ...]
    oauth: str = ""  # "yes", "graph", "no"; "" is not known, or only some models
    message_id: str = ""
    x_mailer: str = ""
    boundary: str = ""
    headers: tuple[str, ...] = ()
    strong: frozenset[str] = frozenset()  # "host", "message_id", "subject": what alone tells it, by its makers' word


@dataclass(frozen=True, slots=True)
class Disguise:
    """What a client shows in the place of its product's own, from data/disguises.toml; () and "" leave it as it is."""

    key: str
    kinds: frozenset[str]
    share: float
    products: frozenset[str] = frozenset()  # empty: any
    host: tuple[str, ...] = ()
    ehlo: str = ""
    subjects: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True)
class Client:
    """One device or program at one place, sending as one mailbox."""

    number: int
    kind: Kind
    product: Product
    site: Site
    mac: str
    host: str
    ehlo: str
    sender: str  # of the envelope; the mailbox that signs in, unless it is anonymous
    name: Text
    owner: Person | None
    public: tuple[str, ...]  # addresses as Microsoft sees them
    lan: str
    tls: str
    rate: float
    minute: int  # UTC minute of the day at which a fixed job runs
    principal: str = ""  # object id of the user or service principal
    app: tuple[str, str] = ("", "")  # id and name of the application that signs in by OAuth
    disguise: str = ""  # the key of the one it wears

    @property
    def id(self) -> str:
        return f"c{self.number:05d}"

    @property
    def mailbox(self) -> str:
        """The mailbox that signs in; "" for an anonymous client."""
        return "" if self.kind.auth is Auth.ANONYMOUS else self.sender


class Session(NamedTuple):
    """One connection: so many messages, so many seconds apart."""

    second: float  # of the UTC day
    messages: int
    gap: float


class SignIn(NamedTuple):
    at: float  # seconds since the epoch
    user: str
    name: Text
    user_id: str
    ip: str
    place: tuple[str, str, str]
    error: int  # 0: success
    auth: Auth  # basic, oauth or app-only
    app: tuple[str, str]
    request: int  # 128 random bits, of which its ids are made


class Message(NamedTuple):
    at: float
    client: Client
    recipients: tuple[str, ...]
    size: int
    subject: str
    message_id: str  # with brackets, as the client or else the service made it
    ip: str  # as Microsoft sees it, or of the LAN where it stays inside


class Bystander(NamedTuple):
    """Mail in the message trace that no client of ours sent: people's, and what comes in from outside."""

    at: float
    sender: str
    recipient: str
    subject: str
    size: int
    message_id: str
    ip: str  # of who brought it in; "" where a person sent it


@dataclass(frozen=True, slots=True)
class Span:
    """Days, both included."""

    first: date
    last: date

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1


@dataclass(frozen=True, slots=True)
class Windows:
    """What each source reaches back to (facts: EAC 90 days, sign-ins 30, trace 10 or the default of 2)."""

    report: Span
    archive: Span  # an older sign-in export that somebody kept
    signins: Span
    trace: Span  # message trace and the logs on premises

    @classmethod
    def until(cls, last: date, trace_days: int) -> Windows:
        def back(days: int) -> date:
            return last - timedelta(days=days - 1)

        return cls(Span(back(90), last), Span(back(86), back(82)), Span(back(30), last), Span(back(trace_days), last))
