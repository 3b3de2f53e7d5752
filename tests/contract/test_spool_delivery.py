"""Claims, leases and what attempts record, over every store."""

from __future__ import annotations

import asyncio

import pytest

from mailferry.spool.api import (
    FINAL,
    MOVES,
    Filter,
    LaneDue,
    Move,
    SpoolError,
    State,
    Use,
    UsedMinute,
)
from support.spool_contract import LANE, OTHER, TEXT, Kit


async def test_a_claim_takes_what_is_due_in_its_lane(kit: Kit) -> None:
    first = await kit.put("a@example.org", "b@example.org", "c@example.org", lanes=(LANE, OTHER, LANE))
    (lease,) = await kit.claim()
    assert lease.message.id == first
    assert lease.lane == LANE
    assert lease.expires == kit.clock.time() + 600
    assert [claim.recipient.address for claim in lease.claims] == ["a@example.org", "c@example.org"]
    assert [(claim.attempts, claim.state) for claim in lease.claims] == [(0, State.QUEUED)] * 2
    assert await kit.states(first) == [State.CLAIMED, State.QUEUED, State.CLAIMED]
    assert await kit.claim() == []
    assert len(await kit.claim(OTHER)) == 1
    assert await kit.claim("nobody/") == []


async def test_a_claim_takes_no_more_than_its_limit_and_the_oldest_first(kit: Kit) -> None:
    ids = []
    for _ in range(5):
        kit.clock.advance(1)
        ids.append(await kit.put("a@example.org", "b@example.org"))
    late = await kit.claim(limit=1)
    await kit.record(late[0], *(kit.move(claim, State.DEFERRED, "450 later", 0.5) for claim in late[0].claims))
    kit.clock.advance(1)
    leases = await kit.claim(limit=3)
    assert [lease.message.id for lease in leases] == ids[1:4]
    assert [len(lease.claims) for lease in leases] == [2, 2, 2]
    assert [lease.message.id for lease in await kit.claim()] == [ids[4], ids[0]]


async def test_concurrent_claims_share_without_overlap(kit: Kit) -> None:
    ids = {await kit.put() for _ in range(20)}
    found = await asyncio.gather(*(kit.claim(limit=4) for _ in range(8)))
    taken = [lease.message.id for leases in found for lease in leases]
    assert sorted(taken) == sorted(ids)


async def test_delivery_is_final_and_ends_the_body(kit: Kit) -> None:
    message = await kit.put("a@example.org", "b@example.org")
    lease = await kit.one()
    assert await kit.record(lease, *(kit.move(claim) for claim in lease.claims))
    assert await kit.states(message) == [State.DELIVERED] * 2
    assert await kit.spool.body(message) is None
    assert await kit.claim() == []
    assert await kit.kinds(message) == ["accepted", "claimed", "claimed", "delivered", "delivered"]
    views = await kit.recipients(message)
    assert [(view.attempts, view.last_reply, view.next_attempt) for view in views] == [(1, "250 2.0.0 OK", None)] * 2
    event = (await kit.events(message))[-1]
    assert (event.recipient, event.lane, event.detail, event.at) == (
        "b@example.org",
        LANE,
        "250 2.0.0 OK",
        kit.clock.time(),
    )


@pytest.mark.parametrize("last", sorted(FINAL - {State.DROPPED}))
async def test_the_body_stays_for_the_last_recipient(kit: Kit, last: State) -> None:
    message = await kit.put("a@example.org", "b@example.org")
    lease = await kit.one()
    first, second = lease.claims
    assert await kit.record(lease, kit.move(first), kit.move(second, State.DEFERRED, "450 later", 60))
    assert await kit.content(message) == TEXT
    kit.clock.advance(60)
    lease = await kit.one()
    assert await kit.record(lease, kit.move(lease.claims[0], last, "end"))
    assert await kit.spool.body(message) is None


async def test_deferred_mail_waits_for_its_time(kit: Kit) -> None:
    message = await kit.put()
    lease = await kit.one()
    await kit.forget()
    assert await kit.record(lease, kit.move(lease.claims[0], State.DEFERRED, "450 4.2.1 Busy", 60.123456))
    view = (await kit.recipients(message))[0]
    assert view.next_attempt == pytest.approx(kit.clock.time() + 60.123456, abs=1e-6)
    kit.clock.advance(60)
    assert await kit.claim() == []
    kit.clock.advance(0.2)
    (claim,) = (await kit.one()).claims
    assert (claim.attempts, claim.state) == (1, State.DEFERRED)
    assert kit.told == []


