"""The control interface."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer

from mailferry.sandbox.control import Control
from support.sandbox_lab import Lab

SCANNER, IT = "scanner@contoso.example", "it@contoso.example"
Client = TestClient[Any, Any]


@pytest.fixture
async def client(lab: Lab) -> AsyncIterator[Client]:
    app = Control(lab.world, lambda: {"smtp": {"port": 1}}).application()
    async with TestClient(TestServer(app)) as client:
        yield client


async def body(answer: aiohttp.ClientResponse, status: int = 200) -> Any:
    assert answer.status == status, await answer.text()
    return await answer.json()


async def test_index_lists_every_route(client: Client) -> None:
    index = await body(await client.get("/"))
    assert index["endpoints"] == {"smtp": {"port": 1}}
    routes = {(r["method"], r["path"]) for r in index["routes"]}
    assert {("PATCH", "/state"), ("POST", "/clock/advance"), ("POST", "/faults"), ("GET", "/inbox")} <= routes
    for method, path in routes - {("POST", "/reset"), ("POST", "/forget")}:
        answer = await client.request(method, path.replace("{id}", "none"), data="{")
        assert answer.status != 501, path


async def test_unknown_endpoint_says_so(client: Client) -> None:
    said = await body(await client.post("/graph/sendMail"), 501)
    assert said == {"error": "not implemented in the sandbox: POST /graph/sendMail"}
    assert (await client.put("/messages")).status == 501


async def test_state_is_read_patched_and_replaced(client: Client, lab: Lab) -> None:
    before = await body(await client.get("/state"))
    patch = {
        "tenant": {"security_defaults": True, "mailboxes": {SCANNER: {"smtp_client_authentication_disabled": True}}},
        "behaviour": {"basic_stage": "data"},
    }
    after = await body(await client.patch("/state", json=patch))
    assert after["tenant"]["security_defaults"] is True
    assert lab.world.tenant.mailboxes[SCANNER].smtp_client_authentication_disabled is True
    assert lab.world.behaviour.basic_stage == "data"
    inherit = {"tenant": {"mailboxes": {SCANNER: {"smtp_client_authentication_disabled": None}}}}
    await client.patch("/state", json=inherit)
    assert lab.world.tenant.mailboxes[SCANNER].smtp_client_authentication_disabled is None
    assert await body(await client.put("/state", json=before)) == before


async def test_mailbox_is_added_and_removed(client: Client, lab: Lab) -> None:
    await body(await client.patch("/state", json={"tenant": {"mailboxes": {"new@contoso.example": {"password": "x"}}}}))
    assert lab.world.tenant.mailbox("NEW@contoso.example") is not None
    await body(await client.patch("/state", json={"tenant": {"mailboxes": {"new@contoso.example": None}}}))
    assert lab.world.tenant.mailbox("new@contoso.example") is None


@pytest.mark.parametrize(
    ("patch", "at"),
    [
        ({"tenant": {"surprise": 1}}, "tenant.surprise"),
        ({"tenant": {"mailboxes": {"x@fabrikam.example": {}}}}, "tenant"),
        ({"tenant": {"default_authentication_policy": "none such"}}, "tenant"),
        ({"behaviour": {"basic_stage": "helo"}}, "behaviour.basic_stage"),
        ({"behaviour": {"basic_percentage": 101, "size": -1}}, "behaviour.basic_percentage"),
    ],
)
async def test_wrong_state_is_refused_whole(client: Client, lab: Lab, patch: dict[str, Any], at: str) -> None:
    before = lab.world.state
    said = await body(await client.patch("/state", json=patch), 400)
    assert said["error"] == "not valid"
    assert at in {problem["at"] for problem in said["problems"]}
    assert lab.world.state is before


async def test_clock(client: Client, lab: Lab) -> None:
    assert await body(await client.get("/clock")) == {"now": "2026-11-24T00:00:00+00:00", "running": False}
    set_to = await body(await client.put("/clock", json={"now": "2027-01-05", "running": False}))
    assert set_to == {"now": "2027-01-05T00:00:00+00:00", "running": False}
    moved = await body(await client.post("/clock/advance", json={"days": 1, "minutes": 30}))
    assert moved["now"] == "2027-01-06T00:30:00+00:00"
    assert (await body(await client.put("/clock", json={"running": True})))["running"] is True
    assert (await client.put("/clock", json={"now": "soon"})).status == 400


async def test_faults(client: Client, lab: Lab) -> None:
    fault = {"surface": "smtp", "at": "mail", "action": "reply", "reply": "451 4.3.0 no", "count": 1}
    id = (await body(await client.post("/faults", json=fault), 201))["id"]
    assert lab.logged_in().send(SCANNER, IT) == "451 4.3.0 no"
    (status,) = await body(await client.get("/faults"))
    assert (status["id"], status["struck"], status["reply"]) == (id, 1, "451 4.3.0 no")
    assert (await client.delete(f"/faults/{id}")).status == 204
    assert (await client.delete(f"/faults/{id}")).status == 404
    assert (await client.post("/faults", json={"surface": "smtp"})).status == 400
    await client.post("/faults", json=fault)
    assert (await client.delete("/faults")).status == 204
    assert await body(await client.get("/faults")) == []


async def test_messages(client: Client, lab: Lab) -> None:
    message = b"From: scanner@contoso.example\r\nMessage-ID: <1@d>\r\n\r\n\xff\x00\r\n"
    lab.logged_in().send(SCANNER, IT, "x@fabrikam.example", message=message)
    listed = await body(await client.get("/messages", params={"box": IT, "folder": "Inbox"}))
    assert listed["count"] == 1
    (summary,) = listed["messages"]
    assert (summary["sender"], summary["recipients"]) == (SCANNER, [IT, "x@fabrikam.example"])
    assert (summary["message_id"], summary["folder"], summary["size"]) == ("1@d", "Inbox", len(message))
    whole = await body(await client.get(f"/messages/{summary['id']}"))
    assert whole["trace"][0].startswith("Received: ")
    assert await (await client.get(f"/messages/{summary['id']}/raw")).read() == message
    everything = await body(await client.get("/messages", params={"message_id": "<1@d>"}))
    assert everything["count"] == 3
    rest = await body(await client.get("/messages", params={"after": summary["id"], "limit": "1"}))
    assert len(rest["messages"]) == 1
    counters = {"accepted": 1, "kept": 3, "dropped": 0, "drafts": 0, "signins": 1}
    assert await body(await client.get("/counters")) == counters
    assert (await client.get("/messages/none")).status == 404
    assert (await client.get("/messages", params={"folder": "Nowhere"})).status == 400
    assert (await client.delete("/messages")).status == 204
    assert (await body(await client.get("/messages")))["count"] == 0


async def test_records(client: Client, lab: Lab) -> None:
    lab.logged_in()
    (dialogue,) = await body(await client.get("/dialogues"))
    assert dialogue["user"] == SCANNER
    assert dialogue["lines"][0].startswith("S: 220 ")
    assert await body(await client.get("/requests")) == []


async def test_forget_keeps_the_tenant_and_reset_does_not(client: Client, lab: Lab) -> None:
    await client.patch("/state", json={"tenant": {"security_defaults": True}, "behaviour": {"connections": 1}})
    lab.world.patch({"tenant": {"security_defaults": False}})
    wire = lab.logged_in()
    wire.send(SCANNER, IT)
    second = lab.logged_in()
    await client.post("/forget")
    assert (len(lab.world.store), lab.world.store.accepted, len(lab.world.recorder.dialogues)) == (0, 0, 0)
    assert lab.world.behaviour.connections == 1
    assert second.send(SCANNER, IT).startswith("432")  # open connections are still known
    await client.post("/reset")
    assert lab.world.behaviour.connections == 3


async def test_seed_repeats_the_draws(client: Client, lab: Lab) -> None:
    async def draws() -> list[float]:
        assert (await client.post("/seed", json={"seed": 5})).status == 204
        return [lab.world.random.random() for _ in range(3)]

    assert await draws() == await draws()


async def test_other_sites_cannot_drive_it(client: Client, lab: Lab) -> None:
    """DNS rebinding by the host name; cross-site requests by the Origin."""
    assert (await client.get("/state", headers={"Host": "evil.example"})).status == 403
    assert (await client.post("/reset", headers={"Origin": "https://evil.example"})).status == 403
    assert (await client.get("/state", headers={"Host": "[::1]:80"})).status == 200
    own = f"http://{client.host}:{client.port}"
    assert (await client.get("/state", headers={"Origin": own})).status == 200


async def test_schema_describes_the_state(client: Client) -> None:
    schema = await body(await client.get("/schema"))
    behaviour = schema["state"]["$defs"]["Behaviour"]["properties"]
    assert all("description" in field for field in behaviour.values())
