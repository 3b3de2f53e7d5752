"""What the states of operations say of a message: all of it, a part, nothing, not yet."""

from __future__ import annotations

import pytest

from mailferry.clock import ManualClock
from mailferry.m365.limits import azure_communication
from mailferry.mail.envelope import Envelope, Recipient
from mailferry.mail.message import Message, MessageId
from mailferry.routes.acs_client import Lost
from mailferry.routes.acs_errors import Answer
from mailferry.routes.acs_find import OperationFinder
from mailferry.routes.acs_operations import Operations
from mailferry.routes.acs_polls import Polls
from mailferry.routes.api import Limits
from mailferry.routes.sighting import Attempted, CannotTell, NotSeen, Seen, Sighting
from support.transport_contract import ORIGIN

WHO = tuple(Recipient(f"{name}@x.example") for name in "Abcd")
MESSAGE = Message(MessageId(1), Envelope("s@x.example", WHO), ORIGIN, 3, 1.7e9, "", "<1@x>")
OPERATIONS = Operations("gw.example", 0.0)
MISSING = Answer(404)


class Service:
    """The states of operations by id; others are not there."""

    def __init__(self, *states: Answer | Lost, of: tuple[Recipient, ...] = WHO) -> None:
        self.asked = 0
        self.states: dict[str, Answer | Lost] = {}
        self.add(*states, of=of)

    def add(self, *states: Answer | Lost, of: tuple[Recipient, ...]) -> None:
        operation = OPERATIONS.of(MESSAGE, of)
        for state in states:
            self.states[operation.id] = state
            operation = operation.next()

    async def status(self, operation: str) -> Answer:
        self.asked += 1
        found = self.states.get(operation, MISSING)
        if isinstance(found, Lost):
            raise found
        return found


async def find(service: Service, most: int = 50, limits: Limits | None = None) -> Sighting:
    clock = ManualClock()
    send = azure_communication()
    polls = Polls(
        clock, limits or Limits(send.messages_per_minute.value, messages_per_hour=send.messages_per_hour.value)
    )
    finder = OperationFinder(service, OPERATIONS, polls, most, clock)  # type: ignore[arg-type]
    return await finder.find("<1@x>", "", 0.0, 1.0, of=Attempted(MESSAGE, WHO))


def state(name: str) -> Answer:
    return Answer(200, operation=name)


async def test_what_succeeded_is_seen_for_each_recipient() -> None:
    seen = await find(Service(state("Succeeded")))
    assert isinstance(seen, Seen)
    assert seen.own
    assert set(seen.recipients or ()) == {"a@x.example", "b@x.example", "c@x.example", "d@x.example"}


async def test_operations_that_sent_nothing_are_passed_over() -> None:
    assert isinstance(await find(Service(state("Failed"), state("Canceled"), state("Succeeded"))), Seen)
    seen = await find(Service(state("Failed")))
    assert isinstance(seen, NotSeen)
    assert "Failed without sending it" in seen.where
    endless = Service(*[state("Failed")] * 40)
    assert isinstance(await find(endless), NotSeen)
    assert endless.asked < 20


async def test_a_part_of_it_proves_nothing_of_the_rest() -> None:
    """The lease holds two operations' recipients, or was cut otherwise than the attempt."""
    service = Service(state("Succeeded"), of=WHO[:2])
    assert isinstance(await find(service, most=2), CannotTell)
    service.add(state("Succeeded"), of=WHO[2:])
    assert isinstance(await find(service, most=2), Seen)
    assert isinstance(await find(service, most=3), NotSeen)


@pytest.mark.parametrize(
    ("answer", "lasting"),
    [
        (state("Running"), False),
        (state("Something new"), False),
        (Answer(401, code="Denied"), True),
        (Answer(403), True),
        (Answer(429, retry_after=5.0), False),
        (Answer(500), False),
        (Lost("gone", sent=True), False),
    ],
)
async def test_what_does_not_tell(answer: Answer | Lost, lasting: bool) -> None:
    seen = await find(Service(answer))
    assert isinstance(seen, CannotTell)
    assert seen.lasting is lasting


async def test_without_recipients_there_is_no_operation() -> None:
    finder = OperationFinder(Service(), OPERATIONS, Polls(ManualClock(), Limits()), 50, ManualClock())  # type: ignore[arg-type]
    assert isinstance(await finder.find("<1@x>", "", 0.0, 1.0), CannotTell)
