"""The demonstration: each client straight to Exchange Online on a date, then through the gateway, and the account.

Leaves to others: how clients speak (dialects), the stage, and how it is shown (cli.demo).
Invariant: `Account.holds` is computed from what lies in the mailboxes and in the queue, never from what was promised.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from mailferry.rehearsal.cast import Part
from mailferry.rehearsal.stage import Stage
from mailferry.rehearsal.wire import Refused, Target
from mailferry.sandbox.mailbox import Folder
from mailferry.spool.api import Filter, State


@dataclass(frozen=True, slots=True)
class Heard:
    """What a client was told at the end; `taken` when that was 250."""

    taken: bool
    reply: str


@dataclass(frozen=True, slots=True)
class Line:
    """One client's row: `copies` are the recipients' boxes with the number of copies found, `intact` that each copy's
    text is octet for octet what was sent."""

    part: Part
    straight: Heard
    through: Heard
    copies: dict[str, int]
    intact: bool

    @property
    def arrived(self) -> bool:
        return self.intact and all(number == 1 for number in self.copies.values())


@dataclass(frozen=True, slots=True)
class Account:
    """The reconciliation, in recipients: what the gateway answered 250 for is delivered or queued, once."""

    accepted: int
    delivered: int
    queued: int
    duplicates: int
    strangers: int

    @property
    def holds(self) -> bool:
        return self.accepted == self.delivered + self.queued and not self.duplicates and not self.strangers


async def play(stage: Stage, parts: list[Part], progress: Callable[[str], None]) -> tuple[list[Line], Account]:
    """Play every part twice and take account. `progress` hears what is under way."""
    straight = []
    for part in parts:
        progress(f"{part.client} straight to Exchange Online")
        straight.append(await _speak(part, stage.exchange, stage))
    stage.box.mail.clear()
    through = []
    for part in parts:
        progress(f"{part.client} through the gateway")
        through.append(await _speak(part, stage.front, stage))
    progress("waiting for the queue to empty")
    await stage.drained()
    lines = [_line(stage, *row) for row in zip(parts, straight, through, strict=True)]
    return lines, await take_account(stage, lines)


async def _speak(part: Part, target: Target, stage: Stage) -> Heard:
    def speak() -> Heard:
        try:
            return Heard(True, part.dialect.speak(target, part.mail, part.account, stage.password(part.account)))
        except Refused as refusal:
            return Heard(False, str(refusal))
        except OSError as error:
            return Heard(False, f"no connection: {error}")

    return await asyncio.to_thread(speak)


def _line(stage: Stage, part: Part, straight: Heard, through: Heard) -> Line:
    copies: dict[str, int] = {}
    intact = True
    for recipient in part.mail.recipients:
        found = [
            message
            for folder in (Folder.INBOX, Folder.EXTERNAL)
            for message in stage.box.mail.find(box=recipient, folder=folder)
            if f"X-Rehearsal: {part.mail.tag}\r\n".encode() in message.raw
        ]
        copies[recipient] = len(found)
        intact = intact and all(message.raw.partition(b"\r\n\r\n")[2] == part.mail.text for message in found)
    return Line(part, straight, through, copies, intact and bool(copies))


async def take_account(stage: Stage, lines: list[Line]) -> Account:
    """Hold what was answered 250 against the boxes and the queue."""
    accepted = sum(len(line.part.mail.recipients) for line in lines if line.through.taken)
    boxes = Counter(
        (message.box, message.received.message_id) for message in stage.box.mail if message.folder is not Folder.SENT
    )
    waiting = await stage.gateway.spool.find(Filter(), limit=10_000)
    queued = sum(1 for view in waiting for one in view.recipients if one.state is not State.DELIVERED)
    expected = {recipient for line in lines for recipient in line.part.mail.recipients}
    return Account(
        accepted=accepted,
        delivered=len(boxes),
        queued=queued,
        duplicates=sum(number - 1 for number in boxes.values()),
        strangers=sum(1 for box, _ in boxes if box not in expected),
    )
