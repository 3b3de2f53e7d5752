"""A rehearsal: every client of the plan on every date that is asked for.

Leaves to others: one date (play), verdicts (verdict), keeping the result (store). Invariant: nothing leaves this
machine, and nothing of it is left behind but the result.
"""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import ssl
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from datetime import date, datetime
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from zlib import crc32

import aiohttp

from mailferry.m365.schedule import current, disabled_from
from mailferry.planner.values import Item, Plan
from mailferry.rehearsal import words
from mailferry.rehearsal.casting import Role, cast
from mailferry.rehearsal.planned import rendered
from mailferry.rehearsal.play import Play
from mailferry.rehearsal.speaker import Speaker
from mailferry.rehearsal.tenant import Estate, estate
from mailferry.rehearsal.theatre import Theatre
from mailferry.rehearsal.user_token import Tokens
from mailferry.rehearsal.values import Account, Day, Rehearsal
from mailferry.rehearsal.verdict import row
from mailferry.sandbox.certificates import Keys, make_keys

#: Of the tenant, and of every mailbox in it.
TENANT_ID = "5a4db0c5-0000-4000-8000-000000000100"
PASSWORD = "rehearsal-password"  # noqa: S105 - of mailboxes in the box

#: Told how many ways were tried, of how many in all.
Progress = Callable[[int, int], None]

#: From so many clients on, further processes pay, and sizes between which no limit lies are not told apart.
_MANY = 300
#: Progress is told after so many ways; the end of it by what nobody tells.
_OFTEN = 8
_END = -1 << 30


