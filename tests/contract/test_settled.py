"""Lost answers settled, and mail that came back, end to end: delivery over the graph route against the sandbox, whose
clock stands until a test moves it."""

from __future__ import annotations

from typing import Any

import pytest

from mailferry.delivery.outward import Allowance
from mailferry.m365.limits import tenant_external_recipients
from mailferry.sandbox.certificates import Keys, make_keys
from mailferry.sandbox.mailbox import Folder, Received
from mailferry.sandbox.throttle import DAY, Window
from mailferry.spool.api import Filter, Move, State, Use
from support.aftermath import MAY_READ, MAY_TRACE, SCANNER, post

ANNA, OUTSIDE = "anna@contoso.example", "x@fabrikam.example"
NOBODY = "nobody@contoso.example"


@pytest.fixture(scope="module")
def keys() -> Keys:
    return make_keys()


@pytest.mark.parametrize(("lookup", "roles"), [("graph", MAY_READ), ("trace", MAY_TRACE)])
async def test_an_answer_lost_after_acceptance_makes_no_second_copy(
    keys: Keys, lookup: str, roles: tuple[str, ...]
) -> None:
    async with post(keys, roles, lookup=lookup) as gateway:
        gateway.box.world.tune(sent_items_delay=20, trace_delay=20)  # the service knows, and does not say so at once
        gateway.lose("response", "take-and-drop")
        message = await gateway.submit(ANNA, OUTSIDE)
        view = await gateway.until(State.DELIVERED, State.DELIVERED, of=message)
        gateway.box.clock.advance(3600)
        await gateway.quiet(0.1)
        assert (gateway.arrived(ANNA), gateway.arrived(OUTSIDE), gateway.sent()) == (1, 1, 1)
        details = [event.detail for event in view.events]
        assert any(detail.startswith("settled: found in") for detail in details)
        assert any(detail.startswith("answer lost, not found yet: no such message in") for detail in details)
        assert [event for event, _ in gateway.lines].count("settled") == 2


@pytest.mark.parametrize(("lookup", "roles"), [("graph", MAY_READ), ("trace", MAY_TRACE)])
async def test_an_answer_lost_before_acceptance_is_sent_again_when_it_was_looked_for_long_enough(
    keys: Keys, lookup: str, roles: tuple[str, ...]
) -> None:
    async with post(keys, roles, lookup=lookup, delivery={"lookup_patience": 20}) as gateway:
        gateway.lose("request", "drop")
        message = await gateway.submit(ANNA)
        view = await gateway.until(State.DELIVERED, of=message)
        assert (gateway.arrived(ANNA), gateway.sent()) == (1, 2)
        lost = next(event.at for event in view.events if event.kind == "unknown")
        again = next(event for event in view.events if event.detail.startswith("answer lost, but not found in"))
        assert again.at - lost >= 20
        assert sum(event.detail.startswith("answer lost, not found yet") for event in view.events) >= 2


async def test_under_hold_what_is_found_is_delivered_and_what_is_not_is_held(keys: Keys) -> None:
    delivery = {"lookup_patience": 10, "unknown": "hold"}
    async with post(keys, lookup="graph", delivery=delivery) as gateway:
        gateway.lose("response", "take-and-drop")
        await gateway.until(State.DELIVERED, of=await gateway.submit(ANNA))
        gateway.box.mail.clear()
        gateway.lose("request", "drop")
        message = await gateway.submit(ANNA)
        view = await gateway.until(State.HELD, of=message)
        assert "no such message in Sent Items" in view.recipients[0].last_reply
        assert gateway.arrived(ANNA) == 0
        await gateway.spool.release(Filter(ids=(message,)), gateway.box.clock.time(), "anna")
        await gateway.until(State.DELIVERED, of=message)
        assert gateway.arrived(ANNA) == 1


@pytest.mark.parametrize(("policy", "state", "copies"), [("resend", State.DELIVERED, 2), ("hold", State.HELD, 1)])
async def test_a_look_that_is_refused_leaves_it_to_the_policy_and_is_told(
    keys: Keys, policy: str, state: State, copies: int
) -> None:
    async with post(keys, ("Mail.Send",), lookup="graph", delivery={"unknown": policy}) as gateway:
        gateway.lose("response", "take-and-drop")
        view = await gateway.until(state, of=await gateway.submit(ANNA))
        assert gateway.arrived(ANNA) == copies
        assert any("ErrorAccessDenied" in event.detail for event in view.events)
        [alarm] = [one for one in await gateway.spool.alarms() if one.key.startswith("lookup:")]
        assert "ErrorAccessDenied" in alarm.text
        assert "Mail.Read" in alarm.cure


async def test_a_copy_of_an_earlier_attempt_proves_nothing_for_the_others(keys: Keys) -> None:
    """One recipient was delivered before; the one whose answer was lost is not taken for it."""
    async with post(keys, lookup="graph", delivery={"lookup_patience": 10}, header_only="rename") as gateway:
        message = await gateway.submit(ANNA, OUTSIDE)
        [lease] = await gateway.spool.claim(f"g/{SCANNER}", gateway.box.clock.time(), 5, 600)
        now = gateway.box.clock.time()
        await gateway.spool.record(
            lease,
            [
                Move(lease.claims[0].id, State.DELIVERED, now, "250 ok"),
                Move(lease.claims[1].id, State.DEFERRED, now, "450", now + 5),
            ],
            Use(1, 2),
        )  # fmt: skip
        gateway.box.world.store.add(SCANNER, *_copy("<o'1@scanner>"), keep=10)
        gateway.lose("request", "drop")
        view = await gateway.until(State.DELIVERED, State.DELIVERED, of=message)
        assert any(event.detail.startswith("answer lost, but not found in") for event in view.events)
        assert gateway.arrived(OUTSIDE) == 1


