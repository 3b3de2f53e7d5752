"""One attempt: a lease goes over its route's transport, and what came back goes into the spool.

Leaves to others: which lease and when (lanes, dispatch), what an outcome means (decide) and for the lane (breaker).
Invariants: every attempt that began ends in a record, whatever the transport does; a report is durable before the
state it reports, and where it cannot be, the recipient stays deferred; nothing waits for a record.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from mailferry.clock import Clock, utc
from mailferry.delivery import alarm_texts
from mailferry.delivery.alarm_texts import BUG
from mailferry.delivery.bounce import Item, Reporter, reportable, wanted
from mailferry.delivery.breaker import Breaker
from mailferry.delivery.decide import BODILESS, UNREPORTABLE, after, held_unsettled
from mailferry.delivery.lanes import Lane
from mailferry.delivery.recorder import Recorder
from mailferry.delivery.retry import Schedule
from mailferry.delivery.settings import DeliverySettings, Unreportable
from mailferry.delivery.settler import Settler
from mailferry.delivery.verdict import judge
from mailferry.mail.body import BodyGone
from mailferry.mail.dsn import Action
from mailferry.mail.message import Message, format_id
from mailferry.mail.outcome import Deferred, Outcome
from mailferry.obs.maillog import MailLog
from mailferry.routes.api import Result
from mailferry.routes.faults import Fault
from mailferry.smtp.commands import Notify
from mailferry.smtp.replies import reply
from mailferry.spool.api import Claim, Lease, Move, State, Use
from mailferry.spool.checkpoints import Checkpoint

#: Where a crash test may stop the process, beside the store's own points.
CHECKPOINTS = (
    "delivery.answered",  # the upstream's answer is here, nothing is recorded
    "delivery.reported",  # the report of a failure is durable, the failure is not recorded
)

NOTHING = Use(0, 0)
_FINAL = frozenset({State.FAILED, State.EXPIRED})


@dataclass(frozen=True, slots=True)
class Judged:
    """A claim, what the transport said of it, and what follows."""

    claim: Claim
    outcome: Outcome
    move: Move


class Worker:
    """Makes attempts for every lane."""

    def __init__(
        self, settings: DeliverySettings, schedule: Schedule, reporter: Reporter, recorder: Recorder, breaker: Breaker,
        settler: Settler, clock: Clock, log: MailLog, checkpoint: Checkpoint, due: Callable[[Lane, float], None],
    ) -> None:  # fmt: skip
        self._settings = settings
        self._schedule = schedule
        self._reporter = reporter
        self._recorder = recorder
        self._breaker = breaker
        self._settler = settler
        self._clock = clock
        self._log = log
        self._checkpoint = checkpoint
        self._due = due  # told of every time at which a lane will have due mail again

    async def attempt(self, lane: Lane, lease: Lease) -> None:
        """Try a lease once. Raises nothing but CancelledError, and then the attempt is on record as unknown."""
        if not await self._settler.ready(lane, lease):
            return
        now = self._clock.time()
        held = self._held(lane, lease, now)
        gone = {move.claim for move in held}
        claims = _alike([claim for claim in lease.claims if claim.id not in gone])[: lane.share(now)]
        if not claims:
            self._recorder.put(lease, held, NOTHING)
            return
        generation = lane.start(len(claims))
        try:
            result = await self._deliver(lane, lease, claims)
        except asyncio.CancelledError:
            self._cut_off(lane, lease, claims, generation, now)
            raise
        except BodyGone as error:
            self._bodiless(lane, lease, claims, generation, now, error)
            return
        self._checkpoint(CHECKPOINTS[0])
        began, now = now, self._clock.time()
        lane.finish(len(claims), began, now, used=result.handed_over)
        self._breaker.apply(lane, judge(result.outcomes), generation, lease.message.envelope.reverse_path, now)
        self._own_faults(lease.message, lane, result)
        judged = self._judge(lane, lease, claims, result, now)
        use = Use(1, len(claims)) if result.handed_over else NOTHING
        if any(each.move.state is not State.DELIVERED or each.claim.recipient.notify for each in judged):
            try:
                judged = await self._report(lease, judged, result)
            except asyncio.CancelledError:
                self._finish(lane, lease, held, [_undecided(each) for each in judged], use, now)
                raise
        self._finish(lane, lease, held, judged, use, now)
        await self._recorder.room()

    def _held(self, lane: Lane, lease: Lease, now: float) -> list[Move]:
        """What must not be tried before a person decides. Where the service was asked, that is decided."""
        if self._settler.looks(lane):
            return []
        held = [move for claim in lease.claims if (move := held_unsettled(claim, self._settings, now))]
        if held:
            self._tell_held(lane, lease, held)
        return held

    async def _deliver(self, lane: Lane, lease: Lease, claims: Sequence[Claim]) -> Result:
        message, transport = lease.message, lane.transport
        if lane.mailbox and lane.mailbox != message.mailbox:  # the route's own mailbox, or another spelling of it
            message = replace(message, mailbox=lane.mailbox)
        try:
            if transport is None:
                raise LookupError(f"no such route: {lane.name}")
            result = await transport.deliver(message, lease.body, [claim.recipient for claim in claims])
            if len(result.outcomes) != len(claims):
                raise ValueError(f"{len(result.outcomes)} outcomes for {len(claims)} recipients")
        except BodyGone:
            raise
        except Exception as error:
            self._log.trouble(
                "attempt failed", message=format_id(message.id), lane=lane.name,
                cause=f"{type(error).__name__}: {error}",
            )  # fmt: skip
            failed = Deferred(reply(451, "4.3.0", "internal error of this gateway"), lane_fault=BUG)
            return Result((failed,) * len(claims), handed_over=True)
        return result

    def _judge(self, lane: Lane, lease: Lease, claims: Sequence[Claim], result: Result, now: float) -> list[Judged]:
        resume, look = lane.health.until(now), self._settler.first(lane)
        message = lease.message
        return [
            Judged(claim, outcome, after(claim, outcome, message, self._settings, self._schedule, now, resume, look))
            for claim, outcome in zip(claims, result.outcomes, strict=True)
        ]

    async def _report(self, lease: Lease, judged: list[Judged], result: Result) -> list[Judged]:
        """Write the reports that are owed, each before its states; the moves as they then are."""
        final = [each for each in judged if each.move.state in _FINAL]
        if final:
            told = await self._failure(lease, [each for each in final if wanted(each.claim.recipient, Action.FAILED)])
            judged = [told.get(each.claim.id, each) for each in judged]
        if reportable(lease.message):
            await self._courtesy(lease, Action.DELAYED, [each for each in judged if self._warns(each)])
            if not result.dsn:
                await self._courtesy(lease, Action.RELAYED, [each for each in judged if _relayed(each)])
        return judged

    async def _failure(self, lease: Lease, failed: list[Judged]) -> dict[int, Judged]:
        """The failed recipients, by claim, after their report was stored or could not be."""
        if not failed:
            return {}
        if not reportable(lease.message):
            if self._settings.unreportable is Unreportable.FAIL:
                return {}
            return {each.claim.id: _held(each) for each in failed}
        items = [Item(each.claim, each.outcome.reply, each.move.state is State.EXPIRED) for each in failed]
        try:
            report = await self._reporter.report(lease.message, lease.body, Action.FAILED, items)
        except Exception as error:
            # Whatever kept the report from the store: the failure is not final before somebody can hear of it.
            self._log.trouble("report not stored", message=format_id(lease.message.id), cause=str(error))
            return {each.claim.id: self._postponed(lease, each) for each in failed}
        self._checkpoint(CHECKPOINTS[1])
        return {each.claim.id: replace(each, move=replace(each.move, report=report)) for each in failed}

    def _postponed(self, lease: Lease, each: Judged) -> Judged:
        due = each.move.at + self._schedule.wait(lease.message.id, 1)
        text = f"{each.move.reply} (refused; its report could not be stored yet)"
        return replace(each, move=Move(each.claim.id, State.DEFERRED, each.move.at, text, due, count=False))

    async def _courtesy(self, lease: Lease, action: Action, chosen: list[Judged]) -> None:
        """A report that is good to have. Without it the mail goes on all the same."""
        if not chosen:
            return
        try:
            items = [Item(each.claim, each.outcome.reply) for each in chosen]
            await self._reporter.report(lease.message, lease.body, action, items)
        except Exception as error:
            self._log.trouble("report not stored", message=format_id(lease.message.id), cause=str(error))

    def _warns(self, each: Judged) -> bool:
        move = each.move
        return (
            move.state is State.DEFERRED and move.count
            and self._schedule.warns(each.claim.attempts + 1)
            and wanted(each.claim.recipient, Action.DELAYED)
        )  # fmt: skip

    def _finish(self, lane: Lane, lease: Lease, held: list[Move], judged: list[Judged], use: Use, now: float) -> None:
        moves = [*held, *(each.move for each in judged)]
        then = None
        if len(moves) < len(lease.claims):  # the others were over the limit of one message: due again at once
            then = lambda: self._due(lane, 0.0)  # noqa: E731
        self._recorder.put(lease, moves, use, then)
        message = format_id(lease.message.id)
        for each in judged:
            self._log_move(message, lane, each, now - lease.message.received_at)
        waiting = [each.move.next_attempt for each in judged if each.move.next_attempt is not None]
        if waiting:
            self._due(lane, min(waiting))

    def _log_move(self, message: str, lane: Lane, each: Judged, age: float) -> None:
        address, move = each.claim.recipient.address, each.move
        match move.state:
            case State.DELIVERED:
                self._log.delivered(message, lane.name, address, move.reply, max(0.0, age))
            case State.FAILED | State.EXPIRED:
                self._log.failed(message, lane.name, address, move.reply, move.state is State.EXPIRED)
            case State.UNKNOWN | State.HELD:
                self._log.unknown(message, lane.name, address, move.reply)
            case _:
                due = utc(move.next_attempt or move.at).isoformat(timespec="seconds")
                self._log.deferred(message, lane.name, address, move.reply, due)

    def _tell_held(self, lane: Lane, lease: Lease, held: list[Move]) -> None:
        addresses = {claim.id: claim.recipient.address for claim in lease.claims}
        for move in held:
            self._log.unknown(format_id(lease.message.id), lane.name, addresses[move.claim], move.reply)

    def _bodiless(
        self, lane: Lane, lease: Lease, claims: Sequence[Claim], generation: int, began: float, error: BodyGone
    ) -> None:
        """The store lost the bytes, which no other attempt would mend: a person has to see it."""
        now = self._clock.time()
        lane.finish(len(claims), began, now, used=False)
        lane.health.abandon(generation)
        self._sound_bodiless(lease.message, lane, str(error))
        moves = [Move(claim.id, State.HELD, now, f"{BODILESS} {error}", count=False) for claim in claims]
        self._recorder.put(lease, moves, NOTHING)

    def _sound_bodiless(self, message: Message, lane: Lane, cause: str) -> None:
        name = format_id(message.id)
        self._log.trouble("body missing", message=name, lane=lane.name, cause=cause)
        self._breaker.alarms.sound(f"body:{name}", alarm_texts.named(alarm_texts.BODY, name), alarm_texts.BODY_CURE)

    def _own_faults(self, message: Message, lane: Lane, result: Result) -> None:
        """Tell of what this gateway, and nobody else, could not do for a message."""
        for outcome in result.outcomes:
            if not isinstance(outcome, Deferred):
                continue
            if outcome.lane_fault == Fault.BODY:
                self._sound_bodiless(message, lane, str(outcome.reply))
                return
            if outcome.lane_fault == Fault.INTERNAL:
                name = format_id(message.id)
                text = alarm_texts.about(alarm_texts.named(alarm_texts.MESSAGE, name), outcome.reply.text)
                self._breaker.alarms.sound(f"message:{name}", text, alarm_texts.MESSAGE_CURE)
                return

    def _cut_off(self, lane: Lane, lease: Lease, claims: Sequence[Claim], generation: int, began: float) -> None:
        """An attempt was cancelled by a stop or for its length: whether it got through is not known."""
        now = self._clock.time()
        lane.finish(len(claims), began, now, used=True)
        lane.health.abandon(generation)
        text = "451 4.4.2 the attempt was cut off by this gateway and may have got through"
        moves = [Move(claim.id, State.UNKNOWN, now, text, now) for claim in claims]
        self._recorder.put(lease, moves, Use(1, len(claims)))
        for claim in claims:
            self._log.unknown(format_id(lease.message.id), lane.name, claim.recipient.address, text)


def _alike(claims: list[Claim]) -> list[Claim]:
    """Those in doubt alone, where there are some: a route that can be asked for the attempt whose answer was lost is
    asked by its recipients. The others come next."""
    doubtful = [claim for claim in claims if claim.state is State.UNKNOWN] if len(claims) > 1 else []
    return doubtful or claims


def _held(each: Judged) -> Judged:
    text = f"{UNREPORTABLE} {each.move.reply}"
    return replace(each, move=Move(each.claim.id, State.HELD, each.move.at, text))


def _undecided(each: Judged) -> Judged:
    """What is recorded when a stop comes while a report is written: a final state must not overtake its report."""
    if each.move.state not in _FINAL:
        return each
    return replace(each, move=Move(each.claim.id, State.UNKNOWN, each.move.at, each.move.reply, each.move.at))


def _relayed(each: Judged) -> bool:
    return each.move.state is State.DELIVERED and Notify.SUCCESS in each.claim.recipient.notify
