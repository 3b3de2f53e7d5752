"""What somebody should see although no attempt fails: old mail, lost answers, alarms nobody can clear any more.

Leaves to others: alarms of lanes (breaker). Invariant: an alarm stands as long as what it tells of is true, and no
longer than one interval after.
"""

from __future__ import annotations

from mailferry.clock import Clock
from mailferry.delivery.alarms import Alarms
from mailferry.delivery.decide import UNREPORTABLE
from mailferry.delivery.obsolete import Obsolete
from mailferry.delivery.settings import DAY, DeliverySettings
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
            moved = await self._spool.retry(late, now, "the clock, which was set back")
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
        reply = f" Last answer: {waiting.last_reply}" if waiting and waiting.last_reply else ""
        self._alarms.sound(
            AGE,
            f"Mail waits longer than {format_duration(self._age)}; the oldest is {format_id(message.id)}.{reply}",
            "Look at it with `mailferry queue show`, and at the lanes for pauses and budgets that are used up.",
        )

    async def _undecided(self, counts: dict[State, int]) -> None:
        lost, unreported = counts.get(State.UNKNOWN, 0), 0
        if counts.get(State.HELD, 0):
            held_lost, unreported = await self._held()
            lost += held_lost
        self._alarm(
            UNKNOWN,
            lost,
            "Recipients may or may not have got their message: the answer to an attempt was lost.",
            "Ask the recipient or search the message trace by Message-ID. If it arrived, `mailferry queue settle` it; "
            "if not, `queue release` what is held and `queue retry` the rest to send it again.",
        )
        self._alarm(
            UNREPORTED,
            unreported,
            "Recipients were refused for good and there is nobody who may be told.",
            "Look at them with `mailferry queue list --state held`; drop them, or release them to try again.",
        )

    def _alarm(self, key: str, number: int, text: str, cure: str) -> None:
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
