"""What happens to a message after it was accepted, whichever way it came: copies, external limit, reports.

Leaves to others: whether it is accepted (submission, graph_submit). Invariant: every recipient either gets a copy or is
named in a report to the sender; only a null reverse path or the recipient's own wish keeps a report back.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from mailferry.m365.limits import tenant_external_recipients
from mailferry.sandbox import texts
from mailferry.sandbox.hosts import FrontEnd
from mailferry.sandbox.mailbox import Folder, Received, header, header_block
from mailferry.sandbox.ndr import report
from mailferry.sandbox.tenant import Mailbox
from mailferry.sandbox.texts import Text
from mailferry.sandbox.traces import Trace
from mailferry.sandbox.world import World


@dataclass(frozen=True, slots=True)
class Delivery:
    """An accepted message. `recipients`: address, and whether a failure is to be reported."""

    front: FrontEnd
    received: Received
    trace: tuple[str, ...]
    recipients: tuple[tuple[str, bool], ...]
    raw: bytes = field(repr=False)
    sent: tuple[Mailbox, bytes] | None = field(default=None, repr=False)  # whose Sent Items, and the octets kept there
    refused: Text | None = None  # what transport says of every recipient


def deliver(world: World, item: Delivery) -> None:
    """Store every copy, and the report of what failed."""
    keep, received = world.behaviour.keep_messages, item.received
    failures: list[tuple[str, Text]] = []
    lost: set[str] = set()
    external = [address for address, _ in item.recipients if not world.tenant.is_internal(address)]
    blocked = item.refused or _over_tenant_limit(world, len(external), received.at)
    for address, wanted in item.recipients:
        box, failure = world.tenant.mailbox(address), item.refused
        if failure is None and not world.tenant.is_internal(address):
            if blocked is None:
                world.store.add(address, Folder.EXTERNAL, received, item.trace, item.raw, keep=keep)
                continue
            failure = blocked
        if failure is None:
            if box is not None:
                world.store.add(box.address, Folder.INBOX, received, item.trace, item.raw, keep=keep)
                continue
            failure = texts.UNKNOWN_RECIPIENT.fill(recipient=address)
        lost.add(address)
        if wanted:
            failures.append((address, failure))
    _trace(world, item, lost)
    if item.sent is not None:
        mailbox, raw = item.sent
        world.store.add(mailbox.address, Folder.SENT, received, item.trace, raw, keep=keep)
    if failures and received.sender:
        _report(world, item, tuple(failures))


def _trace(world: World, item: Delivery, lost: set[str]) -> None:
    received, subject = item.received, header(header_block(item.raw), "Subject") or ""
    for address, _ in item.recipients:
        status = "failed" if address in lost else "delivered"
        world.traces.add(
            Trace(
                received.queue_id, received.at, received.message_id, received.sender, address, subject, len(item.raw),
                status,
            )
        )  # fmt: skip


def _over_tenant_limit(world: World, count: int, now: float) -> Text | None:
    """TERRL is enforced after acceptance, by a report (V)."""
    if not count or not world.behaviour.tenant_external_limit:
        return None
    limit = tenant_external_recipients(world.tenant.licences, trial=world.tenant.trial).value
    if world.throttles.external.total(now) + count > limit:
        return texts.TENANT_LIMIT_TRIAL if world.tenant.trial else texts.TENANT_LIMIT
    world.throttles.external.add(now, count)
    return None


def _report(world: World, item: Delivery, failures: tuple[tuple[str, Text], ...]) -> None:
    front, received = item.front, item.received
    target = world.tenant.mailbox(received.sender)
    if target is None:
        return
    queue_id = world.hosts.queue_id(front)
    raw = report(
        now=received.at,
        domain=world.tenant.domains[0],
        host=front.backend_host,
        queue_id=queue_id,
        to=target.address,
        failures=failures,
        raw=item.raw,
    )
    about = Received(
        surface="report",
        at=received.at,
        sender="",
        recipients=(target.address,),
        user="",
        mechanism="",
        client_id="",
        session=front.session,
        remote="",
        tls="",
        queue_id=queue_id,
        message_id=f"{queue_id}@{front.backend_host}",
    )
    world.store.add(target.address, Folder.INBOX, about, (), raw, keep=world.behaviour.keep_messages)
