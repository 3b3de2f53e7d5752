"""Graph under pressure: published limits, and injected faults."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from pydantic import ValidationError

from mailferry.clock import SystemClock
from mailferry.sandbox.faults import Fault
from mailferry.sandbox.graph_throttle import GraphThrottles
from mailferry.sandbox.organisation import CERTIFICATE_CLIENT_ID
from mailferry.sandbox.serve import Sandbox
from mailferry.sandbox.settings import Behaviour
from support.sandbox_graph import ANNA, IT, MIME, SCANNER, GraphClient, simple

OVER = "Application is over its MailboxConcurrency limit."


class Gate(SystemClock):
    """A machine clock whose sleepers wait until they are let go."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.sleeping = 0
        self.changed = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        self.sleeping += 1
        self.changed.set()
        await self.open.wait()


@pytest.fixture
def gate(box: Sandbox) -> Gate:
    """Every request to Graph stops at it."""
    clock = Gate()
    box._graph._machine = clock
    box.faults.add(Fault(surface="graph", at="request", action="delay", delay=1))
    return clock


async def held(gate: Gate, number: int) -> None:
    while gate.sleeping < number:
        gate.changed.clear()
        await gate.changed.wait()


# Concurrency


async def test_four_at_once_per_application_and_mailbox(box: Sandbox, graph: GraphClient, gate: Gate) -> None:
    """V: throttling-limits.md: 4 concurrent; O: G:68667356247 measured "4 is clean, 5 is refused", and the words."""
    running = [asyncio.create_task(graph.send()) for _ in range(4)]
    await held(gate, 4)
    heard = await graph.get(f"/users/{SCANNER}/messages")
    assert (heard.status, heard.code, heard.said) == (429, "ApplicationThrottled", OVER)
    assert heard.headers["Retry-After"] == "10"
    elsewhere = [
        asyncio.create_task(graph.send(user=IT)),
        asyncio.create_task(graph.as_application(CERTIFICATE_CLIENT_ID).send()),
    ]
    await held(gate, 6)
    gate.open.set()
    assert [task.status for task in await asyncio.gather(*running, *elsewhere)] == [202] * 6
    assert (await graph.send()).status == 202


async def test_four_at_once_per_application(box: Sandbox, graph: GraphClient, gate: Gate) -> None:
    """V: the same page: "regardless of whether the requests all access the same mailbox"."""
    box.world.tune(graph_concurrency_scope="application")
    running = [asyncio.create_task(graph.send(user=user)) for user in (SCANNER, IT, SCANNER, IT)]
    await held(gate, 4)
    assert (await graph.send(user=ANNA)).code == "ApplicationThrottled"
    gate.open.set()
    assert {task.status for task in await asyncio.gather(*running)} == {202}


async def test_refused_requests_leave_no_trace_in_flight(box: Sandbox, graph: GraphClient) -> None:
    for _ in range(6):
        await graph.send(simple(toRecipients=[]))
    assert box.world.graph_throttles._flying == {}


# Rates


async def test_requests_in_ten_minutes(box: Sandbox, graph: GraphClient) -> None:
    box.world.tune(graph_requests=2)
    for expected in (202, 202, 429):
        heard = await graph.mime()
        assert heard.status == expected
    assert (heard.code, heard.headers["Retry-After"]) == ("TooManyRequests", "600")
    assert (await graph.mime(user=IT)).status == 202
    box.clock.advance(600)
    assert (await graph.mime()).status == 202


async def test_upload_in_five_minutes(box: Sandbox, graph: GraphClient) -> None:
    size = len(MIME) * 4 // 3 + 4
    box.world.tune(graph_upload=2 * size)
    for expected in (202, 202, 429):
        assert (await graph.mime()).status == expected
    assert (await graph.get(f"/users/{SCANNER}/messages")).status == 200  # only what is sent up counts
    box.clock.advance(300)
    assert (await graph.mime()).status == 202


def test_published_limits_are_the_defaults() -> None:
    """V: throttling-limits.md @0135174, Outlook service limits."""
    behaviour = Behaviour()
    assert (behaviour.graph_concurrency, behaviour.graph_requests) == (4, 10_000)
    assert behaviour.graph_upload == 150 * 1024 * 1024


