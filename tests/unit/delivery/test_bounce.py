"""Final failures reach a named person, exactly once, whatever is killed; and reports never answer reports."""

from __future__ import annotations

import email
import email.policy
import hashlib

import pytest

from mailferry.delivery.settings import Unreportable
from mailferry.mail.body import BodyGone
from mailferry.mail.dsn import Action
from mailferry.mail.envelope import Recipient
from mailferry.mail.message import format_id
from mailferry.routes.table import Exit, RouteTable
from mailferry.smtp.commands import BodyType, Notify
from mailferry.spool.api import Filter, SpoolFailed, State
from support.delivery_world import MAIL, World
from support.fake_transport import GREYLISTED, LOST, NO_SUCH_USER, OK, fault


async def refused(world: World, *recipients: str | Recipient, **how: object) -> State:
    """Submit mail whose recipients are refused; the state it ends in."""
    world.transport.default = NO_SUCH_USER
    world.transports["reports"].latency = 10**9  # reports stay where a test can read them
    await world.started()
    message = await world.submit(*recipients, **how)  # type: ignore[arg-type]
    await world.settle()
    return (await world.states(message))[0]


def status(data: bytes) -> list[email.message.Message]:
    """The groups of fields of a report's second part."""
    parsed = email.message_from_bytes(data)
    return list(parsed.get_payload(1).get_payload())  # type: ignore[union-attr]


async def test_a_refused_recipient_is_reported_to_the_sender(world: World) -> None:
    assert await refused(world, "a@example.net", "b@example.net") is State.FAILED
    [(report, data)] = await world.reports()
    assert report.envelope.reverse_path == ""
    assert [each.address for each in report.envelope.recipients] == ["scan@example.com"]
    assert report.origin.client == "mailer-daemon"
    per_message, *recipients = status(data)
    assert per_message["Reporting-MTA"] == "dns; gw.example.com"
    assert [each["Final-Recipient"] for each in recipients] == ["rfc822;a@example.net", "rfc822;b@example.net"]
    assert {each["Diagnostic-Code"] for each in recipients} == {"smtp; 550 5.1.1 no such user"}
    assert {each["Status"] for each in recipients} == {"5.1.1"}
    assert world.events("bounced")[0]["to"] == "scan@example.com"


async def test_the_owner_of_the_client_hears_instead_where_one_is_named(world: World) -> None:
    world.owner = "it@example.com"
    await refused(world)
    [(report, _)] = await world.reports()
    assert [each.address for each in report.envelope.recipients] == ["it@example.com"]


async def test_the_report_leaves_by_the_table_and_is_delivered(world: World) -> None:
    world.transport.default = NO_SUCH_USER
    await world.started()
    await world.submit()
    await world.settle()
    [attempt] = world.transports["reports"].attempts
    assert attempt.recipients == ("scan@example.com",)
    [(report, _)] = await world.reports()
    assert await world.states(report.id) == [State.DELIVERED]


async def test_a_report_by_a_mailbox_route_is_from_the_mailbox(world: World) -> None:
    """Exchange Online lets a mailbox send as itself alone."""
    world.table = RouteTable([Exit("exo", needs_mailbox=True)], [], "exo", [])
    world.transport.answer = lambda message, _: NO_SUCH_USER if message.envelope.reverse_path else OK
    await world.started()
    await world.submit(lane="exo/scan@example.com")
    await world.settle()
    [(report, _)] = await world.reports()
    assert report.mailbox == "scan@example.com"
    assert (await world.view(report.id)).recipients[0].lane == "exo/scan@example.com"
    assert await world.states(report.id) == [State.DELIVERED]


async def test_only_the_failed_are_reported(world: World) -> None:
    world.transport.outcomes["b@example.net"] = NO_SUCH_USER
    world.transport.outcomes["c@example.net"] = GREYLISTED
    world.transports["reports"].latency = 10**9
    await world.started()
    await world.submit("a@example.net", "b@example.net", "c@example.net")
    await world.settle()
    [(_, data)] = await world.reports()
    assert [each["Final-Recipient"] for each in status(data)[1:]] == ["rfc822;b@example.net"]