async def test_what_is_due_at_a_time_can_be_claimed_at_that_time(kit: Kit) -> None:
    await kit.put()
    lease = await kit.one()
    kit.clock.set(1_800_000_123.456789)
    await kit.record(lease, kit.move(lease.claims[0], State.DEFERRED, "450 later", 77.7777777))
    (lane,) = await kit.spool.lanes()
    kit.clock.set(lane.due)
    assert len(await kit.claim()) == 1


async def test_unknown_is_due_as_the_move_says(kit: Kit) -> None:
    message = await kit.put()
    lease = await kit.one()
    await kit.record(lease, kit.move(lease.claims[0], State.UNKNOWN, "answer lost", 30))
    assert await kit.claim() == []
    kit.clock.advance(30)
    (claim,) = (await kit.one()).claims
    assert claim.state is State.UNKNOWN
    assert await kit.kinds(message) == ["accepted", "claimed", "unknown", "claimed"]


@pytest.mark.parametrize("origin", [State.QUEUED, State.DEFERRED, State.UNKNOWN])
async def test_a_claim_without_a_move_goes_back(kit: Kit, origin: State) -> None:
    message = await kit.put()
    await kit.bring(message, origin)
    kit.clock.advance(1)
    lease = await kit.one()
    attempts, reply = lease.claims[0].attempts, (await kit.recipients(message))[0].last_reply
    await kit.forget()
    assert await kit.record(lease, use=Use(0, 0))
    await asyncio.sleep(0)
    view = (await kit.recipients(message))[0]
    assert (view.state, view.attempts, view.last_reply) == (origin, attempts, reply)
    assert view.next_attempt is not None
    assert view.next_attempt <= kit.clock.time()
    assert (await kit.kinds(message))[-1] == origin.value
    assert kit.told == [{LANE}]


async def test_an_attempt_that_must_not_count_does_not(kit: Kit) -> None:
    message = await kit.put()
    lease = await kit.one()
    await kit.record(lease, kit.move(lease.claims[0], State.DEFERRED, "451 token", 5, count=False))
    assert (await kit.recipients(message))[0].attempts == 0


async def test_the_report_of_a_move_is_an_event(kit: Kit) -> None:
    message = await kit.put()
    lease = await kit.one()
    await kit.record(lease, kit.move(lease.claims[0], State.FAILED, "550 no", report="0001 to sender@example.com"))
    assert (await kit.kinds(message))[-2:] == ["failed", "bounced"]
    event = (await kit.events(message))[-1]
    assert (event.recipient, event.detail) == ("user@example.org", "0001 to sender@example.com")


async def test_moves_that_are_not_allowed_are_refused_and_change_nothing(kit: Kit) -> None:
    message = await kit.put()
    lease = await kit.one()
    claim = lease.claims[0]
    now = kit.clock.time()
    stranger = Move(claim.id + 1000, State.DELIVERED, now, "250")
    for moves in ([stranger], [kit.move(claim), kit.move(claim)]):
        with pytest.raises(SpoolError):
            await kit.record(lease, *moves)
    for state in set(State) - MOVES[State.CLAIMED]:
        with pytest.raises(SpoolError):
            await kit.record(lease, kit.move(claim, state))
    assert await kit.kinds(message) == ["accepted", "claimed"]
    assert await kit.spool.used(LANE, 0) == []
    assert await kit.record(lease, kit.move(claim))


@pytest.mark.parametrize("state", sorted(MOVES[State.CLAIMED]))
async def test_every_move_of_an_attempt_leaves_its_event(kit: Kit, state: State) -> None:
    message = await kit.put()
    lease = await kit.one()
    assert await kit.record(lease, kit.move(lease.claims[0], state, "said", 10))
    assert await kit.states(message) == [state]
    event = (await kit.events(message))[-1]
    assert (event.kind, event.detail) == (state.value, "said")
    assert (await kit.spool.body(message) is None) == (state in FINAL)


