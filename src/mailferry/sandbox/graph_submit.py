"""A message that Graph was given: what is refused at once, what is accepted, what comes as a report.

Leaves to others: the two forms of a message (graph_send), copies and reports (transport). Invariant: what was refused
with a status is stored nowhere; after 202 the only answer is a report in the sender's Inbox (V
outlook-things-to-know-about-send-mail.md).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from mailferry.sandbox import graph_errors as errors
from mailferry.sandbox import graph_mime as mime
from mailferry.sandbox import texts
from mailferry.sandbox.decide import may_send_as
from mailferry.sandbox.graph_call import Call
from mailferry.sandbox.graph_errors import GraphRefused
from mailferry.sandbox.graph_store import Address
from mailferry.sandbox.hosts import FrontEnd, mail_date
from mailferry.sandbox.mailbox import Received
from mailferry.sandbox.tenant import Mailbox
from mailferry.sandbox.texts import Text
from mailferry.sandbox.transport import Delivery, deliver
from mailferry.sandbox.world import World

_DAILY_LIMIT = Text(
    550,
    "5.1.90",
    "Your message can't be sent because you've reached your daily limit for message recipients.",
    False,
    "V NDR list; that Graph accepts first UNV",
)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message ready to go. `copy` is what Sent Items keeps; None keeps nothing."""

    mailbox: Mailbox
    author: str  # envelope sender
    recipients: tuple[str, ...]
    raw: bytes = field(repr=False)
    copy: bytes | None = field(repr=False)


class Submitter:
    """Takes messages and delivers them, at once or when the message rate allows."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._waiting: set[asyncio.Task[None]] = set()

    async def stop(self) -> None:
        """Drop what waits for the clock."""
        for task in self._waiting:
            task.cancel()
        await asyncio.gather(*self._waiting, return_exceptions=True)

    def check(self, mailbox: Mailbox, recipients: list[Address], size: int) -> tuple[str, ...]:
        """Refusals that come with the answer; the recipients, each once. Raises GraphRefused."""
        behaviour = self._world.behaviour
        if mailbox.full:
            raise GraphRefused(errors.MAILBOX_FULL)
        if mailbox.max_send_size and size > mailbox.max_send_size:
            raise GraphRefused(errors.MESSAGE_TOO_LARGE[behaviour.graph_size_status])
        if not recipients:
            raise GraphRefused(errors.INVALID_RECIPIENTS, "no recipients")
        for recipient in recipients:
            if mime.problem_of(recipient.address):
                raise GraphRefused(errors.UNRESOLVED_RECIPIENT, recipient=recipient.address or recipient.name)
        once: dict[str, str] = {}
        for recipient in recipients:
            box = self._world.tenant.mailbox(recipient.address)
            once.setdefault((box.address if box else recipient.address).lower(), recipient.address)
        return tuple(once.values())

    def submit(self, call: Call, item: Outgoing) -> None:
        """Accept the message. Nothing is refused any more."""
        world, address = self._world, item.mailbox.address
        now = world.clock.time()
        delivery = self._delivery(call, item, now, self._judge(item, now))
        world.store.accepted += 1
        limit = world.behaviour.messages_per_minute
        slot = world.throttles.slot(address, now, limit)
        world.throttles.take_slot(address, slot, limit)
        if slot <= now:
            deliver(world, delivery)
            return
        task = asyncio.get_running_loop().create_task(self._later(slot - now, delivery))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    async def _later(self, seconds: float, delivery: Delivery) -> None:
        await self._world.clock.sleep(seconds)
        deliver(self._world, delivery)

    def _judge(self, item: Outgoing, now: float) -> Text | None:
        """What transport will say of the whole message (V: the limits of Exchange Online apply after acceptance)."""
        mailbox, behaviour, count = item.mailbox, self._world.behaviour, len(item.recipients)
        if mailbox.restricted:
            return texts.RESTRICTED
        if count > mailbox.recipient_limits:
            return texts.RECIPIENT_LIMIT
        window = self._world.throttles.recipients(mailbox.address)
        if behaviour.recipients_per_day:
            if window.total(now) + count > behaviour.recipients_per_day:
                return _DAILY_LIMIT
            window.add(now, count)
        return None

    def _delivery(self, call: Call, item: Outgoing, now: float, refused: Text | None) -> Delivery:
        front = self._world.hosts.front_end(now)
        queue_id = self._world.hosts.queue_id(front)
        written = mime.header_text(item.raw, "Message-ID")
        made = None if written else f"{queue_id}@{front.backend_host}"
        return Delivery(
            front=front,
            received=Received(
                surface="graph",
                at=now,
                sender=item.author,
                recipients=item.recipients,
                user=item.mailbox.address,
                mechanism="Graph",
                client_id=call.bearer.app_id,
                session=call.request_id,
                remote=call.remote,
                tls=call.tls,
                queue_id=queue_id,
                message_id=written.strip("<> \t") if written else str(made),
            ),
            trace=_trace(front, now, made, dated=mime.header_text(item.raw, "Date") is not None),
            recipients=tuple((address, True) for address in item.recipients),
            raw=item.raw,
            sent=None if item.copy is None else (item.mailbox, item.copy),
            refused=refused,
        )


def author_of(world: World, mailbox: Mailbox, wanted: Address | None) -> tuple[Address, Address | None]:
    """From and, on behalf, Sender of a JSON message. Raises GraphRefused (403).

    V outlook-send-mail-from-other-user.md: `from` is honoured with Send As or Send on Behalf. Rights are those of the
    mailbox in the path; what an application without a user may beyond them is UNV.
    """
    own = own_address(mailbox)
    if wanted is None or wanted.address.lower() == mailbox.address.lower():
        return own, None
    if wanted.address.lower() in mailbox.addresses:
        alias = Address(wanted.name or own.name, wanted.address)
        return (alias if world.tenant.send_from_alias_enabled else own), None
    other = world.tenant.mailbox(wanted.address)
    if other is None:
        raise GraphRefused(errors.SEND_AS_DENIED, f"{wanted.address} is no mailbox of the tenant")
    author = Address(wanted.name or other.display_name, other.address)
    if may_send_as(world.tenant, mailbox, wanted.address):
        return author, None
    if mailbox.address.lower() in {trustee.lower() for trustee in other.send_on_behalf}:
        return author, own
    raise GraphRefused(errors.SEND_AS_DENIED, f"{mailbox.address} may not send as {wanted.address}")


def own_address(mailbox: Mailbox) -> Address:
    return Address(mailbox.display_name, mailbox.address)


def _trace(front: FrontEnd, now: float, made_id: str | None, *, dated: bool) -> tuple[str, ...]:
    """The headers of a message that came by the store: mapi only, no Frontend Transport."""
    moment = mail_date(now)
    lines = [
        f"Received: from {front.backend_host} ([fe80::5a4d:b0c5]) by {front.backend_host} ([fe80::5a4d:b0c5%5])"
        f" with mapi id 15.20.9999.001; {moment}",
        "X-MS-Exchange-MessageSentRepresentingType: 1",
        "X-MS-PublicTrafficType: Email",
    ]
    if made_id is not None:
        lines.append(f"Message-ID: <{made_id}>")
    if not dated:
        lines.append(f"Date: {moment}")
    return tuple(lines)
