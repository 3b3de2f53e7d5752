"""Whether a service has a message already: the question, and its three answers.

Leaves to others: how a service is asked (graph_search, acs_find), what follows (delivery.settle).
Invariants: "not seen" is said only by a service that was asked and answered; whatever else happens is CannotTell, with
a reason for people. Asking sends nothing and changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from mailferry.mail.envelope import Recipient
from mailferry.mail.message import Message


@dataclass(frozen=True, slots=True)
class Seen:
    """The service has it. `copies`: how often it was handed over, at least; `recipients`: for whom, in small letters,
    with what became of it, None where that is not told; `own`: it is known by more than its Message-ID, and so cannot
    be another one."""

    where: str
    copies: int
    recipients: Mapping[str, str] | None = None
    own: bool = False


@dataclass(frozen=True, slots=True)
class NotSeen:
    """The service answered, and knows no such message (yet: it needs time to know)."""

    where: str


@dataclass(frozen=True, slots=True)
class CannotTell:
    """No answer. `lasting`: asking again will not help before somebody has changed something (a permission)."""

    reason: str
    lasting: bool


Sighting = Seen | NotSeen | CannotTell


@dataclass(frozen=True, slots=True)
class Attempted:
    """What was handed over, for services that know it by more than its Message-ID."""

    message: Message
    recipients: Sequence[Recipient]


class Finder(Protocol):
    """Looks for messages of one route."""

    async def find(
        self, message_id: str, mailbox: str, since: float, until: float, *, of: Attempted | None = None
    ) -> Sighting:
        """Look for the message that was sent from `mailbox` between `since` and `until` (seconds since the epoch).
        Raises nothing but CancelledError, and takes no longer than the route's timeouts."""
        ...


#: Route name -> what looks for its messages; routes that cannot be asked are absent.
Finders = Mapping[str, Finder]
