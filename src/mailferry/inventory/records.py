"""What the join knows of one client: the record that the plan, the rehearsal and the reports read.

Leaves to others: where it came from (readers), how it was joined (join) and what follows from it (planner).
Invariant: plain frozen values; a figure that no source gave is None, never 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Authentication(StrEnum):
    """How the client signed in over the window of the exports."""

    BASIC = "basic"
    OAUTH = "oauth"
    MIXED = "mixed"  # both seen: a half-finished change, or two programs behind one mailbox
    ANONYMOUS = "anonymous"  # by network or connector, no sign-in
    UNKNOWN = "unknown"


class Fate(StrEnum):
    """What happens to it on the date when Basic authentication is disabled."""

    BREAKS = "breaks"
    CONTINUES = "continues"
    BROKEN = "broken"  # it is refused today already
    UNCERTAIN = "uncertain"  # what would settle it is among the findings


class Severity(StrEnum):
    PROBLEM = "problem"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to know, by its code (`breaks-on-date`, `old-tls`, `mixed`, `not-yet-through-us`, …).

    `values` fills the sentence of that code, which stands in English and Japanese beside the codes.
    """

    code: str
    severity: Severity
    values: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Switches:
    """What decides whether the mailbox may use SMTP AUTH (facts: Get-CASMailbox, Get-TransportConfig, policies).

    Tri-state: None is "not set here, inherited" on a mailbox, and "not exported" on the tenant.
    """

    tenant_disabled: bool | None = None  # SmtpClientAuthenticationDisabled of Get-TransportConfig
    mailbox_disabled: bool | None = None  # SmtpClientAuthenticationDisabled of Get-CASMailbox
    policy: str = ""  # the authentication policy in force, by name
    policy_blocks_basic: bool | None = None  # AllowBasicAuthSmtp is False in it

    @property
    def disabled(self) -> bool | None:
        """The switch in effect: the mailbox's own, else the tenant's; None when neither is known."""
        return self.tenant_disabled if self.mailbox_disabled is None else self.mailbox_disabled


@dataclass(frozen=True, slots=True)
class Volume:
    """Traffic in the window of the exports. Counts are messages unless said; None where no source could tell."""

    messages: int | None = None
    window_days: float | None = None
    peak_minute: int | None = None
    peak_hour: int | None = None
    peak_day: int | None = None
    recipients: int | None = None
    peak_recipients_day: int | None = None
    most_recipients: int | None = None  # of one message
    external_recipients: int | None = None  # outside the accepted domains
    largest: int | None = None  # octets of one message
    mailbox_messages: int | None = None  # of the whole mailbox over all its clients, as Microsoft's report counts

    @property
    def at_most(self) -> int | None:
        """The messages; where no source divides them among the mailbox's clients, those of the whole mailbox."""
        return self.messages if self.messages is not None else self.mailbox_messages


@dataclass(frozen=True, slots=True)
class Client:
    """One sender of mail: a mailbox at an address, recognised as a device or program where the signs allow."""

    id: str  # stable over imports: derived from sender and address
    sender: str = ""  # the mailbox that signs in, lower case; "" where it is anonymous or unattributed
    addresses: tuple[str, ...] = ()  # IP addresses seen
    names: tuple[str, ...] = ()  # host and EHLO names seen
    product: str = ""  # id in the knowledge base of `clients`; "" when not recognised
    confidence: float = 0.0  # of the product, 0..1
    evidence: tuple[str, ...] = ()  # the signs that named the product, in words
    authentication: Authentication = Authentication.UNKNOWN
    tls: tuple[str, ...] = ()  # versions seen, oldest first: "1.0", "1.2"; "none" for clear text
    volume: Volume = Volume()
    first_seen: datetime | None = None  # UTC
    last_seen: datetime | None = None  # UTC
    failures: int = 0  # sign-ins or messages refused in the window
    errors: tuple[str, ...] = ()  # the distinct refusals, as the source printed them
    switches: Switches = Switches()
    sources: tuple[str, ...] = ()  # kinds of export that know it: "eac", "signin", "trace", "gateway", …
    fate: Fate = Fate.UNCERTAIN
    findings: tuple[Finding, ...] = ()
    senders: tuple[str, ...] = ()  # envelope senders seen, where they were logged; at most 20
    owner: str = ""  # who answers for it: name or address, from an owners list
    site: str = ""
