"""What a lane does about the verdict of an attempt: pause, slow down, go on; and who is told.

Leaves to others: the states themselves (health) and the message's fate (decide).
Invariant: a fault of ours raises its alarm once and the first success clears it; what passes by itself (throttling)
raises one only when it lasts.
"""

from __future__ import annotations

from collections.abc import Callable

from mailferry.delivery.alarm_texts import NO_ROUTE
from mailferry.delivery.alarms import Alarms
from mailferry.delivery.lanes import Lane
from mailferry.delivery.settings import DeliverySettings
from mailferry.delivery.verdict import PASSING, Verdict, texts
from mailferry.m365.facts import Text
from mailferry.obs.maillog import MailLog
from mailferry.routes.faults import OWN, Fault


class Breaker:
    """Applies verdicts to lanes."""

    def __init__(self, alarms: Alarms, settings: DeliverySettings, log: MailLog) -> None:
        self.alarms = alarms
        self.changed: Callable[[Lane], None] = lambda lane: None  # told after each pause and each end of one
        self._patience = settings.throttle_alarm
        self._log = log

    def apply(self, lane: Lane, verdict: Verdict, began: int, sender: str, now: float) -> None:
        """Take note of one attempt that began under generation `began`."""
        if verdict.kind == Fault.SENDER:
            self._sound(_sender_key(lane, sender), f"{lane.name}, sender {sender or '<>'}", verdict)
            if lane.sender_refused():
                self._pause(lane, verdict, began, now)
            else:  # this sender is refused, which the lane could only hear because it works
                self._works(lane, began)
        elif verdict.kind in OWN:
            lane.health.abandon(began)
        elif verdict.kind:
            self._pause(lane, verdict, began, now)
        else:
            lane.sender_accepted()
            self._works(lane, began)
            if self.alarms.standing:
                self.alarms.clear(_sender_key(lane, sender))

    def no_route(self, lane: Lane) -> None:
        """The lane's route is not configured."""
        self._sound(lane.alarm_key, lane.name, Verdict(NO_ROUTE))

    def _works(self, lane: Lane, began: int) -> None:
        fresh = began == lane.health.generation
        if lane.health.succeed(began):
            lane.trouble = ""
            self._log.lane_resumed(lane.name)
            self.changed(lane)
        if fresh and self.alarms.standing:
            self.alarms.clear(lane.alarm_key)

    def _pause(self, lane: Lane, verdict: Verdict, began: int, now: float) -> None:
        seconds = lane.health.fail(began, now, verdict.kind, verdict.hint)
        if seconds is None:
            return
        lane.trouble = f"{verdict.kind}: {verdict.reply}"
        self._log.lane_paused(lane.name, lane.trouble, seconds)
        self.changed(lane)
        if verdict.kind == Fault.THROTTLE:
            self._spread(lane, verdict, now)
        since = lane.health.since
        lasts = since is not None and now - since >= self._patience
        if verdict.kind != Fault.SENDER and (lasts or verdict.kind not in PASSING):
            self._sound(lane.alarm_key, lane.name, verdict)

    def _spread(self, lane: Lane, verdict: Verdict, now: float) -> None:
        """What is throttled is the budget: whoever shares it would only hear the same."""
        for other in lane.kin:
            if not other.health.paused:
                seconds = other.health.fail(other.health.generation, now, verdict.kind, verdict.hint)
                other.trouble = lane.trouble
                self._log.lane_paused(other.name, lane.trouble, seconds or 0.0)

    def _sound(self, key: str, where: str, verdict: Verdict) -> None:
        cause, cure = texts(verdict.kind, verdict.reply)
        self.alarms.sound(key, Text(f"{where}: {cause.en}", f"{where}: {cause.ja}"), cure)


def _sender_key(lane: Lane, sender: str) -> str:
    return f"sender:{lane.name}/{sender or '<>'}"
