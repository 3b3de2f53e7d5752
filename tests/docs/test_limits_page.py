"""docs/concepts/limits.md has every published limit with its figure, and says how it is kept or why it is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailferry.m365.limits import azure_communication_rest, graph, published
from mailferry.routes import presets
from mailferry.routes.settings import RouteSettings

PAGE = (Path(__file__).parents[2] / "docs/concepts/limits.md").read_text(encoding="utf-8")
ROWS = {
    cells[1].strip("` "): [cell.strip() for cell in cells[2:5]]
    for line in PAGE.splitlines()
    if line.startswith("| `") and len(cells := line.split("|")) == 6
}


@pytest.mark.parametrize("name", sorted(published()))
def test_every_limit_is_there(name: str) -> None:
    fact = published()[name]
    if not fact.value:
        assert f"`{name}`" in PAGE.partition("## None is published")[2]
        return
    figure, unit, how = ROWS[name]
    assert (figure, unit) == (f"{fact.value:,}", fact.unit)
    kept, _, why = how.partition(": ")
    assert kept in ("kept", "not kept")
    assert why


def test_nothing_is_there_that_is_not_published() -> None:
    assert set(ROWS) <= set(published())


#: Where a limit that is kept arrives: what a lane, a mailbox in Graph or a subscription is given.
ROUTES = {
    "exchange-online": {"type": "exchange-smtp", "tenant": "t"},
    "high-volume-email": {"type": "hve", "tenant": "t", "mailbox": "a@example.com"},
    "azure-communication": {"type": "acs-smtp", "username": "u", "password": {"env": "P"}},
    "exchange-relay": {"type": "smarthost", "preset": "exchange-relay", "host": "h"},
    "tenant-mx": {"type": "smarthost", "preset": "connector-ip", "host": "h"},
}


@pytest.mark.parametrize("name", [name for name in sorted(ROWS) if ROWS[name][2].startswith("kept")])
def test_what_is_kept_is_a_lanes_or_has_a_count_of_its_own(name: str) -> None:
    section, _, field = name.partition(".")
    value = published()[name].value
    if section in ROUTES:
        route = RouteSettings.model_validate({"name": "r"} | ROUTES[section])
        lane = presets.limits(route)
        given = lane.message_size if field.startswith("message_size") else getattr(lane, field)
        assert given == value or (field == "connections" and 0 < given <= value)
    elif section == "graph":
        assert getattr(graph(), field).value == value
    elif section == "azure-communication-rest":
        assert getattr(azure_communication_rest(), field).value == value
    else:
        assert name == "tenant.onmicrosoft_recipients_per_day"