async def test_the_move_names_the_report(world: World) -> None:
    moves = []
    record = world.spool.record
    world.spool.record = lambda lease, made, use: (moves.extend(made), record(lease, made, use))[1]  # type: ignore
    await refused(world)
    assert [move.report.split(" to ")[1] for move in moves if move.state is State.FAILED] == ["scan@example.com"]


@pytest.mark.parametrize("policy", list(Unreportable))
async def test_the_null_sender_gets_no_report(world: World, policy: Unreportable) -> None:
    world.settings = world.settings.model_copy(update={"unreportable": policy})
    state = await refused(world, sender="")
    assert state is (State.HELD if policy is Unreportable.HOLD else State.FAILED)
    assert await world.reports() == []
    await world.advance(130, step=10)
    assert await world.alarms() == (["queue:unreported"] if policy is Unreportable.HOLD else [])


async def test_a_report_that_cannot_be_delivered_makes_no_report(world: World) -> None:
    world.transport.default = world.transports["reports"].default = NO_SUCH_USER
    await world.started()
    await world.submit()
    await world.settle()
    [(report, _)] = await world.reports()
    assert await world.states(report.id) == [State.HELD]


async def test_notify_never_is_kept(world: World) -> None:
    assert await refused(world, Recipient("a@example.net", Notify.NEVER)) is State.FAILED
    assert await world.reports() == []


async def test_notify_success_alone_asks_for_no_failures(world: World) -> None:
    assert await refused(world, Recipient("a@example.net", Notify.SUCCESS)) is State.FAILED
    assert await world.reports() == []


@pytest.mark.parametrize(("dsn", "reports"), [(False, 1), (True, 0)])
async def test_success_is_reported_as_relayed_where_the_next_hop_does_not(
    world: World, dsn: bool, reports: int
) -> None:
    world.transport.dsn = dsn
    world.transports["reports"].latency = 10**9
    await world.started()
    message = await world.submit(Recipient("a@example.net", Notify.SUCCESS | Notify.FAILURE))
    await world.settle()
    assert await world.states(message) == [State.DELIVERED]
    found = await world.reports()
    assert len(found) == reports
    for _, data in found:
        assert [each["Action"] for each in status(data)[1:]] == ["relayed"]


async def test_envid_and_orcpt_come_back(world: World) -> None:
    await refused(world, Recipient("a@example.net", Notify.FAILURE, "rfc822;Anna@example.net"), envid="QQ314159")
    [(_, data)] = await world.reports()
    per_message, recipient = status(data)
    assert per_message["Original-Envelope-Id"] == "QQ314159"
    assert recipient["Original-Recipient"] == "rfc822;Anna@example.net"


@pytest.mark.parametrize(
    ("ret", "body", "kind"),
    [
        (None, None, "text/rfc822-headers"),
        ("HDRS", None, "text/rfc822-headers"),
        ("FULL", None, "message/rfc822"),
        ("FULL", BodyType.BINARY, "text/rfc822-headers"),
    ],
)
async def test_ret_decides_how_much_comes_back(world: World, ret: str | None, body: BodyType | None, kind: str) -> None:
    await refused(world, ret=ret, body=body)
    [(_, data)] = await world.reports()
    third = email.message_from_bytes(data).get_payload(2)
    assert third.get_content_type() == kind  # type: ignore[union-attr]


async def test_a_large_message_comes_back_by_its_headers(world: World) -> None:
    world.settings = world.settings.model_copy(update={"report_full_size": 1000})
    await refused(world, ret="FULL", data=MAIL + b"x" * 2000)
    [(_, data)] = await world.reports()
    assert email.message_from_bytes(data).get_payload(2).get_content_type() == "text/rfc822-headers"  # type: ignore


