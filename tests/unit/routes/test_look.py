"""Which routes may look after the mail that they have handed over."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from mailferry.config.permissions import delegated_scopes, needs
from mailferry.config.schema import TenantSettings
from mailferry.routes.look_build import build_finder, build_inbox
from mailferry.routes.settings import RouteSettings
from mailferry.tokens.api import AccessToken

TENANT = TenantSettings.model_validate(
    {
        "name": "contoso", "client_id": "11111111-1111-1111-1111-111111111111", "domains": ["contoso.example"],
        "tenant_id": "22222222-2222-2222-2222-222222222222", "secret": {"env": "SECRET"},
    }
)  # fmt: skip


def route(**settings: Any) -> RouteSettings:
    return RouteSettings.model_validate({"name": "r", "type": "exchange-smtp", "tenant": "contoso"} | settings)


class Tokens:
    """Nobody is asked before something is looked for."""

    async def token(self, credential: str, scope: str) -> AccessToken:
        raise AssertionError

    async def refresh(self, refused: AccessToken, *, named: bool = False) -> AccessToken:
        raise AssertionError


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"type": "smarthost", "host": "mx", "tenant": None, "lookup": "graph"}, "`lookup` is for graph and exchange"),
        ({"type": "hve", "mailbox": "a@contoso.example", "bounces": True}, "`bounces` is for graph and exchange-smtp"),
        ({"lookup": "graph", "endpoint": "http://graph.example"}, "`endpoint` is an address such as https"),
        ({"endpoint": "https://graph.example"}, "`endpoint` belongs to graph"),
    ],
)
def test_what_cannot_be_asked_is_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        route(**settings)


def test_nothing_looks_unless_it_is_told_to() -> None:
    for kind in ("exchange-smtp", "graph"):
        assert build_finder(route(type=kind), "worldwide", Tokens()) is None
        assert build_inbox(route(type=kind), "worldwide", Tokens()) is None
    assert build_finder(route(lookup="trace"), "worldwide", Tokens()) is not None
    assert build_inbox(route(bounces=True), "worldwide", Tokens()) is not None


def test_an_smtp_route_asks_graph_with_a_token_of_graph() -> None:
    finder = build_finder(route(lookup="graph", endpoint="https://graph.example"), "worldwide", Tokens())
    assert finder is not None
    assert (finder._scope, finder._endpoint) == ("https://graph.microsoft.com/.default", "https://graph.example")


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"lookup": "graph"}, ["Mail.Read"]),
        ({"lookup": "trace"}, ["ExchangeMessageTrace.Read.All"]),
        ({"lookup": "trace", "bounces": True}, ["Mail.Read", "ExchangeMessageTrace.Read.All"]),
        ({"type": "graph", "large": "upload", "bounces": True}, ["Mail.ReadWrite"]),  # which reads as well
        ({}, []),
    ],
)
def test_the_permissions_are_named(settings: dict[str, Any], named: list[str]) -> None:
    said = needs(TENANT, route(**settings))
    assert [one.split(" ")[0] for one in said if one.startswith(("Mail.Read", "ExchangeM"))] == named


def test_a_user_consents_to_the_same() -> None:
    [smtp, graph] = delegated_scopes(TENANT, [route(lookup="graph")])
    assert smtp == ("https://outlook.office.com/SMTP.Send",)
    assert graph == ("https://graph.microsoft.com/Mail.Read",)
