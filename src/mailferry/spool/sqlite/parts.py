"""Work on many recipients or messages, part by part: one transaction each, so that new mail never waits long.

Leaves to others: each part (actions, reader) and the threads (store). Invariant: what a part did is durable before the
next begins; a part that fails ends the work, and what was done before stays done.
"""

from __future__ import annotations

import sqlite3
from asyncio import Future
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from mailferry.mail.message import MessageId
from mailferry.spool.api import Choose, Filter
from mailferry.spool.sqlite import actions
from mailferry.spool.sqlite.rows import Change

#: Runs a function inside a transaction of the writer.
Task = Callable[[Callable[[sqlite3.Connection], tuple[object, Iterable[str]]]], Future[Any]]
Changes = tuple[list[Change], int | None]


async def act(
    task: Task, remove: Callable[[Sequence[int]], None], action: actions.Action, which: Filter, now: float, who: str
) -> int:
    """One of the verbs of people; the number of recipients changed. `remove` takes the messages whose file may go."""
    after: int | None = 0
    total = 0
    while after is not None:
        work = partial(actions.act, action=action, which=which, now=now, who=who, after=after)
        part: actions.Part = await task(work)
        remove(part.files)
        total, after = total + part.changed, part.last
    return total


async def reroute(
    read: Callable[[Choose, int], Future[Changes]], task: Task, time: Callable[[], float], choose: Choose,
    most: int | None,
) -> int:  # fmt: skip
    after: int | None = -1
    total = 0
    while after is not None and (most is None or total < most):
        changes, after = await read(choose, after)
        if most is not None:
            changes = changes[: most - total]
        if changes:
            total += await task(partial(actions.reroute, changes=changes, now=time()))
    return total


async def known(
    read: Callable[[Sequence[str], int], Future[tuple[list[MessageId], int | None]]], headers: Sequence[str], after: int
) -> list[MessageId]:
    """Page by page, so that the mail path reads in between."""
    found: list[MessageId] = []
    following: int | None = after
    while following is not None:
        page, following = await read(headers, following)
        found += page
    return found


async def purge(task: Task, before: float, used_before: float) -> int:
    total = 0
    while True:
        removed: int = await task(partial(actions.purge, before=before, used_before=used_before))
        total += removed
        if removed < actions.CHUNK:
            return total