async def test_mail_that_was_tried_long_enough_expires_with_a_report(world: World) -> None:
    world.transport.default = GREYLISTED
    world.transports["reports"].latency = 10**9
    await world.started()
    message = await world.submit()
    await world.advance(5 * 86400 - 3600, step=600)
    assert await world.states(message) == [State.DEFERRED]
    await world.advance(12 * 3600, step=600)
    assert await world.states(message) == [State.EXPIRED]
    [(_, data)] = await world.reports()
    [recipient] = status(data)[1:]
    assert (recipient["Action"], recipient["Status"]) == ("failed", "4.4.7")
    assert world.events("expired")


async def test_a_delay_is_told_once_where_that_is_wanted(world: World) -> None:
    world.transport.default = GREYLISTED
    world.transports["reports"].latency = 10**9
    await world.started(warn_after="1h")
    await world.submit("a@example.net", Recipient("b@example.net", Notify.FAILURE))
    await world.advance(86400, step=60)
    [(_, data)] = await world.reports()
    [recipient] = status(data)[1:]
    assert recipient["Action"] == "delayed"
    assert recipient["Will-Retry-Until"]
    assert recipient["Final-Recipient"] == "rfc822;a@example.net"


async def test_a_kill_between_report_and_state_neither_loses_nor_doubles_the_report(world: World) -> None:
    def checkpoint(name: str) -> None:
        if name == "delivery.reported":
            raise ValueError("killed")

    world.checkpoint = checkpoint
    world.transport.default = NO_SUCH_USER
    world.transports["reports"].latency = 10**9
    await world.started()
    message = await world.submit()
    await world.settle()
    assert await world.states(message) == [State.CLAIMED]
    assert len(await world.reports()) == 1
    await world.crash()
    assert (await world.states(message)) == [State.UNKNOWN]
    await world.started()
    await world.settle()
    assert await world.states(message) == [State.FAILED]
    assert len(await world.reports()) == 1


async def test_a_report_is_found_again_when_somebody_settled_the_doubt(world: World) -> None:
    """After a kill between the report and its state, a look or a person may decide that it is to be sent again."""

    def checkpoint(name: str) -> None:
        if name == "delivery.reported":
            raise ValueError("killed")

    world.checkpoint = checkpoint
    world.transport.default = NO_SUCH_USER
    world.transports["reports"].latency = 10**9
    await world.started()
    message = await world.submit()
    await world.settle()
    await world.crash()
    await world.spool.retry(Filter(ids=(message,)), world.clock.time(), "anna")
    await world.started()
    await world.settle()
    assert await world.states(message) == [State.FAILED]
    assert len(await world.reports()) == 1


async def test_nobody_can_suppress_a_report_by_its_message_id(world: World) -> None:
    """A client's own mail under the Message-ID that the report will have is no report."""
    world.transport.outcomes["a@example.net"] = [GREYLISTED, NO_SUCH_USER]
    world.transports["reports"].latency = 10**9
    await world.started()
    message = await world.submit()
    await world.settle()
    [recipient] = (await world.view(message)).recipients
    digest = hashlib.sha256(f"{Action.FAILED} {recipient.id}".encode()).hexdigest()[:12]
    forged = f"<{format_id(message)}.{digest}@gw.example.com>"
    await world.submit("b@example.net", header_id=forged)
    await world.run(120)
    assert await world.states(message) == [State.FAILED]
    assert [report.header_id for report, _ in await world.reports()] == [forged]


async def test_a_kill_between_answer_and_report_still_ends_in_a_report(world: World) -> None:
    def checkpoint(name: str) -> None:
        if name == "delivery.answered":
            raise ValueError("killed")

    world.checkpoint = checkpoint
    world.transport.default = NO_SUCH_USER
    world.transports["reports"].latency = 10**9
    await world.started()
    message = await world.submit()
    await world.settle()
    assert await world.reports() == []
    await world.crash()
    await world.started()
    await world.settle()
    assert await world.states(message) == [State.FAILED]
    assert len(await world.reports()) == 1


async def test_no_failure_is_final_before_its_report_is_stored(world: World) -> None:
    world.transport.default = NO_SUCH_USER
    world.transports["reports"].latency = 10**9
    message = await world.submit()
    world.spool.fail = SpoolFailed("disk full")
    await world.started()
    await world.settle()
    assert await world.states(message) == [State.DEFERRED]
    assert world.events("report not stored")[0]["cause"] == "disk full"
    await world.advance(70, step=1)
    assert await world.states(message) == [State.FAILED]
    assert len(await world.reports()) == 1


