"""Whatever fails when, and whatever is killed: no recipient is on two ways at once, none gets a message twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from mailferry.delivery.failover import MOVABLE, chooser
from mailferry.mail.envelope import Envelope, Origin, Recipient
from mailferry.mail.message import Message, MessageId
from mailferry.mail.outcome import Deferred, Delivered, Outcome
from mailferry.routes.faults import Fault
from mailferry.routes.settings import RuleSettings
from mailferry.routes.table import Exit, RouteTable, Rule, first
from mailferry.spool.api import RecipientView, State
from support.delivery_world import make_world
from support.detours import HOME, SPARE, detour, started
from support.fake_transport import GREYLISTED, LOST, NO_SUCH_USER, OK, Attempt, FakeTransport, fault

LANES = (HOME, SPARE, "smart")
routes = st.sampled_from(["exo", "spare", "smart", "pool"])
addresses = st.sampled_from(["", "a@example.com", "b@example.net", "B@Example.NET"]) | st.text(max_size=12)


@st.composite
def tables(draw: st.DrawFn) -> RouteTable:
    """Any lists of failover, circles among them."""
    exits = [
        Exit(
            name, name != "smart", reach=draw(st.sampled_from([None, frozenset({"example.com"})])),
            largest=draw(st.sampled_from([0, 10, 1000])), failover=tuple(draw(st.lists(routes, max_size=3))),
            pool=("p@example.com", "q@example.com") if name == "pool" else (),
        )
        for name in ("exo", "spare", "smart", "pool")
    ]  # fmt: skip
    rules = [Rule.of(RuleSettings(route=draw(routes), recipients=("external",)))] if draw(st.booleans()) else []
    return RouteTable(exits, rules, draw(routes), ["example.com"])


@given(
    table=tables(),
    out=st.sets(st.sampled_from(["exo/m@example.com", "spare/m@example.com", "smart", "pool/p@example.com"])),
    recipient=addresses, client_route=st.none() | routes | st.just("gone"), size=st.integers(0, 2000),
)  # fmt: skip
def test_the_choice_is_total_and_takes_the_first_way_that_works(
    table: RouteTable, out: set[str], recipient: str, client_route: str | None, size: int
) -> None:
    query = {"client": "erp", "client_route": client_route, "sender": "s@example.com", "mailbox": "m@example.com",
             "recipient": recipient, "size": size}  # fmt: skip
    ways = table.ways(**query)
    assert ways
    assert ways[0] == table.choose(**query)
    chosen = first(ways, out.__contains__)
    assert chosen in ways
    before = ways[: ways.index(chosen)]
    if chosen.lane in out:
        assert chosen == ways[0]
        assert all(way.lane in out for way in ways)
    else:
        assert all(way.lane in out for way in before)


@given(
    lane=st.sampled_from([*LANES, "exo/other@example.com"]), state=st.sampled_from(State),
    out=st.sets(st.sampled_from(LANES)), recipient=st.sampled_from(["a@example.com", "b@example.net"]),
    due=st.none() | st.floats(0, 2000), only=st.sampled_from(["", *LANES]),
)  # fmt: skip
def test_what_may_have_arrived_never_changes_its_way(
    lane: str, state: State, out: set[str], recipient: str, due: float | None, only: str
) -> None:
    message = Message(
        MessageId(1), Envelope("s@example.com", (Recipient(recipient),)), Origin("c", "", "", None, None, "l"), 5, 0.0,
        "scan@example.com", "<1@x>",
    )  # fmt: skip
    choose = chooser(detour(), dict.fromkeys(out, "down"), dict.fromkeys(out, 1500.0), 1000.0, only)
    turn = choose(message, Recipient(recipient), RecipientView(1, recipient, state, lane, 0, due, ""))
    if state not in MOVABLE:
        assert turn is None
    if turn is not None:
        assert turn.lane != lane
        assert turn.lane in LANES
        assert turn.why
        again = RecipientView(1, recipient, state, turn.lane, 0, due, "")
        assert choose(message, Recipient(recipient), again) is None  # where it is, it stays while nothing changes


ANSWERS = st.sampled_from(["ok", "down", "grey", "no", "lost"])
SAYS: dict[str, Outcome] = {
    "ok": OK, "down": fault(Fault.CONNECTION), "grey": GREYLISTED, "no": NO_SUCH_USER, "lost": LOST,
}  # fmt: skip
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["mail", "exo", "spare", "wait", "wait", "restart", "kill"]), ANSWERS, st.floats(1, 400)
    ),
    min_size=3, max_size=30,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(steps=STEPS, latency=st.sampled_from([0.0, 3.0]))
def test_each_recipient_once_over_any_history_of_failures(steps: list[tuple[str, str, float]], latency: float) -> None:
    async def scenario() -> None:
        world = make_world()
        await world.spool.open()
        for name in ("exo", "spare", "smart"):
            world.transports[name] = FakeTransport(world.clock, latency=latency)
        scheduler = await started(world)
        sent = 0
        for what, answer, seconds in steps:
            if what == "mail":
                await world.submit(f"{sent}@example.net", f"{sent}@example.com")
                sent += 1
            elif what in ("exo", "spare"):
                world.transports[what].default = SAYS[answer]
            elif what == "restart":
                await scheduler.stop()
                scheduler = await started(world)
            elif what == "kill":
                await world.crash()
                scheduler = await started(world)
            await world.run(seconds)
        check({name: world.transports[name].attempts for name in ("exo", "spare", "smart")})
        await scheduler.stop()

    asyncio.run(scenario())


def check(attempts: dict[str, list[Attempt]]) -> None:
    """Never two attempts for a recipient at once; taken once; nobody is tried after a refusal for good; and what may
    have arrived is tried again by the same route only."""
    tries: dict[str, list[tuple[float, float, str, Outcome]]] = {}
    for route, made in attempts.items():
        for attempt in made:
            for address, outcome in zip(attempt.recipients, attempt.outcomes, strict=True):
                tries.setdefault(address, []).append((attempt.began, attempt.ended, route, outcome))
    for address, found in tries.items():
        found.sort(key=lambda each: each[:2])
        for (_, ended, route, outcome), (began, _, then, _) in pairwise(found):
            assert began >= ended, address
            assert isinstance(outcome, Deferred) or (outcome is LOST and then == route), (address, outcome)
    taken = Counter(address for address, found in tries.items() for each in found if isinstance(each[3], Delivered))
    assert set(taken.values()) <= {1}
