"""The one contract behind which every way out stands.

Leaves to others: when to try (delivery), what is stored (spool). A transport imports this file and never its users.
Invariant: deliver() answers every recipient exactly once and raises nothing but CancelledError; after the message
was handed over whole and the answer was lost, the outcome is Unknown, never Deferred.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from mailferry.mail.body import Body
from mailferry.mail.envelope import Recipient
from mailferry.mail.message import Message
from mailferry.mail.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Limits:
    """What one lane may take. 0 means no limit. Each figure's source stands beside its data (m365.limits)."""

    messages_per_minute: int = 0
    connections: int = 20
    recipients_per_day: int = 0  # rolling 24 hours
    recipients_per_message: int = 0
    message_size: int = 0  # octets
    messages_per_hour: int = 0
    octets_per_5_minutes: int = 0
    whole: bool = False  # a message goes to all its recipients at once: never begun while the budget holds for a part


@dataclass(frozen=True, slots=True)
class Result:
    """`outcomes[i]` belongs to `recipients[i]` of the call; `handed_over` False when no message data was sent, so that
    no budget was used; `dsn` True when the next hop offered DSN and was given NOTIFY and ORCPT, so that reports of
    success are its duty from here on (RFC 3461 section 5.2.2)."""

    outcomes: tuple[Outcome, ...]
    handed_over: bool
    dsn: bool = False


class Transport(Protocol):
    """Sends messages of one route. One object serves all its lanes and keeps what connections it wants per mailbox."""

    @property
    def limits(self) -> Limits: ...

    async def deliver(self, message: Message, body: Body, recipients: Sequence[Recipient]) -> Result:
        """Hand `message` over for `recipients`, once, from `message.mailbox`. One call at a time per connection of the
        lane; the caller keeps to `limits`."""
        ...

    async def close(self) -> None:
        """Say QUIT and let go of connections."""
        ...


#: Route name -> its transport.
Transports = Mapping[str, Transport]


def lane_of(route: str, mailbox: str) -> str:
    """The lane's name: the unit to which upstream limits apply."""
    return f"{route}/{mailbox}" if mailbox else route


def route_of(lane: str) -> str:
    """The inverse of lane_of."""
    return lane.partition("/")[0]
