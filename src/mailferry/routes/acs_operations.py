"""Which operation of Azure Communication Services a message is: an id that this gateway chooses, the same whenever the
same message goes to the same recipients, so that an attempt whose answer was lost is looked up, after a restart too.

Leaves to others: the requests (acs_rest). Facts: `Operation-Id` is "the ID provided by the customer to identify the
long running operation" (specification 2025-09-01). That a second request with it sends nothing twice is not promised
there, though seen (azure-sdk-for-net 40779, firezone 12835); the page "Repeatable requests" promises that for other
header fields, which the specification no longer has, and for five minutes only. So a look-up comes first.
Invariant: two sets of recipients never share an id.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid5

from mailferry.mail.envelope import Recipient
from mailferry.mail.message import Message

_NAMESPACE = UUID("6f0c7a52-6b0e-5d0b-9a53-0e8a5f0a4c11")
#: Operations that are remembered as asked for; an older one is looked up because its message is old.
_REMEMBERED = 10_000
#: Operations of one message that ended without sending it and are passed over in one attempt.
PASSED_OVER = 16


@dataclass(frozen=True, slots=True)
class Operation:
    """`number` counts the operations that ended without having sent the message."""

    key: str
    number: int

    @property
    def id(self) -> str:
        return str(uuid5(_NAMESPACE, f"{self.key}#{self.number}"))

    def next(self) -> Operation:
        return Operation(self.key, self.number + 1)


class Operations:
    """What this transport has asked for. `gateway` tells several gateways with one resource apart; `since` is when it
    began: a message that is older may have been asked for by an earlier one."""

    __slots__ = ("_asked", "_gateway", "_since")

    def __init__(self, gateway: str, since: float) -> None:
        self._gateway = gateway
        self._since = since
        self._asked: OrderedDict[str, int] = OrderedDict()

    def anew(self) -> Operations:
        """The same ids, of which nothing is remembered."""
        return Operations(self._gateway, self._since)

    def of(self, message: Message, recipients: Sequence[Recipient]) -> Operation:
        addresses = "\n".join(sorted(recipient.address for recipient in recipients))
        key = f"{self._gateway}\n{message.id}\n{message.header_id}\n{message.received_at:.3f}\n{addresses}"
        return Operation(key, self._asked.get(key, 0))

    def may_exist(self, operation: Operation, message: Message) -> bool:
        """Whether it may have been asked for before."""
        return operation.key in self._asked or message.received_at < self._since

    def asked(self, operation: Operation) -> None:
        """A request for it goes out."""
        self._asked[operation.key] = operation.number
        self._asked.move_to_end(operation.key)
        while len(self._asked) > _REMEMBERED:
            self._asked.popitem(last=False)

    def done(self, operation: Operation) -> None:
        """It has come to its end for good."""
        self._asked.pop(operation.key, None)
