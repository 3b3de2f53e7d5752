"""The message trace of Microsoft Graph, as its documentation shows it."""

from __future__ import annotations

from urllib.parse import quote

from mailferry.sandbox.organisation import SECRET_CLIENT_ID
from mailferry.sandbox.serve import Sandbox
from support.sandbox_graph import ANNA, OUTSIDE, SCANNER, graph_client, simple

TRACE = "/admin/exchange/tracing/messageTraces"
ROLES = ("Mail.Send", "ExchangeMessageTrace.Read.All")


async def test_a_row_for_each_recipient(box: Sandbox) -> None:
    async with graph_client(box) as plain:
        graph = plain.as_application(SECRET_CLIENT_ID, roles=ROLES)
        message = simple(ANNA, "nobody@contoso.example", OUTSIDE, internetMessageId="<o'1@x>")
        assert (await graph.send(message)).status == 202
        wanted = quote("messageId eq '<o''1@x>'")
        heard = await graph.get(f"{TRACE}?$filter={wanted}")
        rows = {row["recipientAddress"]: row for row in heard.json["value"]}
        assert {address: row["status"] for address, row in rows.items()} == {
            ANNA: "delivered",
            OUTSIDE: "delivered",
            "nobody@contoso.example": "failed",
        }
        assert set(rows[ANNA]) == {
            "id", "senderAddress", "recipientAddress", "messageId", "receivedDateTime", "subject", "status", "size",
            "fromIP", "toIP",
        }  # fmt: skip
        assert (rows[ANNA]["senderAddress"], rows[ANNA]["messageId"]) == (SCANNER, "<o'1@x>")


async def test_pages_and_ranges(box: Sandbox) -> None:
    async with graph_client(box) as plain:
        graph = plain.as_application(SECRET_CLIENT_ID, roles=ROLES)
        for _ in range(3):
            await graph.send(simple(ANNA))
        first = (await graph.get(f"{TRACE}?$top=2")).json
        assert len(first["value"]) == 2
        rest = (await graph.get(first["@odata.nextLink"])).json
        assert (len(rest["value"]), "@odata.nextLink" in rest) == (1, False)
        early = await graph.get(f"{TRACE}?$filter={quote('receivedDateTime le 2020-01-01T00:00:00Z')}")
        assert early.json["value"] == []
        assert (await graph.get(f"{TRACE}?$orderby=size")).status == 501


async def test_the_delay_and_the_permission(box: Sandbox) -> None:
    async with graph_client(box) as plain:
        graph = plain.as_application(SECRET_CLIENT_ID, roles=ROLES)
        box.world.tune(trace_delay=60)
        await graph.send(simple(ANNA))
        assert (await graph.get(TRACE)).json["value"] == []
        box.clock.advance(60)
        assert len((await graph.get(TRACE)).json["value"]) == 1
        refused = await plain.get(TRACE)
        assert (refused.status, refused.code) == (403, "ErrorAccessDenied")
