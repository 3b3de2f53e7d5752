"""A spool whose commits end when the test says so, and whose drafts fill up when the test says so."""

from __future__ import annotations

import asyncio
from asyncio import Future

from mailferry.mail.message import MessageId
from mailferry.spool.api import Accepted


class SlowDraft:
    def __init__(self, spool: SlowSpool) -> None:
        self.id = MessageId(1 << 40)
        self.size = 0
        self.largest = 0
        self.data = bytearray()
        self.ended = ""
        self._spool = spool

    def write(self, data: bytes) -> None:
        assert not self.ended
        if self._spool.broken:
            raise RuntimeError("the draft is broken: password=hunter2")
        self.size += len(data)
        self.largest = max(self.largest, len(data))
        if self._spool.keeps:
            self.data += data

    def drain(self) -> Future[None] | None:
        if not self._spool.stalls:
            return None
        self._spool.stalled = asyncio.get_running_loop().create_future()
        return self._spool.stalled

    def commit(self, accepted: Accepted) -> Future[MessageId]:
        assert not self.ended
        self.ended = "committed"
        self._spool.accepted.append(accepted)
        future: Future[MessageId] = asyncio.get_running_loop().create_future()
        self._spool.commits.append(future)
        return future

    def abort(self) -> None:
        assert not self.ended
        self.ended = "aborted"


class SlowSpool:
    """The part of Spool that a listener uses."""

    def __init__(self, *, keeps: bool = True) -> None:
        self.keeps = keeps
        self.stalls = False
        self.broken = False
        self.stalled: Future[None] | None = None
        self.drafts: list[SlowDraft] = []
        self.accepted: list[Accepted] = []
        self.commits: list[Future[MessageId]] = []

    def full(self) -> str:
        return ""

    def draft(self, size: int | None = None) -> SlowDraft:
        made = SlowDraft(self)
        self.drafts.append(made)
        return made

    def finish(self, number: int = -1) -> None:
        """The commit is on stable storage."""
        self.commits[number].set_result(MessageId(1 << 40))
