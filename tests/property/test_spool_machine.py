"""Whatever happens in whatever order, every store does what a simple model does.

Nothing acknowledged is lost, nothing is delivered again after its record, final states stay, a body lives exactly as
long as a recipient needs it. Opening again stands for a kill: the store keeps nothing in memory that matters.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mailferry.clock import ManualClock
from mailferry.mail.message import MessageId
from mailferry.spool.api import FINAL, MOVES, WAITING, Filter, Lease, State, Use
from support.spool_contract import STORES, Kit

T = TypeVar("T")
LANES = ("a/", "b/")
VERBS = {
    "hold": (WAITING, State.HELD),
    "release": (frozenset({State.HELD}), State.DEFERRED),
    "retry": (WAITING, None),
    "hasten": (WAITING, None),
    "drop": (WAITING | {State.HELD}, State.DROPPED),
    "settle": (frozenset({State.UNKNOWN, State.HELD}), State.DELIVERED),
}


@dataclass
class Expected:
    """What the model knows of one recipient."""

    lane: str
    due: float
    state: State = State.QUEUED
    came_from: State = State.QUEUED
    token: int = 0
    held_from: State = State.QUEUED
    attempts: int = 0
    delivered: int = 0

    @property
    def lost(self) -> bool:
        """Whether somebody may say that it arrived: its answer was lost, perhaps before somebody held it."""
        return self.state is State.UNKNOWN or (self.state is State.HELD and self.held_from is State.UNKNOWN)


class SpoolMachine(RuleBasedStateMachine):
    store = "memory"

    @initialize()
    def start(self) -> None:
        self.loop = asyncio.new_event_loop()
        shared = Path("/dev/shm")
        self.directory = Path(tempfile.mkdtemp(dir=shared if shared.is_dir() else None))
        self.clock = ManualClock()
        self.kit: Kit = STORES[self.store](self.clock, self.directory)
        self.run(self.kit.open())
        self.mail: dict[MessageId, list[Expected]] = {}
        self.bodies: dict[MessageId, bytes] = {}
        self.leases: list[Lease] = []
        self.begun_of: set[tuple[int, int]] = set()  # leases of which it is on record that they are attempted

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def teardown(self) -> None:
        if hasattr(self, "kit"):
            self.run(self.kit.spool.close())
            self.loop.close()
            shutil.rmtree(self.directory)

    @rule(lanes=st.lists(st.sampled_from(LANES), min_size=1, max_size=4), size=st.sampled_from([0, 100, 70_000]))
    def commit(self, lanes: list[str], size: int) -> None:
        body = bytes([len(self.mail) % 256]) * size
        addresses = [f"user{number}@example.org" for number in range(len(lanes))]
        message = self.run(self.kit.put(*addresses, lanes=tuple(lanes), body=body))
        assert message not in self.mail
        self.mail[message] = [Expected(lane, self.clock.time()) for lane in lanes]
        self.bodies[message] = body

    @rule(size=st.sampled_from([0, 100, 70_000]))
    def abort(self, size: int) -> None:
        draft = self.kit.spool.draft()
        draft.write(b"x" * size)
        draft.abort()

    @rule(seconds=st.sampled_from([0.5, 7.25, 60.0, 599.0, 601.0]))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule(lane=st.sampled_from(LANES), limit=st.integers(1, 4), begin=st.none() | st.integers(0, 4))
    def claim(self, lane: str, limit: int, begin: int | None) -> None:
        now = self.clock.monotonic()
        for lease in self.leases:
            if lease.expires <= now:
                self.interrupt(lease)
        leases = self.run(self.kit.claim(lane, limit, begin=begin))
        assert len(leases) <= limit
        most = limit if begin is None else begin
        assert sum(lease.begun for lease in leases) == min(most, len(leases))
        self.begun_of |= {(lease.token, lease.message.id) for lease in leases if lease.begun}
        for lease in leases:
            due = [e for e in self.mail[lease.message.id] if self.is_due(e, lane)]
            assert len(lease.claims) == len(due), "every due recipient of the message in that lane, and no other"
            for claim, expected in zip(lease.claims, due, strict=True):
                assert (claim.state, claim.attempts) == (expected.state, expected.attempts)
                expected.came_from, expected.state, expected.token = expected.state, State.CLAIMED, lease.token
        if len(leases) < limit:
            assert not any(self.is_due(e, lane) for each in self.mail.values() for e in each)
        self.leases += leases

    def is_due(self, expected: Expected, lane: str) -> bool:
        return expected.state in WAITING and expected.lane == lane and expected.due <= self.clock.time()

    def holders(self, lease: Lease) -> list[Expected]:
        return [e for e in self.mail[lease.message.id] if e.state is State.CLAIMED and e.token == lease.token]

    def interrupt(self, lease: Lease) -> None:
        for expected in self.holders(lease):
            expected.due = self.clock.time()
            if (lease.token, lease.message.id) in self.begun_of:
                expected.state = State.UNKNOWN
                expected.attempts += 1
            else:  # nobody attempted it
                expected.state = expected.came_from

    @precondition(lambda self: getattr(self, "leases", None))
    @rule(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        chosen = data.draw(st.lists(st.sampled_from(self.leases), max_size=3, unique_by=id))
        held = all(len(self.holders(lease)) == len(lease.claims) for lease in chosen)
        assert self.run(self.begin_all(chosen)) == held
        if held:
            self.begun_of |= {(lease.token, lease.message.id) for lease in chosen}

    async def begin_all(self, leases: list[Lease]) -> bool:
        return await self.kit.spool.begin(leases)

    @rule(seconds=st.sampled_from([-7200.0, 7200.0]))
    def set_the_clock(self, seconds: float) -> None:
        """No lease ends by that; it is only the time that is shown."""
        self.clock.step(seconds)

    @precondition(lambda self: getattr(self, "leases", None))
    @rule(
        data=st.data(),
        states=st.lists(st.none() | st.sampled_from(sorted(MOVES[State.CLAIMED])), min_size=4, max_size=4),
        wait=st.sampled_from([0.0, 5.0, 300.0]),
        count=st.booleans(),
    )
    def record(self, data: st.DataObject, states: list[State | None], wait: float, count: bool) -> None:
        lease = self.leases.pop(data.draw(st.integers(0, len(self.leases) - 1)))
        holders = self.holders(lease)
        moves = [
            self.kit.move(claim, state, "said", wait, count=count)
            for claim, state in zip(lease.claims, states, strict=False)
            if state is not None
        ]
        held = self.run(self.kit.record(lease, *moves, use=Use(1, len(moves))))
        assert held == bool(holders)
        for expected, state in zip(holders, states, strict=False):
            if state is None:
                expected.state, expected.due = expected.came_from, self.clock.time()
                continue
            expected.state, expected.due, expected.held_from = state, self.clock.time() + wait, State.CLAIMED
            expected.attempts += count
            expected.delivered += state is State.DELIVERED

    @rule(verb=st.sampled_from(sorted(VERBS)), lane=st.none() | st.sampled_from(LANES))
    def act(self, verb: str, lane: str | None) -> None:
        origins, target = VERBS[verb]
        everyone = [e for each in self.mail.values() for e in each if lane is None or e.lane == lane]
        chosen = [e for e in everyone if e.state in origins and (verb != "settle" or e.lost)]
        which = Filter(states=frozenset(State), lane=lane)
        assert self.run(self.do(verb, which)) == len(chosen)
        for expected in chosen:
            expected.held_from = expected.state
            expected.state = target or expected.state
            if verb == "retry" and expected.state is State.UNKNOWN:  # who retries it has decided
                expected.state = State.DEFERRED
            expected.due = self.clock.time()

    async def do(self, verb: str, which: Filter) -> int:
        changed: int = await getattr(self.kit.spool, verb)(which, self.clock.time(), "test")
        return changed

    @rule()
    def open_again(self) -> None:
        for lease in self.leases:
            self.interrupt(lease)
        self.run(self.kit.open())
        self.clock.advance(0.25)  # numbers of leases are kept apart by time, which no start takes none of

    @invariant()
    def the_store_is_the_model(self) -> None:
        if not hasattr(self, "kit"):
            return
        found = {view.message.id: view for view in self.run(self.find())}
        assert set(found) == set(self.mail), "nothing acknowledged is lost and nothing else is there"
        for message, expected in self.mail.items():
            views = found[message].recipients
            assert [(v.state, v.lane, v.attempts) for v in views] == [(e.state, e.lane, e.attempts) for e in expected]
            for view, each in zip(views, expected, strict=True):
                assert view.next_attempt == (each.due if each.state in WAITING else None)
                assert each.delivered <= 1
            finished = all(each.state in FINAL for each in expected)
            assert self.run(self.kit.content(message)) == (None if finished else self.bodies[message])

    async def find(self) -> list[Any]:
        return await self.kit.spool.find(Filter(states=frozenset(State)), 10_000)


class SqliteMachine(SpoolMachine):
    store = "sqlite"


FEWER = settings(max_examples=max(20, settings.default.max_examples // 3), stateful_step_count=25)


@pytest.mark.timeout(0)
class TestMemory(SpoolMachine.TestCase):
    pass


@pytest.mark.timeout(0)
class TestSqlite(SqliteMachine.TestCase):
    settings = FEWER
