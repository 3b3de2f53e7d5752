"""Sign-ins live from Microsoft Graph: the sandbox's log by pages, throttling, refusals, and links that lead astray."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web

from mailferry.clock import ManualClock, utc
from mailferry.inventory.errors import InventoryError
from mailferry.inventory.live import Endpoint, download, download_traces
from mailferry.sandbox.faults import Fault
from mailferry.sandbox.serve import Sandbox
from mailferry.sandbox.settings import SandboxSettings
from mailferry.sandbox.traces import Trace
from support.exports import Desk
from support.sandbox_graph import graph_token

SINCE = datetime(2026, 10, 1, tzinfo=UTC)


class Waits(ManualClock):
    """Remembers how long it was asked to sleep, and lets nobody wait."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.asked.append(seconds)


@asynccontextmanager
async def service(answer: Callable[[web.Request], web.Response]) -> AsyncIterator[Endpoint]:
    async def handle(request: web.Request) -> web.Response:
        return answer(request)

    app = web.Application()
    app.router.add_get("/{path:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield Endpoint(f"http://127.0.0.1:{runner.addresses[0][1]}")
    finally:
        await runner.cleanup()


async def token() -> str:
    return "a-secret-token"


async def test_the_sandboxs_log_by_pages_and_through_a_throttle(desk: Desk) -> None:
    async with Sandbox(SandboxSettings(at=datetime(2026, 11, 20, tzinfo=UTC).date(), running=False)) as box:
        for number in range(1100):  # more than a page holds
            user = box.tenant.mailbox("scanner@contoso.example")
            box.world.signins.basic(
                at=box.clock.time() - number, user="scanner", mailbox=user, refused=None, remote="203.0.113.7:5"
            )
        box.faults.add(Fault(surface="graph", at="request", action="reply", reply="429", retry_after=7, count=1))
        clock, target, seen = Waits(), desk.folder / "live.ndjson", []

        async def signed() -> str:
            return graph_token(box, roles=("AuditLog.Read.All", "Directory.Read.All"))

        endpoint = Endpoint(box.graph_url, box.ca_file)
        count = await download(endpoint, signed, clock, utc(box.clock.time() - 86_400), target, seen.append)
    assert (count, seen) == (1100, [1000, 1100])
    assert clock.asked == [7.0]
    assert desk.inventory.import_paths([target])[0].taken == 1100
    (client,) = desk.inventory.clients()
    assert (client.sender, client.authentication.value, client.fate.value) == (
        "scanner@contoso.example",
        "basic",
        "breaks",
    )


async def test_the_sandboxs_message_trace_in_spans_of_ten_days(desk: Desk) -> None:
    async with Sandbox(SandboxSettings(at=datetime(2026, 11, 20, tzinfo=UTC).date(), running=False)) as box:
        now = box.clock.time()
        for number in range(24):  # one a day
            trace = Trace(
                f"q{number}", now - 3600 - number * 86_400, f"{number}@printer", "scanner@contoso.example",
                "anna@contoso.example", "Scan", 4096, "delivered",
            )  # fmt: skip
            box.world.traces.add(trace)
        clock, target, seen = Waits(), desk.folder / "traces.ndjson", []

        async def signed() -> str:
            return graph_token(box, roles=("ExchangeMessageTrace.Read.All",))

        endpoint = Endpoint(box.graph_url, box.ca_file)
        since = utc(now - 22 * 86_400)
        count = await download_traces(endpoint, signed, clock, since, utc(now), target, seen.append)
    assert (count, seen) == (22, [10, 20, 22])
    (source,) = desk.inventory.import_paths([target])
    assert (source.kind, source.taken) == ("trace", 22)


async def test_a_trace_that_is_refused_says_its_own_permission(tmp_path: Path) -> None:
    body = {"error": {"code": "Forbidden", "message": "No."}}
    async with service(lambda request: web.json_response(body, status=403)) as endpoint:
        with pytest.raises(InventoryError) as caught:
            await download_traces(endpoint, token, Waits(), SINCE, SINCE + timedelta(days=1), tmp_path / "x")
    assert "ExchangeMessageTrace.Read.All" in caught.value.cure


async def test_a_link_to_another_host_gets_no_token(tmp_path: Path) -> None:
    page = {"value": [], "@odata.nextLink": "https://graph.evil.example/beta/auditLogs/signIns?$skiptoken=1"}
    async with service(lambda request: web.json_response(page)) as endpoint:
        with pytest.raises(InventoryError, match="at another host"):
            await download(endpoint, token, Waits(), SINCE, tmp_path / "x")


async def test_pages_in_a_circle_end(tmp_path: Path) -> None:
    def answer(request: web.Request) -> web.Response:
        return web.json_response({"value": [], "@odata.nextLink": str(request.url)})

    async with service(answer) as endpoint:
        with pytest.raises(InventoryError, match="round in a circle"):
            await download(endpoint, token, Waits(), SINCE, tmp_path / "x")


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refusal_says_what_is_missing_and_shows_no_token(tmp_path: Path, status: int) -> None:
    body = {
        "error": {"code": "Authentication_RequestFromNonPremiumTenantOrB2CTenant", "message": "No premium licence."}
    }
    async with service(lambda request: web.json_response(body, status=status)) as endpoint:
        with pytest.raises(InventoryError, match="No premium licence") as caught:
            await download(endpoint, token, Waits(), SINCE, tmp_path / "x")
    assert "AuditLog.Read.All" in caught.value.cure
    assert "a-secret-token" not in str(caught.value) + repr(caught.value)


async def test_trouble_that_stays_is_given_up_with_growing_waits(tmp_path: Path) -> None:
    clock = Waits()
    async with service(lambda request: web.Response(status=503, text="busy")) as endpoint:
        with pytest.raises(InventoryError, match="gives no page in 6 tries: 503"):
            await download(endpoint, token, clock, SINCE, tmp_path / "x")
    assert clock.asked == [1.0, 2.0, 4.0, 8.0, 16.0]


@pytest.mark.parametrize("body", ["[]", "{}", '{"value": 5}', "nonsense"])
async def test_answers_that_are_no_page(tmp_path: Path, body: str) -> None:
    async with service(lambda request: web.Response(text=body, content_type="application/json")) as endpoint:
        with pytest.raises(InventoryError):
            await download(endpoint, token, Waits(), SINCE, tmp_path / "x")
