"""What a graph route may be told, and what it brings along."""

from __future__ import annotations

import ssl
from typing import Any

import pytest

from mailferry.delivery.budget import Budget
from mailferry.routes import presets
from mailferry.routes.api import Limits
from mailferry.routes.graph_settings import safe_endpoint
from mailferry.routes.settings import RouteSettings

GRAPH: dict[str, Any] = {"name": "g", "type": "graph", "tenant": "contoso"}


def route(**changes: Any) -> RouteSettings:
    return RouteSettings.model_validate(GRAPH | changes)


def test_what_it_brings_along() -> None:
    settings = route()
    assert presets.endpoint(settings, "worldwide") == "https://graph.microsoft.com"
    assert presets.scope(settings, "worldwide") == "https://graph.microsoft.com/.default"
    assert (presets.host(settings, "dod"), presets.port(settings, "dod")) == ("dod-graph.microsoft.us", 443)
    assert presets.request_size(settings) == 4_194_304
    most = 157_286_400
    assert presets.limits(settings) == Limits(30, 4, 10_000, 500, most, octets_per_5_minutes=most // 4 * 3, whole=True)
    assert settings.needs_mailbox


def test_overrides() -> None:
    own = route(endpoint="http://127.0.0.1:8080/", request_size="1 MB", scope="api://x/.default")
    assert presets.endpoint(own, "worldwide") == "http://127.0.0.1:8080"
    assert (presets.host(own, "worldwide"), presets.port(own, "worldwide")) == ("127.0.0.1", 8080)
    assert presets.request_size(own) == 1024 * 1024
    assert presets.scope(own, "worldwide") == "api://x/.default"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tenant": None}, "needs `tenant`"),
        ({"host": "x.example"}, "`host` does not belong"),
        ({"username": "x"}, "`username` does not belong"),
        ({"chunking": False}, "`chunking` does not belong"),
        ({"verify": False}, "verifies"),
        ({"endpoint": "http://graph.example"}, "`endpoint` is an address"),
        ({"type": "smarthost", "tenant": None, "host": "h", "large": "upload"}, "`large` belongs to graph"),
        ({"type": "exchange-smtp", "header_only": "rename"}, "`header_only` belongs to graph"),
    ],
)
def test_what_does_not_go_together(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        route(**changes)


@pytest.mark.parametrize(
    ("address", "safe"),
    [
        ("https://graph.microsoft.com", True),
        ("https://graph.microsoft.com/", True),
        ("http://localhost:9", True),
        ("http://[::1]:9", True),
        ("http://10.0.0.1", False),
        ("ftp://localhost", False),
        ("https://", False),
        ("https://x?y", False),
        ("https://u@x", False),
        ("https://[x", False),
        ("graph.microsoft.com", False),
    ],
)
def test_endpoints(address: str, safe: bool) -> None:
    assert safe_endpoint(address) is safe


def test_a_message_is_not_begun_for_some_of_its_recipients() -> None:
    """Graph would mail all whom the header names, so the lane waits until its day has room for all of them."""
    assert Budget(presets.limits(route())).granule > 500
    assert Budget(Limits(recipients_per_day=10_000)).granule == 100


@pytest.mark.parametrize(
    "address",
    [
        "http://localhost.evil.example", "http://127.0.0.1.evil.example", "http://localhost@evil.example",
        "http://127.0.0.1:80@evil.example", "http://evil.example#@localhost", "http://evil.example?@localhost",
        "http://evil.example\\@localhost", "http://2130706433", "http://0x7f.1", "http://0.0.0.0", "http://169.254.169.254",
        "http://[::ffff:10.0.0.1]", "http://localhost.", "file:///etc/passwd", "gopher://localhost", "//localhost", "",
    ],
)  # fmt: skip
def test_no_token_goes_in_clear_to_whatever_looks_like_this_machine(address: str) -> None:
    assert not safe_endpoint(address)


async def test_what_goes_in_clear_asks_no_proxy() -> None:
    """HTTP_PROXY would have it off the machine, token and mail."""
    from mailferry.routes import acs_sdk
    from mailferry.routes.graph_http import Client
    from mailferry.routes.settings import TimeoutSettings

    for context in (None, ssl.create_default_context()):
        client, session = Client(context, TimeoutSettings(), 30.0), acs_sdk.session(context, 30.0)
        assert client._open().trust_env is session.trust_env is (context is not None)
        await client.close()
        await session.close()
