"""What people do to the mail of the embedded store, and what is noted beside it: verbs, alarms, returned mail.

Leaves to others: the mail path (store), the statements (actions). Invariant: each is a task of the writer and shares
its sync with whatever else came; a verb on many recipients goes in parts.
"""

from __future__ import annotations

import asyncio
import sqlite3
from asyncio import Future
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TypeVar

from mailferry.mail.message import MessageId, first_id
from mailferry.spool.api import Alarm, Filter
from mailferry.spool.sqlite import actions, parts
from mailferry.spool.sqlite.engine import Engine
from mailferry.spool.sqlite.operations import Operation, Task

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], tuple[object, Iterable[str]]]


class Verbs:
    """The part of SqliteSpool that is not the mail path."""

    _loop: asyncio.AbstractEventLoop
    _engine: Engine

    def _submit(self, operation: Operation) -> None:
        raise NotImplementedError

    def hold(self, which: Filter, now: float, who: str) -> Future[int]:
        return self._acting(actions.HOLD, which, now, who)

    def release(self, which: Filter, now: float, who: str) -> Future[int]:
        return self._acting(actions.RELEASE, which, now, who)

    def retry(self, which: Filter, now: float, who: str) -> Future[int]:
        return self._acting(actions.RETRY, which, now, who)

    def hasten(self, which: Filter, now: float, who: str) -> Future[int]:
        return self._acting(actions.HASTEN, which, now, who)

    def drop(self, which: Filter, now: float, who: str) -> Future[int]:
        return self._acting(actions.DROP, which, now, who)

    def settle(self, which: Filter, now: float, who: str) -> Future[int]:
        return self._acting(actions.SETTLE, which, now, who)

    def raise_alarm(self, alarm: Alarm) -> Future[bool]:
        return self._task(partial(actions.raise_alarm, alarm=alarm))

    def clear_alarm(self, key: str) -> Future[bool]:
        return self._task(partial(actions.clear_alarm, key=key))

    def known(self, headers: Sequence[str], since: float) -> Future[list[MessageId]]:
        read = partial(self._engine.read, self._engine.reader.by_header)
        return self._loop.create_task(parts.known(read, headers, first_id(since)))

    def returned(self, message: MessageId, recipient: int, detail: str, at: float) -> Future[bool]:
        return self._task(partial(actions.returned, message=message, recipient=recipient, detail=detail, at=at))

    def _acting(self, action: actions.Action, which: Filter, now: float, who: str) -> Future[int]:
        return self._loop.create_task(parts.act(self._task, self._engine.files.remove, action, which, now, who))

    def _task(self, work: Work) -> Future[T]:
        future: Future[T] = self._loop.create_future()
        self._submit(Task(future, work))
        return future