def test_refused_requests_count_too() -> None:
    """V: throttling.md: "all requests accrue against your usage limits"."""
    throttles = GraphThrottles()
    assert [throttles.request("a", "m", now, 1) for now in (0.0, 599.0)] == [0.0, 1.0]
    assert throttles.request("a", "m", 600.0, 1) == 599.0
    assert throttles.upload("a", "m", 0.0, 10, 5) == 1.0  # never fits; nothing was counted
    assert throttles.upload("a", "m", 0.0, 5, 5) == 0.0


# Faults


async def test_reply_instead_of_acting(box: Sandbox, graph: GraphClient) -> None:
    body = '{"error": {"code": "serviceNotAvailable", "message": "x"}}'
    box.faults.add(Fault(surface="graph", at="request", action="reply", status=503, body=body, retry_after=7, count=1))
    heard = await graph.send()
    assert (heard.status, heard.code, heard.headers["Retry-After"]) == (503, "serviceNotAvailable", "7")
    assert box.mail.accepted == 0
    assert (await graph.send()).status == 202


@pytest.mark.parametrize(("at", "action", "accepted"), [("request", "drop", 0), ("response", "take-and-drop", 1)])
async def test_connection_cut(box: Sandbox, graph: GraphClient, at: str, action: str, accepted: int) -> None:
    """The client sees the same; only one of the two messages is there."""
    fault = {"surface": "graph", "at": at, "action": action, "count": 1}
    box.faults.add(Fault.model_validate(fault))
    with pytest.raises(aiohttp.ClientError):
        await graph.send()
    assert box.mail.accepted == len(box.mail.find(box=ANNA)) == accepted
    assert box.recorder.requests[-1].cause.startswith(f"fault: {action}")


async def test_answer_changed_after_acting(box: Sandbox, graph: GraphClient) -> None:
    """A gateway timeout for a message that was accepted."""
    box.faults.add(Fault(surface="graph", at="response", action="reply", status=504, count=1))
    assert (await graph.send()).status == 504
    assert len(box.mail.find(box=ANNA)) == 1
    assert box.recorder.requests[-1].cause == "fault: reply after it was done"


async def test_delay(box: Sandbox, graph: GraphClient, gate: Gate) -> None:
    task = asyncio.create_task(graph.send())
    await held(gate, 1)
    assert box.mail.accepted == 0
    gate.open.set()
    assert (await task).status == 202


async def test_matching(box: Sandbox, graph: GraphClient) -> None:
    match = {"operation": "sendMail", "user": "scanner@*", "method": "POST", "path": "/v1.0/users/*"}
    box.faults.add(Fault(surface="graph", at="request", action="reply", status=500, match=match))
    assert (await graph.send()).status == 500
    assert (await graph.send(user=IT)).status == 202
    assert (await graph.post(f"/users/{SCANNER}/messages", simple())).status == 201


async def test_fault_on_an_upload(box: Sandbox, graph: GraphClient) -> None:
    box.world.tune(graph_upload_minimum=0)
    path = await graph.draft()
    item = {"AttachmentItem": {"attachmentType": "file", "name": "x", "size": 4}}
    url = (await graph.post(f"{path}/attachments/createUploadSession", item)).json["uploadUrl"]
    box.faults.add(
        Fault(surface="graph", at="response", action="take-and-drop", match={"operation": "upload"}, count=1)
    )
    headers = {"Content-Range": "bytes 0-1/4"}
    # aiohttp repeats a PUT of its own accord on a kept connection, so the cut shows as an overlap.
    heard = await graph.ask("PUT", url, authorization="", data=b"01", headers=headers)
    assert (heard.status, heard.said) == (416, "Uploaded fragment overlaps with existing data.")
    headers = {"Content-Range": "bytes 2-3/4"}
    assert (await graph.ask("PUT", url, authorization="", data=b"23", headers=headers)).status == 201


@pytest.mark.parametrize(
    "fault",
    [
        {"surface": "graph", "at": "end", "action": "drop"},
        {"surface": "smtp", "at": "response", "action": "drop"},
        {"surface": "token", "at": "response", "action": "take-and-drop"},
        {"surface": "graph", "at": "request", "action": "take-and-drop"},
        {"surface": "graph", "at": "response", "action": "drop"},
    ],
)
def test_faults_that_make_no_sense(fault: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Fault.model_validate(fault)
