"""Looking for a message in Azure Communication Services: by the operation as which this gateway sends it.

Leaves to others: requests (acs_client), ids (acs_operations), what an answer decides (delivery.settle).
Invariants: nothing but GET is sent, a few requests at most; Seen is said only of operations that have Succeeded, and
together cover every recipient that was asked about.
Sources: specification 2025-09-01, header field Operation-Id ("the ID provided by the customer to identify the long
running operation") and GET /emails/operations/{operationId}.
"""

from __future__ import annotations

from mailferry.clock import Clock
from mailferry.mail.outcome import Delivered
from mailferry.routes.acs_client import Client, Lost
from mailferry.routes.acs_errors import settled
from mailferry.routes.acs_operations import PASSED_OVER, Operation, Operations
from mailferry.routes.acs_polls import Polls
from mailferry.routes.parts import parts
from mailferry.routes.sighting import Attempted, CannotTell, NotSeen, Seen, Sighting
from mailferry.tokens.api import TokenError

#: Seconds to wait for a turn: less than whoever asks waits for the answer.
_PATIENCE = 20.0
_WHERE = "Azure Communication Services"


class OperationFinder:
    """The Finder of one acs-rest route, with the client and the polls of its transport. `most` recipients make one
    operation, which is looked for by number from the first."""

    __slots__ = ("_client", "_clock", "_most", "_operations", "_polls")

    def __init__(self, client: Client, operations: Operations, polls: Polls, most: int, clock: Clock) -> None:
        self._client = client
        self._operations = operations
        self._polls = polls
        self._most = most
        self._clock = clock

    async def find(
        self, message_id: str, mailbox: str, since: float, until: float, *, of: Attempted | None = None
    ) -> Sighting:
        if of is None or not of.recipients:
            return CannotTell("the operation of a message is known by its recipients", lasting=True)
        found: dict[str, str] = {}
        missing: NotSeen | None = None
        try:
            for part in parts(range(len(of.recipients)), self._most):
                recipients = [of.recipients[index] for index in part]
                seen = await self._operation(self._operations.of(of.message, recipients))
                if isinstance(seen, CannotTell):
                    return seen
                if isinstance(seen, NotSeen):
                    missing = seen
                else:
                    found |= {recipient.address.lower(): seen.where for recipient in recipients}
        except TokenError as error:
            return CannotTell(f"no access: {error.cause}", lasting=False)
        except Exception as error:  # looking must never harm the mail
            return CannotTell(f"internal error of this gateway: {type(error).__name__}", lasting=False)
        if missing is not None:
            return CannotTell("a part of the message is known and a part is not", lasting=False) if found else missing
        return Seen(_WHERE, 1, found, own=True)

    async def close(self) -> None:
        """The client is the transport's, which closes it."""

    async def _operation(self, operation: Operation) -> Sighting:
        """The last that was begun of the operations of one set of recipients; those before it sent nothing."""
        ended = ""
        for _ in range(PASSED_OVER):
            try:
                async with self._polls.turn(self._clock.time() + _PATIENCE) as granted:
                    if not granted:
                        return CannotTell("the subscription may not ask more often now", lasting=False)
                    answer = await self._client.status(operation.id)
            except Lost as lost:
                return CannotTell(lost.text, lasting=False)
            if answer.status == 404:
                return NotSeen(ended or f"{_WHERE}, operation {operation.id}")
            if not answer.good:
                return CannotTell(answer.words(), lasting=answer.status in (401, 403))
            outcome = settled(answer, operation.id)
            if outcome is None:
                return CannotTell(f"operation {operation.id} at {_WHERE} is not at its end yet", lasting=False)
            if isinstance(outcome, Delivered):
                return Seen(f"Succeeded, operation {operation.id}", 1)
            ended = f"{_WHERE}, operation {operation.id} {answer.operation} without sending it"
            operation = operation.next()
        return NotSeen(ended)
