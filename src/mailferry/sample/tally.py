"""What really happened, counted while it is made up: the truth against which an inventory is held.

Leaves to others: judging it (truth). Invariant: counted from the events themselves, once, before any export sees them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from mailferry.sample.values import Auth, Message, SignIn


@dataclass(slots=True)
class Traced:
    """What the message trace or the log on premises shows of one client."""

    messages: int = 0
    recipients: int = 0
    external: int = 0
    octets: int = 0
    largest: int = 0
    most_recipients: int = 0
    peak_minute: int = 0
    peak_hour: int = 0
    peak_day: int = 0
    peak_recipients_day: int = 0
    addresses: set[str] = field(default_factory=set)
    first: float = 0.0
    last: float = 0.0

    def add_day(self, messages: Sequence[Message], domains: frozenset[str]) -> None:
        """The messages of one UTC day."""
        if not messages:
            return
        recipients = sum(len(message.recipients) for message in messages)
        self.messages += len(messages)
        self.recipients += recipients
        self.external += sum(
            rcpt.partition("@")[2] not in domains for message in messages for rcpt in message.recipients
        )
        self.octets += sum(message.size for message in messages)
        self.largest = max(self.largest, *(message.size for message in messages), 0)
        self.most_recipients = max(self.most_recipients, *(len(message.recipients) for message in messages), 0)
        self.peak_minute = max(self.peak_minute, *Counter(int(message.at // 60) for message in messages).values())
        self.peak_hour = max(self.peak_hour, *Counter(int(message.at // 3600) for message in messages).values())
        self.peak_day = max(self.peak_day, len(messages))
        self.peak_recipients_day = max(self.peak_recipients_day, recipients)
        first, last = min(message.at for message in messages), max(message.at for message in messages)
        self.first = min(self.first or first, first)
        self.last = max(self.last, last)
        self.addresses.update(message.ip for message in messages)


@dataclass(slots=True)
class Signed:
    """Sign-ins of one client in one window.

    Times and addresses are of passwords only: a token is fetched by a sign-in that does not say that it is for mail.
    """

    basic: int = 0
    failures: int = 0
    oauth: int = 0
    oauth_failures: int = 0
    first: float = 0.0
    last: float = 0.0
    errors: set[int] = field(default_factory=set)
    addresses: set[str] = field(default_factory=set)

    def add(self, signin: SignIn) -> None:
        if signin.auth is not Auth.BASIC:
            if signin.error:
                self.oauth_failures += 1
            else:
                self.oauth += 1
            return
        if signin.error:
            self.failures += 1
            self.errors.add(signin.error)
        else:
            self.basic += 1
        self.first = min(self.first or signin.at, signin.at)
        self.last = max(self.last, signin.at)
        self.addresses.add(signin.ip)


@dataclass(slots=True)
class Tally:
    """One client over all windows."""

    basic_messages: int = 0  # of the 90 days of the report
    oauth_messages: int = 0
    signed: Signed = field(default_factory=Signed)
    archived: Signed = field(default_factory=Signed)
    traced: Traced = field(default_factory=Traced)


@dataclass(slots=True)
class Noise:
    """Password guessing from outside."""

    rows: int = 0  # in the window of sign-ins
    archived: int = 0  # in the older export
    addresses: set[str] = field(default_factory=set)
    users: set[str] = field(default_factory=set)

    def add(self, signin: SignIn, archived: bool) -> None:
        if archived:
            self.archived += 1
        else:
            self.rows += 1
        self.addresses.add(signin.ip)
        self.users.add(signin.user)
