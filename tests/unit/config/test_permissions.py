"""What `check` says each tenant acts as and needs, and what a user is asked to consent to."""

from __future__ import annotations

from typing import Any

import pytest

from mailferry.config.permissions import delegated_scopes, tenant_row
from mailferry.config.schema import TenantSettings
from mailferry.m365.clouds import cloud, clouds
from mailferry.routes.settings import RouteSettings


def tenant(**settings: Any) -> TenantSettings:
    values: dict[str, Any] = {"name": "contoso", **settings}
    if "managed_identity" not in settings:
        values |= {"client_id": "app", "tenant_id": "contoso.example"}
    return TenantSettings.model_validate(values)


def route(kind: str, **settings: Any) -> RouteSettings:
    return RouteSettings.model_validate({"name": kind, "type": kind, "tenant": "contoso", **settings})


@pytest.mark.parametrize(
    ("settings", "acts_as", "smtp", "graph"),
    [
        ({"secret": {"env": "S"}}, "application app, by secret", "SMTP.SendAsApp", "Mail.Send (application,"),
        ({"certificate": {"file": "c.pem"}}, "application app, by certificate", "SMTP.SendAsApp", "(application,"),
        ({"federated_token": {"env": "T"}}, "application app, by federated token", "SMTP.SendAsApp", "(application,"),
        ({"managed_identity": {}}, "managed identity of this machine", "SMTP.SendAsApp", "(application,"),
        ({"managed_identity": {"object_id": "o"}}, "managed identity o", "SMTP.SendAsApp", "(application,"),
        ({"sign_in": {}}, "the user who signed in", "SMTP.Send (delegated,", "Mail.Send (delegated,"),
        ({"sign_in": {"user": "a@b.example"}}, "a@b.example who signed in", "SMTP.Send (", "Mail.Send (delegated,"),
    ],
)
def test_who_it_is_and_what_it_needs(settings: dict[str, Any], acts_as: str, smtp: str, graph: str) -> None:
    row = tenant_row(tenant(**settings), [route("exchange-smtp"), route("graph")])
    assert row["acts as"] == acts_as
    assert smtp in row["needs"]
    assert graph in row["needs"]
    assert "Mail.ReadWrite" not in row["needs"]
    assert "Mail.ReadWrite" in tenant_row(tenant(**settings), [route("graph", large="upload")])["needs"]


def test_other_tenants_routes_ask_nothing_of_it() -> None:
    assert tenant_row(tenant(sign_in={}), [route("graph", tenant="fabrikam")])["needs"] == "nothing"


@pytest.mark.parametrize("name", sorted(clouds()))
def test_what_a_user_consents_to_in_each_cloud(name: str) -> None:
    where, settings = cloud(name), tenant(sign_in={}, cloud=name)
    smtp, graph = (where.smtp_send_scope,), (f"{where.graph}/Mail.Send", f"{where.graph}/Mail.ReadWrite")
    routes = [route("graph", large="upload"), route("exchange-smtp", host="smtp.example")]
    assert delegated_scopes(settings, routes) == [smtp, graph]
    assert delegated_scopes(settings, routes[:1]) == [graph]
    assert delegated_scopes(settings, []) == [smtp]
