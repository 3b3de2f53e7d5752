"""A rehearsal: every client of the plan on every date that is asked for.

Leaves to others: one date (play), verdicts (verdict), keeping the result (store). Invariant: nothing leaves this
machine, and nothing of it is left behind but the result.
"""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from pathlib import Path

import aiohttp

from mailferry.m365.schedule import current
from mailferry.planner.values import Plan
from mailferry.rehearsal.casting import cast
from mailferry.rehearsal.play import Play
from mailferry.rehearsal.speaker import Speaker
from mailferry.rehearsal.tenant import Estate, estate
from mailferry.rehearsal.theatre import Theatre
from mailferry.rehearsal.user_token import Tokens
from mailferry.rehearsal.values import Day, Rehearsal
from mailferry.rehearsal.verdict import row
from mailferry.sandbox.certificates import Keys, make_keys

#: Of the tenant, and of every mailbox in it.
TENANT_ID = "5a4db0c5-0000-4000-8000-000000000100"
PASSWORD = "rehearsal-password"  # noqa: S105 - of mailboxes in the box

#: Told of each date: which, how many ways were tried of it, how many there are.
Progress = Callable[[date, int, int], None]


def usual_dates(plan: Plan, today: date) -> tuple[date, ...]:
    """Today, the day of the cut-off, and every later day on which the schedule changes."""
    starts = {phase.start for phase in current().phases if phase.start is not None}
    return tuple(sorted({today, plan.cutoff, *(start for start in starts if start > today)}))


async def rehearse(
    plan: Plan,
    domains: Iterable[str],
    dates: Sequence[date],
    made: datetime,
    digest: str,
    progress: Progress = lambda day, done, total: None,
) -> Rehearsal:
    """Play all dates. `domains` are the organisation's, `digest` the plan's."""
    found = estate([item.client for item in plan.items], domains or plan.domains, TENANT_ID, PASSWORD)
    keys = make_keys()
    days = [await _day(plan, found, day, keys, progress) for day in dict.fromkeys(dates)]
    return Rehearsal(made=made, plan=digest, days=tuple(days), assumed=found.assumed)


async def _day(plan: Plan, found: Estate, day: date, keys: Keys, progress: Progress) -> Day:
    with tempfile.TemporaryDirectory(prefix="mailferry-rehearsal-") as directory:
        async with Theatre(day, found.tenant, plan, PASSWORD, keys, Path(directory)) as theatre:
            context = ssl.create_default_context(cafile=str(theatre.box.ca_file))
            async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as http:
                return await _played(plan, found, day, theatre, http, progress)


async def _played(
    plan: Plan, found: Estate, day: date, theatre: Theatre, http: aiohttp.ClientSession, progress: Progress
) -> Day:
    roles = cast(plan, found, old_tls=theatre.old_tls)
    total = sum((role.today is not None) + (role.planned is not None) for role in roles)
    done = 0

    def tell() -> None:
        nonlocal done
        done += 1
        progress(day, done, total)

    progress(day, 0, total)
    play = Play(theatre, Speaker(http), Tokens(theatre.box, http), PASSWORD, tell)
    today = await play.today(roles)
    theatre.carry_out()
    planned = await play.planned(roles)
    rows = tuple(row(role, today.get(role.client.id), planned.get(role.client.id)) for role in roles)
    return Day(date=day, rows=rows, account=play.account, skipped=int(theatre.skipped))
