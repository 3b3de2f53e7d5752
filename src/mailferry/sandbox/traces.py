"""What the message trace of the organisation knows: a row for each recipient of a message.

Leaves to others: who asks and how it is shown (graph_trace). Invariant: a row is written when transport has decided
and is never changed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_URL, uuid5

_KEPT = 50_000


@dataclass(frozen=True, slots=True)
class Trace:
    """One recipient of one message. `status` as Graph spells it: delivered, failed and others."""

    queue_id: str
    at: float
    message_id: str
    sender: str
    recipient: str
    subject: str
    size: int
    status: str

    def resource(self, stamp: Callable[[float], str]) -> dict[str, Any]:
        return {
            "id": str(uuid5(NAMESPACE_URL, self.queue_id)),
            "senderAddress": self.sender,
            "recipientAddress": self.recipient,
            "messageId": f"<{self.message_id}>",
            "receivedDateTime": stamp(self.at),
            "subject": self.subject,
            "status": self.status,
            "size": self.size,
            "fromIP": None,  # blank for mail from mailboxes (V Get-MessageTraceV2)
            "toIP": None,
        }


class Traces:
    """What the trace knows, the newest first."""

    def __init__(self) -> None:
        self._rows: deque[Trace] = deque(maxlen=_KEPT)

    def add(self, trace: Trace) -> None:
        self._rows.append(trace)

    def clear(self) -> None:
        self._rows.clear()

    def __iter__(self) -> Iterator[Trace]:
        return reversed(self._rows)
