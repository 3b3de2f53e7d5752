"""What does not fit before the deadline, and what would make it fit.

Leaves to others: the schedule itself (waves). Invariant: what is named as a cure has been tried: with it, the owner's
work fits.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import date

from mailferry.m365.facts import Text
from mailferry.planner.days import WorkingDays
from mailferry.planner.judgement import say
from mailferry.planner.order import Work, in_turn
from mailferry.planner.settings import PlanSettings
from mailferry.planner.waves import Dated, Numbered, last_day, stream

_OWNERS = 10
_NAMED = 3

_EXCEPTION = Text(
    "Until its day each of them needs Basic authentication. Microsoft says that an administrator can enable it again "
    "after the end of December 2026, but has not published how.",
    "これらのクライアントは、変更日まで基本認証が必要です。2026 年 12 月末以降も管理者が再度有効にできると"
    "されていますが、その方法は公表されていません。",
)


def deadline_of(settings: PlanSettings, calendar: WorkingDays, cutoff: date) -> date:
    """The last day on which a client should be changed."""
    return calendar.before(cutoff, settings.margin)


def misfits(work: Sequence[Work], dated: Dated, settings: PlanSettings, today: date, cutoff: date) -> Iterator[Text]:
    """One warning for each owner whose work ends after the deadline, and what would help all of them."""
    calendar = WorkingDays(settings)
    deadline = deadline_of(settings, calendar, cutoff)
    late: dict[str, list[Work]] = {}
    for one in work:
        if dated.day[one.id] > deadline:
            late.setdefault(one.owner, []).append(one)
    if not late:
        return
    last = dated.numbered.free + len(calendar.between(dated.free, deadline)) - 1
    queues: dict[str, list[Work]] = {}
    for one in in_turn(work):
        queues.setdefault(one.owner, []).append(one)
    for owner in sorted(late, key=lambda owner: (-len(late[owner]), owner))[:_OWNERS]:
        yield _owner(owner, late[owner], len(queues[owner]), dated, deadline)
        yield _capacity(queues[owner], dated.numbered, settings.capacity_of(owner), last)
    if len(late) > _OWNERS:
        yield say(
            "{count} more owners do not fit either.",
            "ほかに {count} 名の担当者も期限内に完了できません。",
            count=len(late) - _OWNERS,
        )
    yield from _cures(work, settings, today, cutoff)
    yield _EXCEPTION


def _owner(owner: str, late: Sequence[Work], count: int, dated: Dated, deadline: date) -> Text:
    first = sorted(late, key=lambda one: (dated.day[one.id], one.id))[:_NAMED]
    names = ", ".join(one.id for one in first) + (", …" if len(late) > _NAMED else "")
    return say(
        "{owner_en}: {late} of {all} clients do not fit before {deadline} ({names}); the last would be on {last}.",
        "{owner_ja}: {all} 件中 {late} 件が期限 {deadline} までに完了しません（{names}）。最終日は {last} です。",
        owner_en=owner or "Clients without an owner",
        owner_ja=owner or "担当者のいないクライアント",
        late=len(late),
        all=count,
        deadline=deadline.isoformat(),
        names=names,
        last=max(dated.day[one.id] for one in late).isoformat(),
    )


def _capacity(every: Sequence[Work], numbered: Numbered, now: int, last: int) -> Text:
    """The least capacity with which what the owner does after the pilot is done by the working day number `last`."""
    queue = [one for one in every if one.id in numbered.begun]
    enough = now + sum(one.points for one in queue)  # everything on the day on which it may begin
    if not _done(queue, numbered, enough, last):
        return Text(
            "Some of it cannot even begin before the deadline, whatever the capacity.",
            "処理能力を増やしても、期限までに着手できないものがあります。",
        )
    needed = bisect_left(range(enough), True, lo=now, key=lambda capacity: _done(queue, numbered, capacity, last))
    return say(
        "It would fit with a capacity of {needed} a day in place of {now}: more people, or help from others.",
        "1 日あたりの処理能力を {now} から {needed} に増やせば間に合います（増員または応援）。",
        needed=needed,
        now=now,
    )


def _done(queue: Sequence[Work], numbered: Numbered, capacity: int, last: int) -> bool:
    return max((number for _, number in stream(queue, numbered.begun, capacity)), default=-1) <= last


def _cures(work: Sequence[Work], settings: PlanSettings, today: date, cutoff: date) -> Iterator[Text]:
    """What else would make everything fit; each was tried."""
    trials = (
        (
            {"freeze": ()},
            bool(settings.freeze),
            Text("Everything would fit without the freeze periods.", "変更凍結期間がなければ、すべて間に合います。"),
        ),
        (
            {"pilot": 0, "soak": 0},
            settings.pilot > 0,
            Text("Everything would fit without a pilot.", "試行を省略すれば、すべて間に合います。"),
        ),
        (
            {"margin": 0},
            settings.margin > 0,
            Text(
                "Everything would fit without the margin before the cut-off.",
                "廃止日前の余裕日数をなくせば、すべて間に合います。",
            ),
        ),
    )
    for change, sensible, text in trials:
        if sensible and _fits(work, settings.model_copy(update=change), today, cutoff):
            yield text


def _fits(work: Sequence[Work], settings: PlanSettings, today: date, cutoff: date) -> bool:
    calendar = WorkingDays(settings)
    deadline = deadline_of(settings, calendar, cutoff)
    return last_day(work, settings, calendar, today, deadline) <= deadline
