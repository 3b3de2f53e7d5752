"""Clouds by name."""

from __future__ import annotations

import pytest

from mailferry.m365.clouds import Cloud, cloud, clouds


def test_worldwide_is_what_everybody_knows() -> None:
    world = cloud("worldwide")
    assert world.authority == "https://login.microsoftonline.com"
    assert world.smtp_host == "smtp.office365.com"
    assert world.smtp_scope == "https://outlook.office365.com/.default"
    assert world.hve_scope == "https://outlook.office.com/.default"
    assert world.unverified == frozenset()


@pytest.mark.parametrize("value", clouds().values(), ids=lambda value: value.name)
def test_addresses_are_whole(value: Cloud) -> None:
    assert value.authority.startswith("https://login.")
    assert not value.authority.endswith("/")
    for scope in (value.smtp_scope, value.graph_scope):
        assert scope.startswith("https://")
        assert scope.endswith("/.default")
    assert value.smtp_host
    assert value.unverified <= set(Cloud.__slots__)


def test_a_wrong_name_is_answered_with_the_right_ones() -> None:
    with pytest.raises(KeyError, match="worldwide, gcc-high, dod, china"):
        cloud("mars")
