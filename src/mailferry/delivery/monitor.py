"""What somebody should see although no attempt fails: old mail, lost answers, alarms nobody can clear any more.

Leaves to others: alarms of lanes (breaker). Invariant: an alarm stands as long as what it tells of is true, and no
longer than one interval after.
"""

from __future__ import annotations

from mailferry.clock import Clock
from mailferry.delivery import alarm_texts
from mailferry.delivery.alarms import Alarms
from mailferry.delivery.decide import UNREPORTABLE
from mailferry.delivery.obsolete import Obsolete
from mailferry.delivery.settings import DAY, DeliverySettings
from mailferry.m365.facts import Text
from mailferry.mail.message import MessageId, format_id
from mailferry.obs.maillog import MailLog
from mailferry.spool.api import LOST_ANSWER, WAITING, Filter, Spool, State
from mailferry.units import format_duration

AGE, UNKNOWN, UNREPORTED = "queue:age", "queue:unknown", "queue:unreported"
#: Held messages that are read through at most, to learn why they are held.
_READ = 2000
#: Seconds between two looks for mail whose time was set by a wrong clock.
_OFTEN = 3600.0


class Monitor:
    """Looks at the whole spool."""

    def __init__(self, spool: Spool, alarms: Alarms, settings: DeliverySettings, clock: Clock, log: MailLog) -> None:
        self._spool = spool
        self._alarms = alarms
        self._obsolete = Obsolete(spool)
        self._age = settings.alarm_age
        # What waits longer than any wait there is was given its time by a clock that was wrong.
        self._longest = max(DAY, max(settings.retry) * (1 + settings.jitter)) + _OFTEN
        self._looked = self._checked = float("-inf")
        self._clock = clock
        self._log = log

    async def look(self) -> None:
        """Raise and clear, and tell the metrics."""
        self._alarms.again()
        await self._set_back()
        await self._oldest()
        await self._undecided(await self._spool.counts())
        for key in await self._obsolete.among(sorted(self._alarms.standing)):
            self._alarms.clear(key)

    async def _set_back(self) -> None:
        """Mail that was deferred, or came, under a clock that ran ahead would wait until that time is here. Looked for
        at start, when the clock goes back, and once an hour."""
        now, before = self._clock.time(), self._looked
        self._looked = now
        if before <= now < self._checked + _OFTEN:
            return
        self._checked = now
        late = Filter(due_after=now + self._longest)
        if await self._spool.find(late, 1):
            moved = await self._spool.hasten(late, now, "the clock, which was set back")
            self._log.trouble("clock was set back", recipients=moved)

    async def _oldest(self) -> None:
        if not self._age:
            return
        states = WAITING | {State.CLAIMED}
        old = await self._spool.find(Filter(states=states, older_than=self._clock.time() - self._age), 1)
        if not old:
            self._alarms.clear(AGE)
            return
        message = old[0].message
        waiting = next((each for each in old[0].recipients if each.state in states), None)
        text = alarm_texts.age(format_duration(self._age), format_id(message.id), waiting.last_reply if waiting else "")
        self._alarms.sound(AGE, text, alarm_texts.AGE_CURE)

    async def _undecided(self, counts: dict[State, int]) -> None:
        lost, unreported = counts.get(State.UNKNOWN, 0), 0
        if counts.get(State.HELD, 0):
            held_lost, unreported = await self._held()
            lost += held_lost
        self._alarm(UNKNOWN, lost, alarm_texts.UNKNOWN, alarm_texts.UNKNOWN_CURE)
        self._alarm(UNREPORTED, unreported, alarm_texts.UNREPORTED, alarm_texts.UNREPORTED_CURE)

    def _alarm(self, key: str, number: int, text: Text, cure: Text) -> None:
        if number:
            self._alarms.sound(key, text, cure)
        else:
            self._alarms.clear(key)

    async def _held(self) -> tuple[int, int]:
        """How many recipients are held for a lost answer, and how many because nobody may be told."""
        lost = unreported = 0
        after: MessageId | None = None
        for _ in range(_READ // 100):
            views = await self._spool.find(Filter(states=frozenset({State.HELD})), 100, after)
            for view in views:
                after = view.message.id
                replies = [each.last_reply for each in view.recipients if each.state is State.HELD]
                lost += sum(reply.startswith(LOST_ANSWER) for reply in replies)
                unreported += sum(reply.startswith(UNREPORTABLE) for reply in replies)
            if len(views) < 100:
                break
        return lost, unreported