def _copy(message_id: str) -> Any:
    received = Received("graph", 0.0, SCANNER, (ANNA,), SCANNER, "Graph", "", "", "", "", "q0", message_id.strip("<>"))
    return Folder.SENT, received, (), b"Subject: scan\r\n\r\n"


@pytest.mark.parametrize(("lookup", "roles"), [("graph", MAY_READ), ("trace", MAY_TRACE)])
async def test_another_message_of_the_same_message_id_proves_nothing(
    keys: Keys, lookup: str, roles: tuple[str, ...]
) -> None:
    """There are devices that write one Message-ID all their lives. What they sent before, or at the same time, must not
    count as the mail that was lost."""
    async with post(keys, roles, lookup=lookup, delivery={"lookup_patience": 10}) as gateway:
        await gateway.until(State.DELIVERED, of=await gateway.submit(ANNA))
        gateway.lose("request", "drop")
        message = await gateway.submit(ANNA)
        view = await gateway.until(State.DELIVERED, of=message)
        assert gateway.arrived(ANNA) == 2
        assert any("another message has the same Message-ID" in event.detail for event in view.events)


async def test_a_copy_that_is_older_than_the_message_proves_nothing(keys: Keys) -> None:
    """As above, of a message that the history here has forgotten, or that left by another gateway."""
    async with post(keys, lookup="graph", delivery={"lookup_patience": 10}) as gateway:
        gateway.box.world.store.add(SCANNER, *_copy("<o'1@scanner>"), keep=10)
        gateway.lose("request", "drop")
        view = await gateway.until(State.DELIVERED, of=await gateway.submit(ANNA))
        assert gateway.arrived(ANNA) == 1
        assert any(event.detail.startswith("answer lost, but not found in") for event in view.events)


async def test_a_look_keeps_no_other_mail_waiting(keys: Keys) -> None:
    async with post(keys, lookup="graph", limits={"connections": 1}) as gateway:
        gateway.lose("response", "take-and-drop")
        lost = await gateway.submit(ANNA)
        await gateway.until(State.UNKNOWN, of=lost, step=0.1)
        gateway.lose("request", "reply", "listMessages", status=503, retry_after=5, count=None)
        other = await gateway.submit(OUTSIDE)
        await gateway.until(State.DELIVERED, of=other)
        assert await gateway.states(lost) != [State.DELIVERED]


async def test_mail_that_came_back_is_shown_with_its_message(keys: Keys) -> None:
    async with post(keys, bounces=True) as gateway:
        message = await gateway.submit(NOBODY, ANNA)
        await gateway.until(State.DELIVERED, State.DELIVERED, of=message)
        await gateway.eventually(lambda: any(event == "returned" for event, _ in gateway.lines))
        view = await gateway.view(message)
        [told] = [event for event in view.events if event.kind == "returned"]
        assert (told.recipient, view.recipients[0].state) == (NOBODY, State.DELIVERED)
        assert told.detail.startswith("bounced remotely: 5.1.10 ")
        assert "by " in told.detail
        assert view.recipients[0].last_reply == told.detail
        await gateway.eventually(lambda: gateway.box.clock.time() - told.at > 7200, step=299)
        assert (await gateway.view(message)).events == view.events  # once, however often it is looked at


async def test_the_owner_hears_once_of_mail_that_came_back(keys: Keys) -> None:
    async with post(keys, bounces=True, owner=ANNA, delivery={"remote_bounces": "report"}) as gateway:
        await gateway.until(State.DELIVERED, of=await gateway.submit(NOBODY))
        await gateway.eventually(lambda: any(event == "returned" for event, _ in gateway.lines))
        reports = await gateway.spool.find(Filter(client="mailer-daemon", states=frozenset(State)))
        assert [view.recipients[0].address for view in reports] == [ANNA]


async def test_reports_that_may_not_be_read_raise_an_alarm(keys: Keys) -> None:
    async with post(keys, ("Mail.Send",), bounces=True) as gateway:
        await gateway.until(State.DELIVERED, of=await gateway.submit(NOBODY))
        await gateway.eventually(lambda: any(event == "alarm" for event, _ in gateway.lines))
        [alarm] = await gateway.spool.alarms()
        assert alarm.key == f"returns:g/{SCANNER}"
        assert "Mail.Read" in alarm.cure


async def test_the_tenants_limit_of_outside_recipients_is_heard_of_by_report_and_lifted_by_itself(keys: Keys) -> None:
    """Learn: it "arrives as NDR" and is of a sliding day; others of the tenant have used it up."""
    said = Allowance(proof=120.0)
    async with post(keys, bounces=True, delivery={"remote_bounces_every": 60}, allowance=said) as gateway:
        world = gateway.box.world
        limit = tenant_external_recipients(world.tenant.licences, trial=world.tenant.trial).value
        world.throttles.external.add(gateway.box.clock.time(), limit)
        for to in (OUTSIDE, "y@tailspin.example"):
            await gateway.until(State.DELIVERED, of=await gateway.submit(to))
        await gateway.eventually(lambda: bool(gateway.external.closed()))
        waits, inside = await gateway.submit(OUTSIDE), await gateway.submit(ANNA)
        await gateway.until(State.DELIVERED, of=inside)
        await gateway.until(State.DEFERRED, of=waits)
        sent = gateway.sent()
        world.throttles.external = Window(DAY)
        await gateway.until(State.DELIVERED, of=waits, step=60.0)
        await gateway.eventually(lambda: not gateway.external.closed(), step=60.0)
        assert gateway.sent() == sent + 1
        assert gateway.arrived(OUTSIDE) == 1
