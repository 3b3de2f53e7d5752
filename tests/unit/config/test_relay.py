"""No configuration that is an open relay can be loaded: a property over networks and recipients."""

from __future__ import annotations

from ipaddress import IPv4Network, ip_network
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailferry.config.checks.relay import unbounded
from mailferry.config.load import ConfigurationError, load_config
from mailferry.config.toml import toml_value
from mailferry.listener.settings import ClientSettings

TEXT = """
[gateway]
hostname = "gateway.example.test"

[[listener]]
name = "relay"
address = ":2525"
authentication = "{authentication}"

[[client]]
name = "client"
networks = {networks}
recipients = {recipients}

[[tenant]]
name = "contoso"
tenant_id = "contoso.example"
domains = ["contoso.example"]
client_id = "5a4db0c5-0000-4000-8000-0000000000a1"
secret = {{ env = "SECRET" }}

[[route]]
name = "exchange"
type = "exchange-smtp"
tenant = "contoso"
"""

WORLD = IPv4Network("0.0.0.0/0")


@st.composite
def world_in_pieces(draw: st.DrawFn) -> list[str]:
    """Public networks that together hold more than a site: one wide network, cut up at will."""
    first = draw(st.integers(1, 9) | st.integers(11, 99))
    prefix = draw(st.integers(0, 15))
    pieces = [WORLD if prefix == 0 else ip_network((first << 24, prefix), strict=False)]
    for _ in range(draw(st.integers(0, 6))):
        pieces.sort(key=lambda piece: piece.prefixlen)
        pieces += pieces.pop(0).subnets()
    return draw(st.permutations([str(piece) for piece in pieces]))


ANYWHERE = st.sampled_from(
    ["anywhere", ["*"], ["*@*"], ["info@*"], ["a@b.example", "*@*.com"], ["*@*.*"], ["*@*.co.jp"], ["*@c*"]]
)


@given(world_in_pieces(), ANYWHERE, st.sampled_from(["none", "optional"]))
def test_never_loaded(networks: list[str], recipients: object, authentication: str) -> None:
    values = {"networks": toml_value(networks), "recipients": toml_value(recipients)}
    with TemporaryDirectory() as folder:
        file = Path(folder) / "mailferry.toml"
        file.write_text(TEXT.format(authentication=authentication, **values))
        with pytest.raises(ConfigurationError, match="open relay"):
            load_config(file, {})


@pytest.mark.parametrize(
    ("recipients", "expected"),
    [
        ("internal", False),
        ("anywhere", True),
        (("*@fabrikam.example",), False),
        (("*@*.fabrikam.example",), False),
        (("*@*fabrikam.example",), False),
        (("*@*.example",), True),
        (("*@*.co.jp",), True),
        (("*@*.fabrikam.co.jp",), False),
        (("*@*",), True),
        (("*",), True),
        (("someone@*.com",), True),
        (("a@b.example", "*@c.*"), True),
        (("*d@fabrikam.example",), False),
    ],
)
def test_unbounded(recipients: object, expected: bool) -> None:
    settings = ClientSettings.model_validate({"name": "c", "networks": ["0.0.0.0/0"], "recipients": recipients})
    assert unbounded(settings) is expected