async def test_a_lease_is_recorded_once(kit: Kit) -> None:
    message = await kit.put()
    lease = await kit.one()
    assert await kit.record(lease, kit.move(lease.claims[0]))
    assert not await kit.record(lease, kit.move(lease.claims[0], State.FAILED, "550 no"))
    assert await kit.states(message) == [State.DELIVERED]
    assert [use.messages for use in await kit.spool.used(LANE, 0)] == [1]


async def test_an_expired_lease_can_be_recorded_until_somebody_takes_it(kit: Kit) -> None:
    message = await kit.put()
    lease = await kit.one()
    kit.clock.advance(601)
    assert await kit.record(lease, kit.move(lease.claims[0]))
    assert await kit.states(message) == [State.DELIVERED]


async def test_the_claims_of_a_lease_are_in_the_order_of_the_envelope(kit: Kit) -> None:
    await kit.put("a@example.org", "b@example.org", "c@example.org")
    lease = await kit.one()
    moves = [
        kit.move(claim, State.DEFERRED, "450 later", due) for claim, due in zip(lease.claims, (9, 5, 7), strict=True)
    ]
    assert await kit.record(lease, *moves)
    kit.clock.advance(10)
    lease = await kit.one()
    assert [claim.recipient.address[0] for claim in lease.claims] == ["a", "b", "c"]