async def test_a_full_spool_keeps_the_failure_too(world: World) -> None:
    world.transport.default = NO_SUCH_USER
    message = await world.submit()
    world.spool.refuse = "too little space"
    await world.started()
    await world.advance(3600, step=30)
    assert await world.states(message) == [State.DEFERRED]
    assert (await world.view(message)).recipients[0].attempts == 0


async def test_a_success_report_that_cannot_be_stored_does_not_undo_the_delivery(world: World) -> None:
    message = await world.submit(Recipient("a@example.net", Notify.SUCCESS))
    world.spool.fail = SpoolFailed("disk full")
    await world.started()
    await world.settle()
    assert await world.states(message) == [State.DELIVERED]


async def test_a_missing_body_is_held_with_an_alarm(world: World) -> None:
    world.transport.error = BodyGone("file missing")
    await world.started()
    message = await world.submit()
    await world.settle()
    assert await world.states(message) == [State.HELD]
    [key] = await world.alarms()
    assert key.startswith("body:")
    assert world.events("lane paused") == []


async def test_a_message_that_this_gateway_cannot_send_is_kept_with_an_alarm_and_never_bounced(world: World) -> None:
    world.transport.outcomes["a@example.net"] = fault("internal", "internal error of this gateway")
    await world.started()
    message = await world.submit("a@example.net")
    other = await world.submit("b@example.net")
    await world.run(7 * 86400)
    assert await world.states(message) == [State.DEFERRED]
    assert (await world.view(message)).recipients[0].attempts == 0
    assert await world.states(other) == [State.DELIVERED]
    assert await world.reports() == []
    assert f"message:{format_id(message)}" in await world.alarms()
    assert world.events("lane paused") == []


async def test_a_body_missing_for_some_holds_those_only(world: World) -> None:
    world.transport.outcomes["a@example.net"] = fault("body", "file missing")
    await world.started()
    message = await world.submit("a@example.net", "b@example.net")
    await world.settle()
    assert await world.states(message) == [State.HELD, State.DELIVERED]
    assert await world.alarms() == [f"body:{format_id(message)}"]
    assert world.events("lane paused") == []


@pytest.mark.parametrize("end", ["delivered", "dropped"])
async def test_the_alarm_of_one_message_ends_with_the_message(world: World, end: str) -> None:
    world.transport.error = BodyGone("file missing")
    await world.started()
    message = await world.submit()
    await world.settle()
    assert await world.alarms() != []
    world.transport.error = None
    await world.run(130)
    assert f"body:{format_id(message)}" in await world.alarms()
    act = world.spool.release if end == "delivered" else world.spool.drop
    await act(Filter(), world.clock.time(), "anna")
    await world.run(130)
    assert await world.states(message) == [State(end)]
    assert await world.alarms() == []


async def test_what_was_unknown_is_reported_when_it_fails_in_the_end(world: World) -> None:
    world.transport.outcomes["a@example.net"] = [LOST, NO_SUCH_USER]
    world.transports["reports"].latency = 10**9
    await world.started()
    message = await world.submit()
    await world.advance(70, step=1)
    assert await world.states(message) == [State.FAILED]
    assert len(await world.reports()) == 1


async def test_a_stop_while_the_report_is_written_leaves_the_recipient_unsettled(world: World) -> None:
    import asyncio

    world.transport.outcomes = {"a@example.net": NO_SUCH_USER}
    message = await world.submit("a@example.net", "b@example.net")
    commit: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    draft = world.spool.draft

    def slow(size: int | None = None):  # type: ignore[no-untyped-def]
        made = draft(size)
        made.commit = lambda accepted: commit
        return made

    world.spool.draft = slow  # type: ignore[method-assign]
    scheduler = await world.started()
    await world.settle()
    await scheduler.stop()
    assert await world.states(message) == [State.UNKNOWN, State.DELIVERED]
