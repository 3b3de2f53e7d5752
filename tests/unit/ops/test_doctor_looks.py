"""The doctor on `lookup` and `bounces`: the rights to read, by the token and by a harmless look."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from mailferry.ops.doctor.finding import Finding, Level
from mailferry.ops.doctor.looks import rights
from mailferry.routes.settings import RouteSettings
from mailferry.sandbox.organisation import SECRET_CLIENT_ID, SECRET_SERVICE_PRINCIPAL
from mailferry.sandbox.serve import Sandbox
from mailferry.sandbox.settings import SandboxSettings
from support.ward import ERP, Ward

ROUTE = """
[[route]]
name = "watched"
type = "{type}"
tenant = "contoso"
mailboxes = ["{box}", "scanner@contoso.example"]
host = "localhost"
port = {smtp}
endpoint = "{endpoint}"
ca_file = "{ca}"
lookup = "{lookup}"
bounces = {bounces}
"""


class Reader(Ward):
    """A gateway with one route more, which looks after its mail."""

    async def looks(self, lookup: str, *roles: str, bounces: bool = False, outside: str = "") -> list[Finding]:
        grant = {"applications": {SECRET_CLIENT_ID: {"graph_roles": list(roles)}}}
        self.box.world.patch({"tenant": grant})
        text = self.text() + ROUTE.format(
            type="exchange-smtp", box=ERP, smtp=self.box.smtp_port, endpoint=self.box.graph_url, ca=self.box.ca_file,
            lookup=lookup, bounces=str(bounces).lower(),
        )  # fmt: skip
        self.file.write_text(text)
        return await self.visit(outside=outside)


@pytest.fixture
async def ward(tmp_path: Path) -> AsyncIterator[Reader]:
    async with Sandbox(SandboxSettings(at=date(2026, 11, 24), directory=tmp_path / "sandbox")) as box:
        yield Reader(box, tmp_path)


def of(findings: list[Finding], subject: str) -> list[Finding]:
    return [one for one in findings if one.subject == subject and one.check == "look"]


async def test_each_mailbox_of_a_pool_is_looked_into(ward: Reader) -> None:
    found = await ward.looks("graph", "Mail.Read", bounces=True)
    for box in (ERP, "scanner@contoso.example"):
        assert [one.level for one in of(found, f"watched/{box}")] == [Level.GOOD, Level.GOOD], box
    [wide] = of(found, "contoso, watched")
    assert wide.level is Level.WARNING
    assert "every mailbox" in wide.cause.en
    [copies] = of(found, "watched")
    assert "MessageCopyForSMTPClientSubmissionEnabled" in copies.what.en


async def test_the_trace_and_the_mailboxes_are_rights_of_their_own(ward: Reader) -> None:
    found = await ward.looks("trace", "Mail.Read", bounces=True)
    assert [one.level for one in of(found, "contoso, watched")] == [Level.FAILED, Level.WARNING]
    assert [one.level for one in of(found, "watched")] == [Level.FAILED]
    assert [one.level for one in of(found, f"watched/{ERP}")] == [Level.GOOD]


async def test_what_may_not_be_read_says_what_to_grant(ward: Reader) -> None:
    found = await ward.looks("graph", "Mail.Send")
    [look] = of(found, f"watched/{ERP}")
    assert look.level is Level.FAILED
    assert "ErrorAccessDenied" in look.what.en
    assert "Mail.Read" in look.cause.en
    assert "mailferry setup" in look.cure.en
    [token] = of(found, "contoso, watched")
    assert (token.level, "where Exchange has a role" in token.what.en) == (Level.NOTE, True)


async def test_a_role_in_exchange_does_without_any_consent_and_stays_within_its_scope(ward: Reader) -> None:
    role = {"role": "Application Mail.Read", "app": SECRET_SERVICE_PRINCIPAL, "scope": "Senders"}
    ward.box.world.patch({"tenant": {"role_assignments": [role]}})
    found = await ward.looks("graph", outside="anna@contoso.example", bounces=True)
    assert [one.level for one in of(found, f"watched/{ERP}")] == [Level.GOOD, Level.GOOD]
    proofs = [one.level for one in found if one.check == "least privilege (reading)"]
    assert proofs == [Level.GOOD], "refused once is enough"


async def test_reading_what_lies_outside_is_told(ward: Reader) -> None:
    found = await ward.looks("graph", "Mail.Read", outside="anna@contoso.example")
    assert any("can read this mailbox" in one.what.en and one.level is Level.FAILED for one in found)


@pytest.mark.parametrize(
    ("roles", "levels"),
    [(("ExchangeMessageTrace.Read.All",), [Level.GOOD]), ((), [Level.FAILED])],
)
async def test_the_message_trace(ward: Reader, roles: tuple[str, ...], levels: list[Level]) -> None:
    found = await ward.looks("trace", *roles)
    assert [one.level for one in of(found, "contoso, watched")] == levels
    assert [one.level for one in of(found, "watched")] == levels, "once: it is the organisation's"


def route(**settings: Any) -> RouteSettings:
    return RouteSettings.model_validate({"name": "r", "type": "graph", "tenant": "contoso"} | settings)


@pytest.mark.parametrize(
    ("settings", "claims", "levels"),
    [
        ({"lookup": "graph"}, {"roles": ["Mail.Send", "Mail.ReadBasic.All"]}, [Level.WARNING]),
        ({"bounces": True}, {"roles": ["Mail.ReadBasic.All"]}, [Level.NOTE]),  # reports take MIME
        ({"bounces": True}, {"roles": ["Mail.ReadWrite"]}, [Level.WARNING]),
        ({"bounces": True}, {"scp": "Mail.Send Mail.Read"}, [Level.GOOD]),
        ({"bounces": True}, {"scp": "Mail.Send"}, [Level.FAILED]),
        ({"lookup": "trace", "bounces": True}, {"scp": "Mail.Read"}, [Level.FAILED, Level.GOOD]),
        ({"lookup": "trace"}, {}, []),
        ({}, {"roles": []}, []),
    ],
)
def test_what_claims_say(settings: dict[str, Any], claims: dict[str, Any], levels: list[Level]) -> None:
    assert [one.level for one in rights(route(**settings), claims)] == levels
