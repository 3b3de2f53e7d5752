"""Every way out: one message whose recipients leave by five routes, and one each by those that know no envelope.

Leaves to others: the stage it plays on (stage) and how it is shown (cli.demo).
Invariant: what arrived is read from the mailboxes of the services, with the door each copy came in by.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from mailferry.rehearsal.dialects import python_smtplib
from mailferry.rehearsal.mails import Mail, mail
from mailferry.rehearsal.stage import WAYS_ACCOUNT, WAYS_PASSWORD, Stage
from mailferry.sandbox.mailbox import Folder, Message

_SENDER = "erp@contoso.example"

#: Recipient -> the route that the stage's rules choose, and the door of the sandbox behind it.
WAYS = {
    "anna@contoso.example": ("exchange-online", "smtp", "Exchange Online, SMTP with OAuth"),
    "ben@contoso.example": ("hve", "hve", "High Volume Email"),
    "orders@fabrikam.example": ("acs", "acs-smtp", "Azure Communication Services, SMTP"),
    "buyer@northwind.example": ("connector", "mx", "tenant MX, connector by certificate"),
    "desk@tailspin.example": ("exchange-server", "onprem", "Exchange Server on premises, relay"),
    "it@contoso.example": ("graph", "graph", "Microsoft Graph sendMail"),
    "office@wingtip.example": ("acs-rest", "acs-rest", "Azure Communication Services, REST"),
}
#: They mail whom the header names, so a message that leaves by other routes too cannot take them.
_ALONE = ("graph", "acs-rest")


@dataclass(frozen=True, slots=True)
class Crossing:
    """One recipient's copy. `sender` is the From it carries; `intact`: its text is octet for octet what was sent."""

    recipient: str
    service: str
    copies: int
    by_its_door: bool
    intact: bool
    sender: str

    @property
    def good(self) -> bool:
        return self.copies == 1 and self.by_its_door and self.intact


async def cross(stage: Stage) -> list[Crossing]:
    """Send the messages through the gateway and look where each copy arrived."""
    stage.box.world.tune(acs={"retry_after": 1})  # the service's own pace is for days, not for a demonstration
    together = tuple(recipient for recipient, (route, _, _) in WAYS.items() if route not in _ALONE)
    letters = [_letter("five-ways", together)]
    there = {route.name for route in stage.gateway.config.routes}
    for recipient, (route, _, _) in WAYS.items():
        if route in _ALONE and route in there:
            letters.append(_letter(f"by-{route}", (recipient,)))
    for letter in letters:
        await asyncio.to_thread(python_smtplib, stage.front, letter, WAYS_ACCOUNT, WAYS_PASSWORD)
    await stage.drained()
    return [_crossing(stage, letter, recipient) for letter in letters for recipient in letter.recipients]


def _letter(tag: str, recipients: tuple[str, ...]) -> Mail:
    return mail(tag, _SENDER, recipients, b"One order, every way out.\r\n..\r\nEnd.\r\n", subject="Order 4711")


def _crossing(stage: Stage, letter: Mail, recipient: str) -> Crossing:
    _, door, service = WAYS[recipient]
    found: list[Message] = [
        message
        for folder in (Folder.INBOX, Folder.EXTERNAL)
        for message in stage.box.mail.find(box=recipient, folder=folder)
        if f"X-Rehearsal: {letter.tag}\r\n".encode() in message.raw
    ]
    first = found[0] if found else None
    return Crossing(
        recipient=recipient,
        service=service,
        copies=len(found),
        by_its_door=first is not None and first.received.surface == door,
        intact=first is not None and first.raw.partition(b"\r\n\r\n")[2] == letter.text,
        sender=_from(first.raw) if first is not None else "",
    )


def _from(raw: bytes) -> str:
    header = raw.partition(b"\r\n\r\n")[0].decode("utf-8", "replace")
    return next((line[5:].strip() for line in header.split("\r\n") if line.lower().startswith("from:")), "")
