"""A rehearsal: every client of the plan on every date that is asked for.

Leaves to others: one date (play), verdicts (verdict), keeping the result (store). Invariant: nothing leaves this
machine, and nothing of it is left behind but the result.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import ssl
import tempfile
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from datetime import date, datetime
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from zlib import crc32

import aiohttp

from mailferry.m365.schedule import current
from mailferry.planner.values import Plan
from mailferry.rehearsal import words
from mailferry.rehearsal.casting import Role, cast
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
_END = -1


def fastest_loop() -> Callable[[], asyncio.AbstractEventLoop]:
    """uvloop where the platform has it, else asyncio's own."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


def usual_dates(plan: Plan, today: date) -> tuple[date, ...]:
    """Today, the day of the cut-off, and every later day on which the schedule changes."""
    starts = {phase.start for phase in current().phases if phase.start is not None}
    return tuple(sorted({today, plan.cutoff, *(start for start in starts if start > today)}))


@dataclass(frozen=True, slots=True)
class _Job:
    """Some clients on one date, by numbers that no other job has; the plan is whole, so the gateway is too."""

    plan: Plan
    estate: Estate
    keys: Keys
    day: date
    shard: int
    shards: int
    brief: bool

    def roles(self, *, old_tls: bool) -> list[Role]:
        """Those of one mailbox are never parted: they share its limits."""
        every = cast(self.plan, self.estate, old_tls=old_tls, brief=self.brief)
        if self.shards == 1:
            return every
        return [role for role in every if crc32((role.client.sender or role.name).encode()) % self.shards == self.shard]


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
    jobs = [_Job(plan, found, keys, day, shard, shards, many) for day in days for shard in range(shards)]
    if shards == 1:
        counter = _Counter(progress, len(days))
        parts = [_play(job, counter.tell) for job in jobs]
    else:
        parts = _shared(jobs, processes, progress)
    joined = (_joined([part for part in parts if part.at == day]) for day in days)
    assumed = (*found.assumed, words.BRIEF) if many else found.assumed
    return Rehearsal(made=made, plan=digest, days=tuple(joined), assumed=assumed)


class _Counter:
    """Ways tried over all jobs. What a job comes to is known once it begins; the others are taken to be like it."""

    def __init__(self, progress: Progress, jobs: int) -> None:
        self._progress = progress
        self._jobs = jobs
        self._totals: list[int] = []
        self._done = 0

    def tell(self, begun: int) -> None:
        """`begun`: a job of so many ways begins; 0: one way was tried."""
        if begun:
            self._totals.append(begun)
        else:
            self._done += 1
        waiting = self._jobs - len(self._totals)
        self._progress(self._done, sum(self._totals) + waiting * max(self._totals, default=0))


def _shared(jobs: Sequence[_Job], processes: int, progress: Progress) -> list[Day]:
    """The jobs among processes: on one core a rehearsal is bound by TLS and Python."""
    context = multiprocessing.get_context("spawn")
    counter, told = _Counter(progress, len(jobs)), context.SimpleQueue()
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


def _remote(job: _Job) -> Day:
    queue = _Told.queue
    return _play(job, queue.put if queue is not None else lambda begun: None)


def _joined(parts: Sequence[Day]) -> Day:
    """The parts of one date as one."""
    rows = sorted((row for part in parts for row in part.rows), key=lambda row: (row.name, row.client))
    account = sum((part.account for part in parts), Account())
    return Day(parts[0].at, tuple(rows), account, max(part.skipped for part in parts))


def _play(job: _Job, tell: Callable[[int], None]) -> Day:
    with asyncio.Runner(loop_factory=fastest_loop()) as runner:
        return runner.run(_day(job, tell))


async def _day(job: _Job, tell: Callable[[int], None]) -> Day:
    with tempfile.TemporaryDirectory(prefix="mailferry-rehearsal-") as directory:
        async with Theatre(job.day, job.estate.tenant, job.plan, PASSWORD, job.keys, Path(directory)) as theatre:
            context = ssl.create_default_context(cafile=str(theatre.box.ca_file))
            async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as http:
                return await _played(job, theatre, http, tell)


async def _played(job: _Job, theatre: Theatre, http: aiohttp.ClientSession, tell: Callable[[int], None]) -> Day:
    roles = job.roles(old_tls=theatre.old_tls)
    tell(sum((role.today is not None) + (role.planned is not None) for role in roles))
    play = Play(theatre, Speaker(http), Tokens(theatre.box, http), PASSWORD, lambda: tell(0))
    today = await play.today(roles)
    theatre.carry_out()
    planned = await play.planned(roles)
    rows = tuple(row(role, today.get(role.client.id), planned.get(role.client.id)) for role in roles)
    return Day(at=job.day, rows=rows, account=play.account, skipped=int(theatre.skipped))