async def test_an_expired_lease_is_found_where_nothing_else_waits(kit: Kit) -> None:
    message = await kit.put()
    await kit.claim(lease=600)
    assert await kit.spool.lanes() == []
    kit.clock.advance(600)
    assert await kit.spool.lanes() == [LaneDue(LANE, 1, kit.clock.time())]
    assert await kit.states(message) == [State.UNKNOWN]
    assert await kit.spool.used(LANE, 0) == [UsedMinute(int(kit.clock.time() // 60), 1, 1)]


async def test_an_expired_lease_is_unknown_at_the_next_claim(kit: Kit) -> None:
    message = await kit.put("a@example.org", "b@example.org")
    lost = await kit.one()
    kit.clock.advance(600)
    (lease,) = await kit.claim()
    assert [(claim.state, claim.attempts) for claim in lease.claims] == [(State.UNKNOWN, 1)] * 2
    assert not await kit.record(lost, kit.move(lost.claims[0], reply="250 too late"))
    assert await kit.states(message) == [State.CLAIMED] * 2
    assert await kit.kinds(message) == ["accepted", "claimed", "claimed"] + ["interrupted"] * 2 + ["claimed"] * 2 + [
        "note"
    ]
    assert "250 too late" in (await kit.events(message))[-1].detail
    assert await kit.record(lease, *(kit.move(claim) for claim in lease.claims))
    assert [(use.messages, use.recipients) for use in await kit.spool.used(LANE, 0)] == [(2, 4)]


async def test_a_killed_gateway_leaves_unknown(kit: Kit) -> None:
    message = await kit.put("a@example.org", "b@example.org", lanes=(LANE, OTHER))
    lost = await kit.one()
    kit.clock.advance(60)
    await kit.open()
    assert await kit.states(message) == [State.UNKNOWN, State.QUEUED]
    event = (await kit.events(message))[-1]
    assert (event.kind, event.recipient, event.lane) == ("interrupted", "a@example.org", LANE)
    assert await kit.spool.used(LANE, 0) == [UsedMinute(int(kit.clock.time() // 60), 1, 1)]
    assert await kit.spool.used(OTHER, 0) == []
    assert not await kit.record(lost, kit.move(lost.claims[0]))
    (claim,) = (await kit.one()).claims
    assert (claim.state, claim.attempts) == (State.UNKNOWN, 1)


async def test_a_kill_leaves_in_doubt_what_had_begun_and_nothing_else(kit: Kit) -> None:
    ids = []
    for _ in range(4):
        kit.clock.advance(1)
        ids.append(await kit.put())
    leases = await kit.claim(begin=1)
    assert [lease.begun for lease in leases] == [True, False, False, False]
    assert await kit.spool.begin(leases[1:2])
    await kit.open()
    assert [await kit.states(each) for each in ids] == [[State.UNKNOWN]] * 2 + [[State.QUEUED]] * 2
    assert await kit.kinds(ids[3]) == ["accepted", "claimed", "queued"]
    assert [(use.messages, use.recipients) for use in await kit.spool.used(LANE, 0)] == [(2, 2)]
    assert sorted(lease.message.id for lease in await kit.claim()) == ids


async def test_nothing_begins_that_is_no_longer_held(kit: Kit) -> None:
    ids = [await kit.put(), await kit.put()]
    first, second = await kit.claim(begin=0)
    await kit.record(first)
    assert not await kit.spool.begin([first, second])
    await kit.open()
    assert [await kit.states(each) for each in ids] == [[State.QUEUED]] * 2


async def test_a_clock_that_is_set_ends_no_lease(kit: Kit) -> None:
    """An attempt goes on for as long as its lease says, whatever an administrator or NTP does to the clock."""
    message = await kit.put()
    lease = await kit.one()
    kit.clock.step(7200)
    assert await kit.claim() == []
    await kit.spool.lanes()
    assert await kit.states(message) == [State.CLAIMED]
    kit.clock.step(-7200)
    kit.clock.advance(600)
    await kit.spool.lanes()
    assert await kit.states(message) == [State.UNKNOWN]
    assert not await kit.record(lease, kit.move(lease.claims[0]))


async def test_the_budget_adds_up_by_minute_and_lane(kit: Kit) -> None:
    kit.clock.set(1_800_000_000)
    for lane in (LANE, LANE, OTHER):
        await kit.put(lanes=(lane,))
    for lease in [*await kit.claim(limit=1), *await kit.claim(limit=1), *await kit.claim(OTHER)]:
        await kit.record(lease, kit.move(lease.claims[0]), use=Use(1, 3))
    kit.clock.advance(61)
    await kit.put()
    lease = await kit.one()
    await kit.record(lease, kit.move(lease.claims[0]), use=Use(0, 0))
    await kit.put()
    lease = await kit.one()
    await kit.record(lease, kit.move(lease.claims[0]), use=Use(1, 1))
    assert await kit.spool.used(LANE, 0) == [UsedMinute(30_000_000, 2, 6), UsedMinute(30_000_001, 1, 1)]
    assert await kit.spool.used(LANE, 1_800_000_060) == [UsedMinute(30_000_001, 1, 1)]
    assert await kit.spool.used(OTHER, 0) == [UsedMinute(30_000_000, 1, 3)]


async def test_lanes_count_what_waits(kit: Kit) -> None:
    assert await kit.spool.lanes() == []
    start = kit.clock.time()
    await kit.put("a@example.org", "b@example.org", "c@example.org", lanes=(LANE, LANE, OTHER))
    kit.clock.advance(5)
    held = await kit.put()
    await kit.spool.hold(Filter(ids=(held,)), kit.clock.time(), "test")
    assert await kit.spool.lanes() == [LaneDue(LANE, 2, start), LaneDue(OTHER, 1, start)]
    (lease,) = await kit.claim(OTHER)
    await kit.record(lease, kit.move(lease.claims[0], State.DEFERRED, "450 later", 100))
    assert await kit.spool.lanes() == [LaneDue(LANE, 2, start), LaneDue(OTHER, 1, start + 105)]


async def test_leases_have_numbers_of_their_own(kit: Kit) -> None:
    for _ in range(3):
        await kit.put()
    first = await kit.claim(limit=1)
    second = await kit.claim(limit=2)
    await kit.open()
    third = await kit.claim()
    tokens = {lease.token for lease in first} | {lease.token for lease in second}
    assert tokens.isdisjoint({lease.token for lease in third})
    assert 0 not in tokens


async def test_a_message_to_very_many_recipients_is_one_lease(kit: Kit) -> None:
    message = await kit.put(*(f"user{number}@example.org" for number in range(1500)))
    lease = await kit.one()
    assert len(lease.claims) == 1500
    assert await kit.record(lease, *(kit.move(claim) for claim in lease.claims), use=Use(1, 1500))
    assert set(await kit.states(message)) == {State.DELIVERED}
    assert await kit.spool.used(LANE, 0) == [UsedMinute(int(kit.clock.time() // 60), 1, 1500)]
    assert await kit.spool.body(message) is None
