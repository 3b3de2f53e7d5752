"""Reports in the sending mailboxes, which anybody can write: what they say is noted with mail that was handed over from
there, and changes nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from mailferry.delivery.alarms import Alarms
from mailferry.delivery.returns import Returns
from mailferry.delivery.settings import DeliverySettings
from mailferry.mail.message import MessageId
from mailferry.mail.outcome import Outcome
from mailferry.routes.returned import Letter, Look
from mailferry.sandbox.ndr import report
from mailferry.sandbox.texts import Text
from mailferry.spool.api import Filter, MessageView, RecipientView, State, Turn
from support.delivery_world import MAIL, World
from support.fake_transport import GREYLISTED, LOST, OK

BOX = "scan@example.com"
REFUSED = Text(550, "5.1.10", "Recipient not found", False, "V")


@dataclass
class Mailbox:
    letters: list[Letter] = field(default_factory=list)

    def put(self, *recipients: str, number: int = 0) -> None:
        failures = tuple((recipient, REFUSED) for recipient in recipients)
        data = report(
            now=1.8e9, domain="example.com", host="mx", queue_id=f"q{number}", to=BOX, failures=failures, raw=MAIL
        )
        self.letters.append(Letter(f"l{len(self.letters)}", 1.8e9, data))

    async def reports(self, mailbox: str, since: float, known: Sequence[str]) -> Look:
        return Look(tuple(letter for letter in self.letters if letter.id not in known))


def numbered(data: bytes) -> bytes:
    """Each refusal in words of its own."""
    first, *rest = data.split(b"Recipient not found")
    return first + b"".join(b"Recipient %d not found" % number + part for number, part in enumerate(rest))


async def no_one(view: MessageView, recipient: RecipientView, refusal: object) -> str:
    return ""


def returns(world: World, box: Mailbox) -> Returns:
    alarms = Alarms(world.spool, world.clock, world.log)
    return Returns(world.spool, {"exo": box}, DeliverySettings(), no_one, alarms, world.clock, world.log)


async def noted(world: World, message: MessageId) -> list[str | None]:
    return [event.recipient for event in (await world.view(message)).events if event.kind == "returned"]


async def tried(world: World, **outcomes: Outcome) -> MessageId:
    """A message to the names, tried once."""
    world.transport.outcomes = {f"{name}@example.net": outcome for name, outcome in outcomes.items()}
    await world.started(unknown="hold")
    message = await world.submit(*world.transport.outcomes)
    await world.settle()
    return message


async def test_only_mail_that_was_handed_over_can_have_come_back(world: World) -> None:
    message, box = await tried(world, there=OK, waits=GREYLISTED), Mailbox()
    box.put("there@example.net", "waits@example.net")
    before = (await world.view(message)).recipients[1]
    await returns(world, box).look()
    assert await noted(world, message) == ["there@example.net"]
    assert (await world.view(message)).recipients[1] == before


async def test_a_report_does_not_take_a_lost_answer_from_sight(world: World) -> None:
    """What is held for a lost answer is known by its reply: the alarm, `queue settle` and the next start go by it."""
    message, box = await tried(world, lost=LOST), Mailbox()
    assert await world.states(message) == [State.HELD]
    await world.submit("other@example.net")
    await world.settle()  # the mailbox has sent something
    box.put("lost@example.net")
    await returns(world, box).look()
    assert await world.spool.settle(Filter(ids=(message,)), world.clock.time(), "anna") == 1


async def test_a_report_counts_for_recipients_that_left_from_its_mailbox(world: World) -> None:
    await world.started()
    message, box = await world.submit("here@example.net", "elsewhere@example.net"), Mailbox()
    await world.spool.reroute(
        lambda message, recipient, view: Turn("smart") if recipient.address.startswith("elsewhere") else None
    )
    await world.settle()
    assert await world.states(message) == [State.DELIVERED] * 2
    box.put("here@example.net", "elsewhere@example.net")
    await returns(world, box).look()
    assert await noted(world, message) == ["here@example.net"]


async def test_a_report_tells_of_a_recipient_once(world: World) -> None:
    message, box = await tried(world, there=OK), Mailbox()
    box.put(*["there@example.net"] * 20)
    box.letters[0] = replace(box.letters[0], data=numbered(box.letters[0].data))
    await returns(world, box).look()
    assert await noted(world, message) == ["there@example.net"]


@pytest.mark.parametrize("reports", [3, 50])
async def test_a_flood_of_reports_does_not_flood_the_history(world: World, reports: int) -> None:
    message, box = await tried(world, there=OK), Mailbox()
    for number in range(reports):
        box.put("there@example.net", number=number)
    await returns(world, box).look()
    assert len(await noted(world, message)) == min(reports, 10)
