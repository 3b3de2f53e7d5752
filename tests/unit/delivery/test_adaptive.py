"""Every answer by which a service says "slower", as it is on the wire, and what delivery does about it: it pauses, with
whoever shares the budget, goes on by itself at half the width, and widens again; nothing bounces and nobody is told."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mailferry.delivery.detour import Detour
from mailferry.mail.outcome import Deferred, Outcome
from mailferry.routes.acs_errors import Answer as AcsAnswer
from mailferry.routes.acs_errors import refusal
from mailferry.routes.api import Limits
from mailferry.routes.classify import Classifier, Stage
from mailferry.routes.graph_errors import Answer, Step, outcome
from mailferry.smtp.replies import Reply
from mailferry.spool.api import State
from support.delivery_world import World
from support.detours import started
from support.fake_transport import OK, FakeTransport

HOST = "[SN4PR0501CA0054.namprd05.prod.outlook.com]"
SMTP = {
    "connections": (432, "4.3.2", "Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending for "
                    "more information. [Hostname=X.PROD.OUTLOOK.COM]"),
    "threads": (451, "4.3.2", "STOREDRV.ClientSubmit; sender thread limit exceeded"),
    "busy": (451, "4.7.0", f"Temporary server error. Please try again later. PRX2 {HOST}"),
    "address": (451, "4.7.500", "Access denied, please try again later"),
    "draining": (421, "4.3.2", "Service not active"),
    "mailbox full": (550, "5.2.251", "Sender throttled due to continuous mailbox full errors."),
    "send as": (550, "5.2.252", "Sender throttled due to continuous send as denied errors."),
    "licence": (550, "5.2.253", "Sender throttled due to continuous invalid license errors."),
    "too many": (550, "5.2.254", "Sender throttled due to continuous too many recipients errors."),
    "invalid": (550, "5.2.255", "Sender throttled due to continuous invalid recipients errors."),
    "day": (554, "5.2.0", "STOREDRV.Submission.Exception:SubmissionQuotaExceededException; Failed to process message"),
}  # fmt: skip


def by_smtp(name: str) -> Callable[[], Outcome]:
    code, status, text = SMTP[name]
    return lambda: Classifier(exchange=True).outcome(Stage.END, Reply(code, status, (text,)))


CASES: dict[str, tuple[Callable[[], Outcome], float | None]] = {name: (by_smtp(name), None) for name in SMTP} | {
    "graph 429": (
        lambda: outcome(
            Answer(429, "ApplicationThrottled", "Application is over its MailboxConcurrency limit.", retry_after=200.0),
            Step.MAIL,
        ),
        200.0,
    ),
    "graph 429 at once": (
        lambda: outcome(Answer(429, "TooManyRequests", "Please retry again later.", retry_after=0.5), Step.MAIL), 0.5,
    ),
    "graph 503": (lambda: outcome(Answer(503, "ServiceUnavailable", "x", retry_after=90.0), Step.MAIL), 90.0),
    "graph quota": (lambda: outcome(Answer(429, "ErrorExceededMessageLimit", "x"), Step.MAIL), None),
    "acs 429": (lambda: refusal(AcsAnswer(429, code="TooManyRequests", message="x", retry_after=300.0)), 300.0),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
async def test_it_waits_and_goes_on_by_itself(world: World, name: str) -> None:
    make, hint = CASES[name]
    answer = make()
    assert isinstance(answer, Deferred)
    assert answer.retry_after == hint
    world.transport.limits = Limits(connections=4)
    world.transports["spare"] = FakeTransport(world.clock, Limits(connections=4))
    scheduler = await started(world, Detour(budgets={"exo": "mailboxes", "spare": "mailboxes"}))
    world.transport.default = answer
    first = await world.submit()
    await world.settle()
    later = [await world.submit(f"{number}@example.net") for number in range(5)]
    other = await world.submit(lane="spare/scan@example.com")
    await world.settle()
    lanes = {lane.name: lane for lane in scheduler.lanes()}
    lane = lanes["exo/scan@example.com"]
    assert (lane.reason, lane.connections, lanes["spare/scan@example.com"].reason) == ("throttle", 2, "throttle")
    assert len(world.transport.attempts) == 1  # nobody asks for the same refusal again, by no route
    assert world.transports["spare"].attempts == []
    pause = (lane.until or 0.0) - world.clock.time()
    assert pause == (max(1.0, hint) if hint else 10.0)
    world.transport.default = OK
    await world.run(pause + 30)
    for message in (first, *later, other):
        assert await world.states(message) == [State.DELIVERED]
    view = await world.view(first)
    assert [event.kind for event in view.events].count("delivered") == 1
    assert view.recipients[0].attempts <= 1  # the refusal was no attempt of the message
    assert not await world.reports()
    assert await world.alarms() == []
