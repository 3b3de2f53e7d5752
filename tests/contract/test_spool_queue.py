"""What people and programs see of the queue and do to it, over every store."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from mailferry.mail.envelope import Recipient
from mailferry.mail.message import Message, MessageId
from mailferry.spool.api import FINAL, LOST_ANSWER, MOVES, WAITING, Alarm, Filter, RecipientView, State, Turn, Use
from support.spool_contract import LANE, ORIGIN, OTHER, TEXT, Kit


async def ids(kit: Kit, which: Filter, limit: int = 100, after: MessageId | None = None) -> list[MessageId]:
    return [view.message.id for view in await kit.spool.find(which, limit, after)]


async def test_filters_match_each_field(kit: Kit) -> None:
    kit.clock.set(1000)
    one = await kit.put("anna@example.org", "shared@example.net", sender="printer-1@example.com")
    kit.clock.set(2000)
    two = await kit.put("Bernd@Example.org", lanes=(OTHER,), sender="", origin=replace(ORIGIN, client="erp_1"))
    kit.clock.set(3000)
    three = await kit.put("100%@example.org", "shared@example.net", sender="Printer-2@EXAMPLE.com")
    cases = {
        Filter(): [one, two, three],
        Filter(ids=(two, three)): [two, three],
        Filter(sender="printer-*@example.com"): [one, three],
        Filter(sender=""): [two],
        Filter(sender="*"): [one, two, three],
        Filter(sender="printer-1"): [],
        Filter(recipient="*@EXAMPLE.ORG"): [one, two, three],
        Filter(recipient="bernd@example.org"): [two],
        Filter(recipient="100%@example.org"): [three],
        Filter(recipient="%@example.org"): [],
        Filter(recipient="shared@*"): [one, three],
        Filter(client="erp_1"): [two],
        Filter(client="erp-1"): [],
        Filter(client="erp?1"): [],
        Filter(client="scan*"): [one, three],
        Filter(lane=OTHER): [two],
        Filter(lane="exo/*"): [one, three],
        Filter(older_than=2000.0): [one],
        Filter(newer_than=2000.0): [three],
        Filter(newer_than=999.0, older_than=2001.0): [one, two],
        Filter(due_after=2000.0): [three],
        Filter(sender="printer*", recipient="anna@*", lane="exo/*"): [one],
        Filter(sender="printer*", lane=OTHER): [],
    }
    for which, expected in cases.items():
        assert await ids(kit, which) == expected, which
    both = (await kit.spool.find(Filter(recipient="anna@*")))[0]
    assert [each.address for each in both.recipients] == ["anna@example.org", "shared@example.net"]
    assert both.events == ()


async def test_lane_and_state_are_of_the_same_recipient(kit: Kit) -> None:
    message = await kit.put("a@example.org", "b@example.org", lanes=(LANE, OTHER))
    await kit.spool.hold(Filter(lane=OTHER), kit.clock.time(), "test")
    assert await ids(kit, Filter(states=frozenset({State.HELD}), lane=OTHER)) == [message]
    assert await ids(kit, Filter(states=frozenset({State.HELD}), lane=LANE)) == []
    assert await ids(kit, Filter(states=frozenset({State.QUEUED}), recipient="b@*")) == []


async def test_final_messages_are_found_only_when_asked_for(kit: Kit) -> None:
    done, open_ = await kit.put("a@example.org"), await kit.put("b@example.org")
    await kit.spool.drop(Filter(ids=(done,)), kit.clock.time(), "test")
    assert await ids(kit, Filter()) == [open_]
    assert await ids(kit, Filter(states=FINAL)) == [done]
    assert await ids(kit, Filter(states=frozenset(State))) == [done, open_]
    assert await ids(kit, Filter(states=frozenset({State.DELIVERED}))) == []


async def test_pages(kit: Kit) -> None:
    every = [await kit.put() for _ in range(7)]
    assert await ids(kit, Filter(), limit=3) == every[:3]
    assert await ids(kit, Filter(), limit=3, after=every[2]) == every[3:6]
    assert await ids(kit, Filter(), limit=3, after=every[5]) == every[6:]


async def test_nobody_knows_an_unknown_message(kit: Kit) -> None:
    assert await kit.spool.show(MessageId(7)) is None
    assert await kit.spool.body(MessageId(7)) is None


async def test_counts(kit: Kit) -> None:
    assert await kit.spool.counts() == {state: 0 for state in State if not state.final}
    for state in (State.DELIVERED, State.HELD, State.CLAIMED, State.QUEUED):
        await kit.bring(await kit.put(), state)
    counts = await kit.spool.counts()
    assert {state: number for state, number in counts.items() if number} == {
        State.HELD: 1,
        State.CLAIMED: 1,
        State.QUEUED: 1,
    }


VERBS = {
    "hold": (WAITING, State.HELD, "held"),
    "release": (frozenset({State.HELD}), State.DEFERRED, "released"),
    "retry": (WAITING, None, "retried"),
    "hasten": (WAITING, None, "retried"),
    "drop": (WAITING | {State.HELD}, State.DROPPED, "dropped"),
    "settle": (frozenset({State.UNKNOWN}), State.DELIVERED, "delivered"),
}


@pytest.mark.parametrize("verb", list(VERBS))
@pytest.mark.parametrize("origin", list(State))
async def test_every_verb_on_every_state(kit: Kit, verb: str, origin: State) -> None:
    origins, target, kind = VERBS[verb]
    message = await kit.put()
    await kit.bring(message, origin)
    before = await kit.spool.show(message)
    kit.clock.advance(5)
    changed = await getattr(kit.spool, verb)(Filter(states=frozenset(State)), kit.clock.time(), "anna")
    assert changed == (origin in origins)
    if origin not in origins:
        assert await kit.spool.show(message) == before
        return
    expected = target or origin
    if (verb, origin) == ("retry", State.UNKNOWN):  # who retries what is in doubt has decided
        expected = State.DEFERRED
    assert expected == origin or expected in MOVES[origin]
    view = (await kit.recipients(message))[0]
    assert view.state is expected
    assert view.next_attempt == (kit.clock.time() if verb in ("release", "retry", "hasten") else None)
    event = (await kit.events(message))[-1]
    assert (event.kind, event.recipient, event.at) == (kind, "user@example.org", kit.clock.time())
    assert "anna" in event.detail
    assert (await kit.spool.body(message) is None) == (expected in FINAL)


async def test_settling_takes_what_is_held_for_a_lost_answer(kit: Kit) -> None:
    async def held(*moves: tuple[State, str], released: bool = False) -> MessageId:
        """A message held after the moves of attempts, or by hand where none of them held it."""
        message = await kit.put()
        for state, reply in moves:
            lease = await kit.one()
            assert await kit.record(lease, kit.move(lease.claims[0], state, reply, 0))
        only = Filter(ids=(message,))
        await kit.spool.hold(only, kit.clock.time(), "anna")
        if released:
            assert await kit.spool.release(only, kit.clock.time(), "anna") == 1
            assert await kit.spool.hold(only, kit.clock.time(), "anna") == 1
        return message

    lost = [
        await held((State.HELD, f"{LOST_ANSWER} 451 4.4.2 no answer came")),
        await held((State.UNKNOWN, "451 4.4.2 no answer came")),
        await held((State.UNKNOWN, "451 4.4.2 no answer came"), (State.UNKNOWN, "421 4.4.2 and again")),
    ]
    others = [
        await held(),
        await held((State.HELD, "held, refused for good and nobody may be told: 550")),
        await held((State.UNKNOWN, "451 4.4.2 no answer came"), (State.DEFERRED, "450 4.2.0 later")),
        await held((State.UNKNOWN, "451 4.4.2 no answer came"), released=True),
    ]
    assert await kit.spool.settle(Filter(), kit.clock.time(), "anna") == len(lost)
    assert [await kit.states(each) for each in lost] == [[State.DELIVERED]] * len(lost)
    assert [await kit.states(each) for each in others] == [[State.HELD]] * len(others)
    assert await kit.spool.body(lost[0]) is None
    assert (await kit.events(lost[0]))[-1].detail == "settled by anna"


async def test_verbs_act_on_what_matches_only(kit: Kit) -> None:
    message = await kit.put("a@example.org", "b@example.org", "c@example.org")
    now = kit.clock.time()
    assert await kit.spool.hold(Filter(recipient="b@*"), now, "anna") == 1
    assert await kit.states(message) == [State.QUEUED, State.HELD, State.QUEUED]
    assert await kit.spool.drop(Filter(recipient="a@*"), now, "anna") == 1
    assert await kit.content(message) == TEXT
    assert await kit.spool.release(Filter(), now, "anna") == 1
    assert await kit.spool.drop(Filter(), now, "anna") == 2
    assert await kit.states(message) == [State.DROPPED] * 3
    assert await kit.spool.body(message) is None


async def test_verbs_go_through_long_queues(kit: Kit) -> None:
    for _ in range(3):
        await kit.put(*(f"user{number}@example.org" for number in range(800)))
    now = kit.clock.time()
    assert await kit.spool.hold(Filter(), now, "anna") == 2400
    assert await kit.spool.release(Filter(), now, "anna") == 2400
    assert await kit.spool.drop(Filter(), now, "anna") == 2400
    assert await kit.spool.find(Filter()) == []


@pytest.mark.parametrize("verb", ["release", "retry"])
async def test_lanes_with_mail_that_became_due_are_told(kit: Kit, verb: str) -> None:
    message = await kit.put()
    await kit.bring(message, State.HELD if verb == "release" else State.DEFERRED)
    await kit.forget()
    await getattr(kit.spool, verb)(Filter(), kit.clock.time(), "anna")
    await asyncio.sleep(0)
    assert kit.told == [{LANE}]
    assert len(await kit.claim()) == 1


async def test_what_waits_for_too_late_a_time_can_be_made_due(kit: Kit) -> None:
    late, soon = await kit.put("late@example.org"), await kit.put("soon@example.org")
    for lease in await kit.claim():
        due = 3e8 if lease.message.id == late else 60.0
        await kit.record(lease, kit.move(lease.claims[0], State.DEFERRED, "450 later", due))
    which = Filter(due_after=kit.clock.time() + 60.0)
    assert await ids(kit, which) == [late]
    assert await kit.spool.retry(which, kit.clock.time(), "the clock") == 1
    assert [lease.message.id for lease in await kit.claim()] == [late]
    assert (await kit.recipients(soon))[0].next_attempt == kit.clock.time() + 60.0


async def test_dropping_lets_an_attempt_end_in_peace(kit: Kit) -> None:
    message = await kit.put()
    lease = await kit.one()
    assert await kit.spool.drop(Filter(), kit.clock.time(), "anna") == 0
    assert await kit.record(lease, kit.move(lease.claims[0]))
    assert await kit.states(message) == [State.DELIVERED]


async def test_reroute_moves_what_waits(kit: Kit) -> None:
    message = await kit.put("a@example.org", "b@example.org", "c@example.org", "d@example.org")
    await kit.spool.hold(Filter(recipient="b@*"), kit.clock.time(), "anna")
    await kit.spool.drop(Filter(recipient="d@*"), kit.clock.time(), "anna")
    claimed = await kit.put("e@example.org", lanes=(OTHER,))
    await kit.claim(OTHER)
    await kit.forget()
    seen: list[str] = []

    def choose(message: Message, recipient: Recipient, view: RecipientView) -> Turn | None:
        assert recipient in message.envelope.recipients
        assert view.address == recipient.address
        seen.append(recipient.address)
        return None if recipient.address.startswith("c") else Turn("new/", "a better way", kit.clock.time() - 1)

    assert await kit.spool.reroute(choose) == 2
    await asyncio.sleep(0)
    assert sorted(seen) == ["a@example.org", "b@example.org", "c@example.org"]
    assert [each.lane for each in await kit.recipients(message)] == ["new/", "new/", LANE, LANE]
    assert [each.lane for each in await kit.recipients(claimed)] == [OTHER]
    event = (await kit.events(message))[-1]
    assert (event.kind, event.lane) == ("note", "new/")
    assert event.detail == f"lane changed from {LANE}: a better way"
    assert [each.next_attempt for each in await kit.recipients(message)][:2] == [kit.clock.time() - 1, None]
    assert {"new/"} in kit.told
    assert await kit.spool.reroute(choose) == 0
    assert len((await kit.claim("new/"))[0].claims) == 1


async def test_reroute_moves_no_more_than_it_was_asked_for_the_oldest_first(kit: Kit) -> None:
    first, second = await kit.put("a@example.org"), await kit.put("b@example.org")
    assert await kit.spool.reroute(lambda *_: Turn("new/"), 1) == 1
    assert (await kit.recipients(first))[0].lane == "new/"
    assert (await kit.recipients(second))[0].lane == LANE


async def test_reroute_leaves_what_was_claimed_after_it_was_looked_at(kit: Kit) -> None:
    """Never two ways for one recipient: a claim between the look and the change wins."""
    message = await kit.put("a@example.org")
    moved = kit.spool.reroute(lambda *_: Turn("new/"))
    lease, changed = (await asyncio.gather(kit.claim(), moved))[0], await moved
    view = (await kit.recipients(message))[0]
    assert (view.lane, view.state, changed) in ((LANE, State.CLAIMED, 0), ("new/", State.QUEUED, 1))
    assert len(lease) == (view.state is State.CLAIMED)


async def test_clients_take_turns(kit: Kit) -> None:
    flood = [await kit.put("a@example.org", origin=replace(ORIGIN, client="flood")) for _ in range(5)]
    quiet = [await kit.put("a@example.org", origin=replace(ORIGIN, client="quiet")) for _ in range(2)]
    now = kit.clock.time()
    taken = await kit.spool.claim(LANE, now, 4, 60.0)
    assert {lease.message.id for lease in taken} == {*flood[:2], *quiet[:2]}
    late = await kit.put("b@example.org", origin=replace(ORIGIN, client="late"))
    for last, expected in (("flood", late), ("late", flood[2]), ("", flood[3])):
        (lease,) = await kit.spool.claim(LANE, now + 1, 1, 60.0, last)
        assert lease.message.id == expected


async def test_alarms_stand_until_they_are_cleared(kit: Kit) -> None:
    spool = kit.spool
    assert await spool.alarms() == []
    assert await spool.raise_alarm(Alarm("lane:b", 20.5, "token refused", "renew the secret"))
    assert await spool.raise_alarm(Alarm("lane:a", 20.5, "throttled"))
    assert not await spool.raise_alarm(Alarm("lane:b", 99.0, "still refused", "ask"))
    expected = [Alarm("lane:a", 20.5, "throttled"), Alarm("lane:b", 20.5, "still refused", "ask")]
    assert await spool.alarms() == expected
    assert await (await kit.open()).alarms() == expected
    assert await kit.spool.clear_alarm("lane:b")
    assert not await kit.spool.clear_alarm("lane:b")
    assert await kit.spool.alarms() == expected[:1]


async def test_purge_forgets_what_was_finished_long_ago(kit: Kit) -> None:
    finished = [await kit.put() for _ in range(3)]
    for number, lease in enumerate(await kit.claim()):
        kit.clock.advance(100)
        await kit.record(lease, kit.move(lease.claims[0]), use=Use(1, number + 1))
    waiting = await kit.put()
    kit.clock.advance(3 * 86400)
    border = kit.clock.time() - 3 * 86400
    assert await kit.spool.purge(border) == 2
    assert [await kit.spool.show(message) is None for message in finished] == [True, True, False]
    assert await kit.kinds(finished[2]) == ["accepted", "claimed", "delivered"]
    assert await kit.states(waiting) == [State.QUEUED]
    assert [use.minute * 60 >= border - 60 for use in await kit.spool.used(LANE, 0)] == [True]
    assert await kit.spool.purge(border + 1) == 1
    assert await kit.spool.purge(border + 1) == 0


async def test_purge_keeps_the_budget_that_limits_still_count(kit: Kit) -> None:
    await kit.put()
    lease = await kit.one()
    await kit.record(lease, kit.move(lease.claims[0]), use=Use(1, 7))
    kit.clock.advance(86400)
    assert await kit.spool.purge(kit.clock.time() - 3600) == 1
    assert [use.recipients for use in await kit.spool.used(LANE, 0)] == [7]


async def test_mail_that_came_back_is_noted_once_beside_its_state(kit: Kit) -> None:
    message = await kit.put("a@example.org", "b@example.org")
    lease = await kit.one()
    await kit.record(lease, *(kit.move(claim) for claim in lease.claims))
    first = (await kit.recipients(message))[0]
    assert await kit.spool.returned(message, first.id, "550 5.1.1 no such user", kit.clock.time())
    assert not await kit.spool.returned(message, first.id, "550 5.1.1 no such user", kit.clock.time())
    assert not await kit.spool.returned(message, first.id + 100, "550 5.1.1 no such user", kit.clock.time())
    assert not await kit.spool.returned(MessageId(message + 1), first.id, "550 5.1.1 no such user", kit.clock.time())
    views = await kit.recipients(message)
    assert [(view.state, view.last_reply) for view in views] == [
        (State.DELIVERED, "550 5.1.1 no such user"),
        (State.DELIVERED, "250 2.0.0 OK"),
    ]
    told = [event for event in await kit.events(message) if event.kind == "returned"]
    assert [(event.recipient, event.detail) for event in told] == [("a@example.org", "550 5.1.1 no such user")]


async def test_messages_are_known_by_their_message_id(kit: Kit) -> None:
    old = await kit.put()
    kit.clock.advance(100)
    new = await kit.put()
    header = (await kit.spool.find(Filter()))[0].message.header_id
    assert await kit.spool.known([header, "<other@example.com>"], kit.clock.time() - 200) == [old, new]
    assert await kit.spool.known([header], kit.clock.time() - 50) == [new]
    assert await kit.spool.known(["<other@example.com>"], 0) == []


async def test_lanes_that_sent_are_remembered(kit: Kit) -> None:
    await kit.put(lanes=(LANE,))
    lease = await kit.one()
    await kit.record(lease, kit.move(lease.claims[0]), use=Use(1, 1))
    kit.clock.advance(600)
    assert await kit.spool.senders(kit.clock.time() - 660) == [LANE]
    assert await kit.spool.senders(kit.clock.time() - 60) == []
