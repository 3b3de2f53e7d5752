"""Mail that came back after it was handed over: reports in the sending mailboxes are read and noted with their message.

Leaves to others: reading a mailbox (routes.returned), what a report says (mail.ndr), the report to a person (bounce).
Invariants: a report changes no state and sends nothing again, for anybody can write one; what it says counts only for a
message of that Message-ID, and a recipient of it that was handed over from that very mailbox; each is noted once,
across restarts, and few with one recipient.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from mailferry.clock import Clock
from mailferry.delivery import alarm_texts
from mailferry.delivery.alarms import Alarms
from mailferry.delivery.settings import DAY, DeliverySettings, RemoteBounces
from mailferry.m365.facts import Text
from mailferry.mail import ndr
from mailferry.mail.message import MessageId, format_id, parse_id
from mailferry.obs.maillog import MailLog
from mailferry.routes.api import route_of
from mailferry.routes.returned import Inboxes, Letter, Unread
from mailferry.spool.api import MessageView, RecipientView, Spool, State

#: Seconds that one mailbox may take, until it is asked again after a failure at the longest, and by which two looks
#: overlap: clocks differ, and mail takes its time from the service's door to the mailbox.
_LONGEST, _BACK_OFF, _OVERLAP = 120.0, 6 * 3600.0, 3600.0
_REMEMBERED = 1000
#: Reports that are noted with one recipient: whoever knows the Message-ID can write any number.
_MOST = 10
#: Events of a handing over that got through, or may have.
_HANDED_OVER = frozenset({State.DELIVERED.value, State.UNKNOWN.value, "interrupted"})

#: Writes to the person in charge; "<queue id> to <address>", "" when there is nobody.
Tell = Callable[[MessageView, RecipientView, ndr.Refusal], Awaitable[str]]


@dataclass(slots=True)
class _Box:
    """What is known of one mailbox: from when on it is read, which reports were, and when it is asked again."""

    since: float
    seen: deque[str] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    failures: int = 0
    due: float = 0.0


class Returns:
    """Looks into every mailbox that sent lately, one after another."""

    def __init__(
        self, spool: Spool, inboxes: Inboxes, settings: DeliverySettings, tell: Tell, alarms: Alarms, clock: Clock,
        log: MailLog,
    ) -> None:  # fmt: skip
        self._spool = spool
        self._inboxes = inboxes
        self._settings = settings
        self._tell = tell
        self._alarms = alarms
        self._clock = clock
        self._log = log
        self._boxes: dict[str, _Box] = {}
        self.found: Counter[str] = Counter()
        self.heard: Callable[[str, str, str, float], None] = _nobody  # lane, address, what is said, when it was sent

    async def run(self) -> None:
        """For ever; return at once where no mailbox is to be read."""
        while self._inboxes:
            try:
                await self.look()
            except Exception as error:
                self._log.trouble("reading of reports failed", cause=repr(error))
            await self._clock.sleep(self._settings.remote_bounces_every)

    async def look(self) -> None:
        """One round."""
        now = self._clock.time()
        lanes = await self._spool.senders(now - self._settings.remote_bounces_for)
        wanted = {lane for lane in lanes if route_of(lane) in self._inboxes and lane.partition("/")[2]}
        for lane in [lane for lane in self._boxes if lane not in wanted]:
            del self._boxes[lane]
        for lane in sorted(wanted):
            box = self._boxes.setdefault(lane, _Box(now - self._settings.remote_bounces_for))
            if box.due <= self._clock.monotonic():
                await self._read(lane, box)

    async def _read(self, lane: str, box: _Box) -> None:
        mailbox, now = lane.partition("/")[2], self._clock.time()
        try:
            async with asyncio.timeout(_LONGEST):
                found = await self._inboxes[route_of(lane)].reports(mailbox, box.since, tuple(box.seen))
        except TimeoutError:
            self._failed(lane, box, Unread("no answer in time", lasting=False))
            return
        except Unread as error:
            self._failed(lane, box, error)
            return
        box.failures = 0
        self._alarms.clear(f"returns:{lane}")
        for letter in found.letters:
            await self._noted(mailbox, letter)
            box.seen.append(letter.id)
        # Clocks differ, and so may the order in which mail is shown: the last hour is looked at again each time.
        box.since = max(box.since, min(found.until or now, now - _OVERLAP))

    def _failed(self, lane: str, box: _Box, error: Unread) -> None:
        """Ask later, the later the more often it failed; a lack of rights is told."""
        box.failures += 1
        wait = self._settings.remote_bounces_every * 2 ** min(box.failures, 10)
        box.due = self._clock.monotonic() + max(min(wait, _BACK_OFF), min(error.retry_after or 0.0, DAY))
        self._log.trouble("reports cannot be read", lane=lane, cause=error.reason)
        if error.lasting:
            where = Text(f"{lane}: {alarm_texts.RETURNS.en}", f"{lane}: {alarm_texts.RETURNS.ja}")
            self._alarms.sound(f"returns:{lane}", alarm_texts.about(where, error.reason), alarm_texts.RETURNS_CURE)

    async def _noted(self, mailbox: str, letter: Letter) -> None:
        report = ndr.read(letter.data)
        if report is None:
            self._count("unreadable")
            return
        matched = False
        for view in await self._messages(report):
            for one in view.recipients:
                said = next((refusal for refusal in report.refusals if _is(one, refusal)), None)
                if said is not None and _left_from(view, one, mailbox):
                    matched = True
                    await self._note(view, one, said, report.message_id, letter.at)
        if not matched:
            self._count("unmatched")

    async def _messages(self, report: ndr.NonDelivery) -> list[MessageView]:
        """By the queue ids that the original's Received fields may hold, else by its Message-ID."""
        found = []
        for name in report.ids:
            try:
                view = await self._spool.show(parse_id(name))
            except ValueError:
                continue
            if view is not None and view.message.header_id == report.about:
                found.append(view)
        if found:
            return found
        keys: list[MessageId] = await self._spool.known(
            [report.about], self._clock.time() - 2 * self._settings.remote_bounces_for
        )
        return [view for key in keys[-10:] if (view := await self._spool.show(key)) is not None]

    async def _note(
        self, view: MessageView, one: RecipientView, refusal: ndr.Refusal, report: str, at: float
    ) -> None:  # fmt: skip
        said = f"{refusal.status} {refusal.diagnostic}".strip()
        detail = f"bounced remotely: {said}, by {refusal.by or 'the service'} (report {report or 'without Message-ID'})"
        earlier = [event for event in view.events if event.kind == "returned" and event.recipient == one.address]
        if any(event.detail == detail for event in earlier) or len(earlier) >= _MOST:
            return
        if self._settings.remote_bounces is RemoteBounces.REPORT and not earlier:
            await self._tell(view, one, refusal)
        handed_over = [
            event.at for event in view.events if event.recipient == one.address and event.kind == "delivered"
        ]
        self.heard(one.lane, one.address, said, max(handed_over, default=view.message.received_at))
        if await self._spool.returned(view.message.id, one.id, detail, at):
            self._count("noted")
            self._log.returned(format_id(view.message.id), one.lane, one.address, detail)

    def _count(self, result: str) -> None:
        self.found[result] += 1
        self._log.metrics.returned.labels(result).inc()


def _nobody(lane: str, address: str, said: str, sent: float) -> None:
    pass


def _left_from(view: MessageView, one: RecipientView, mailbox: str) -> bool:
    """Whether this recipient's copy was, or may have been, handed over from the mailbox. One that is held keeps the
    reply by which people and the gateway know why."""
    if one.lane.partition("/")[2].lower() != mailbox.lower() or one.state is State.HELD:
        return False
    return any(event.recipient == one.address and event.kind in _HANDED_OVER for event in view.events)


def _is(one: RecipientView, refusal: ndr.Refusal) -> bool:
    return one.address.lower() in (refusal.recipient.lower(), refusal.original.lower())