def fastest_loop() -> Callable[[], asyncio.AbstractEventLoop]:
    """uvloop where the platform has it, else asyncio's own."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


def usual_dates(plan: Plan, today: date) -> tuple[date, ...]:
    """Today, the day of the plan's cut-off in place of the schedule's, and every later day on which it changes."""
    starts = {phase.start for phase in current().phases if phase.start is not None} - {disabled_from()}
    return tuple(sorted({today, plan.cutoff, *(start for start in starts if start > today)}))


@dataclass(frozen=True, slots=True)
class _Job:
    """Some clients on all dates, and the part of the plan that is about them; the tenant is whole."""

    plan: Plan
    estate: Estate
    keys: Keys
    days: tuple[date, ...]
    brief: bool


def _parted(plan: Plan, parts: int) -> Iterator[Plan]:
    """Clients of one mailbox are never parted: they share its limits."""
    items: list[list[Item]] = [[] for _ in range(parts)]
    for item in plan.items:
        items[crc32((item.client.sender or item.client.id).encode()) % parts].append(item)
    return (replace(plan, items=tuple(part)) for part in items if part or parts == 1)


def rehearse(
    plan: Plan,
    domains: Iterable[str],
    dates: Sequence[date],
    made: datetime,
    digest: str,
    progress: Progress = lambda done, total: None,
    processes: int = 1,
) -> Rehearsal:
    """Play all dates. `domains` are the organisation's, `digest` the plan's; `processes` may share the work. Raises
    PlanRefused, and OSError where nothing can listen."""
    found = estate([item.client for item in plan.items], domains or plan.domains, TENANT_ID, PASSWORD)
    days = tuple(dict.fromkeys(dates))
    many = len(plan.items) >= _MANY
    shards = processes if many else 1
    keys = make_keys()
    jobs = [_Job(part, found, keys, days, many) for part in _parted(plan, shards)]
    alone = _Counter(progress, len(days)).tell
    parts = [_play(jobs[0], alone)] if len(jobs) == 1 else _shared(jobs, processes, progress)
    joined = (_joined(day) for day in zip(*parts, strict=True))
    assumed = (*found.assumed, words.BRIEF) if many else found.assumed
    return Rehearsal(made=made, plan=digest, days=tuple(joined), assumed=assumed)


class _Counter:
    """Ways tried over all dates of all jobs. What one comes to is known once it begins; the others are taken to be like
    it."""

    def __init__(self, progress: Progress, dates: int) -> None:
        self._progress = progress
        self._dates = dates
        self._totals: list[int] = []
        self._done = 0

    def tell(self, what: int) -> None:
        """A date of so many ways begins; or, below zero, so many were tried."""
        if what > 0:
            self._totals.append(what)
        else:
            self._done -= what
        waiting = self._dates - len(self._totals)
        self._progress(self._done, sum(self._totals) + waiting * max(self._totals, default=0))


def _shared(jobs: Sequence[_Job], processes: int, progress: Progress) -> list[list[Day]]:
    """Each job in a process: on one core a rehearsal is bound by TLS and Python."""
    context = multiprocessing.get_context("spawn")
    counter, told = _Counter(progress, sum(len(job.days) for job in jobs)), context.SimpleQueue()
    listener = threading.Thread(target=_listen, args=(told, counter), daemon=True)
    listener.start()
    try:
        with ProcessPoolExecutor(processes, context, _remember, (told,)) as pool:
            return list(pool.map(_remote, jobs))
    except BrokenProcessPool:
        raise OSError("a process of the rehearsal was ended from outside, perhaps for want of memory") from None
    finally:
        told.put(_END)
        listener.join()


def _listen(told: SimpleQueue[int], counter: _Counter) -> None:
    while (what := told.get()) != _END:
        counter.tell(what)


class _Told:
    """Where a process of the pool tells of its progress; each process has its own."""

    queue: SimpleQueue[int] | None = None


def _remember(queue: SimpleQueue[int]) -> None:
    _Told.queue = queue
    # What the plan consists of stays to the end, and looking through it again and again is a tenth of the time.
    gc.set_threshold(50_000, 20, 100)


def _remote(job: _Job) -> list[Day]:
    queue = _Told.queue
    return _play(job, queue.put if queue is not None else lambda what: None)


def _joined(parts: Sequence[Day]) -> Day:
    """The parts of one date as one."""
    rows = sorted((row for part in parts for row in part.rows), key=lambda row: (row.name, row.client))
    account = sum((part.account for part in parts), Account())
    return Day(parts[0].at, tuple(rows), account, max(part.skipped for part in parts))


def _play(job: _Job, tell: Callable[[int], None]) -> list[Day]:
    return list(_Part(job, tell).days())


class _Part:
    """What one job plays: the dates one after the other, by the same roles."""

    def __init__(self, job: _Job, tell: Callable[[int], None]) -> None:
        self._job = job
        self._tell = tell
        self._configuration = rendered(job.plan, PASSWORD)
        self._roles: list[Role] = []
        self._tried = 0

    def days(self) -> Iterator[Day]:
        for day in self._job.days:
            with asyncio.Runner(loop_factory=fastest_loop()) as runner:
                yield runner.run(self._day(day))

    async def _day(self, day: date) -> Day:
        job = self._job
        with tempfile.TemporaryDirectory(prefix="mailferry-rehearsal-") as directory:
            place = Path(directory)
            async with Theatre(day, job.estate.tenant, job.plan, self._configuration, job.keys, place) as theatre:
                context = ssl.create_default_context(cafile=str(theatre.box.ca_file))
                async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as http:
                    return await self._played(day, theatre, http)

    async def _played(self, day: date, theatre: Theatre, http: aiohttp.ClientSession) -> Day:
        if not self._roles:
            self._roles = cast(self._job.plan.items, self._job.estate, old_tls=theatre.old_tls, brief=self._job.brief)
        roles = self._roles
        self._tell(sum((role.today is not None) + (role.planned is not None) for role in roles))
        play = Play(theatre, Speaker(http), Tokens(theatre.box, http), PASSWORD, self._try)
        today = await play.today(roles)
        theatre.carry_out()
        planned = await play.planned(roles)
        self._told()
        rows = tuple(row(role, today.get(role.client.id), planned.get(role.client.id)) for role in roles)
        return Day(at=day, rows=rows, account=play.account, skipped=int(theatre.skipped))

    def _try(self) -> None:
        self._tried += 1
        if self._tried >= _OFTEN:
            self._told()

    def _told(self) -> None:
        self._tell(-self._tried)
        self._tried = 0
