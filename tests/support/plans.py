"""Clients, products and plans for tests of the planner: made by hand, and by hypothesis."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from mailferry.clients.product import Answer, Category
from mailferry.inventory.records import Authentication, Client, Fate, Switches, Volume
from mailferry.m365.facts import Text
from mailferry.planner.case import Case, mailboxes
from mailferry.planner.product import Product
from mailferry.planner.settings import PlanSettings
from mailferry.planner.values import Way

TODAY = date(2026, 11, 24)  # a Tuesday
GATEWAY = "mailferry.example.com"
YES, UNKNOWN = Answer.YES, Answer.UNKNOWN
ALL_WAYS = tuple(way for way in Way if way not in (Way.NOTHING, Way.RETIRE, Way.ASK))


def _name(text: str) -> Text:
    return Text(text, text)


PRODUCTS: Mapping[str, Product] = {
    product.id: product
    for product in (
        Product("able", _name("Able MFP"), Category.PRINTER, YES, UNKNOWN, since=_name("5.7"), source="maker's list"),
        Product("modern", _name("Modern ERP"), Category.ERP, YES, UNKNOWN, setup=Text("Owner: go.", "担当者: 切替。")),
        Product("partly", _name("Partly MFP"), Category.PRINTER, Answer.PARTIAL, UNKNOWN),
        Product("unable", _name("Unable UPS"), Category.UPS, Answer.NO, UNKNOWN, source="maker's list"),
        Product("graphic", _name("Graphic Backup"), Category.BACKUP, Answer.NO, YES, source="maker's list"),
        Product("coded", _name("Coded library"), Category.LIBRARY, YES, UNKNOWN),
        Product("rumoured", _name("Rumoured NAS"), Category.NAS, YES, UNKNOWN, verified=False),
        Product("doubtful", _name("Doubtful NAS"), Category.NAS, YES, UNKNOWN, settle=_name("Look.")),
        Product("dark", _name("Dark NAS"), Category.NAS, UNKNOWN, UNKNOWN),
    )
}


def seen(days: float) -> datetime:
    """So many days before TODAY."""
    return datetime.combine(TODAY, datetime.min.time(), UTC) - timedelta(days=days)


def client(identity: str = "c1", **changes: Any) -> Client:
    """A recognisable client that breaks: a printer of modest traffic, seen yesterday."""
    values: dict[str, Any] = {
        "sender": f"{identity}@example.com",
        "addresses": ("10.1.2.3",),
        "authentication": Authentication.BASIC,
        "tls": ("1.2",),
        "volume": volume(),
        "last_seen": seen(1),
        "fate": Fate.BREAKS,
        "sources": ("eac", "signin"),
        "owner": "kim@example.com",
        "site": "Osaka",
    }
    return Client(identity, **(values | changes))


def volume(**changes: Any) -> Volume:
    values: dict[str, Any] = {
        "messages": 300,
        "window_days": 30.0,
        "peak_minute": 5,
        "peak_hour": 20,
        "peak_day": 40,
        "recipients": 320,
        "peak_recipients_day": 50,
        "most_recipients": 3,
        "external_recipients": 0,
        "largest": 2_000_000,
    }
    return Volume(**(values | changes))


def case(one: Client | None = None, ways: tuple[Way, ...] = ALL_WAYS, **settings: Any) -> Case:
    """`one` before the rules, alone behind its mailbox."""
    one = one or client()
    product = PRODUCTS.get(one.product)
    traffic, shared = mailboxes([one]).get(one.sender, (one.volume, 1))
    return Case(one, product, PlanSettings(ways=ways, **settings), TODAY, traffic, shared, frozenset(ways), GATEWAY)


_counts = st.none() | st.integers(0, 40_000)
_volumes = st.builds(
    Volume,
    messages=st.none() | st.integers(0, 1_000_000),
    window_days=st.sampled_from([None, 0.5, 7.0, 30.0, 90.0]),
    peak_minute=st.none() | st.integers(0, 200),
    peak_hour=_counts,
    peak_day=_counts,
    recipients=_counts,
    peak_recipients_day=_counts,
    most_recipients=st.none() | st.integers(0, 2000),
    external_recipients=_counts,
    largest=st.none() | st.integers(0, 200_000_000),
)


@st.composite
def client_lists(draw: st.DrawFn, most: int = 12) -> list[Client]:
    """Clients with distinct ids, some of them behind one mailbox."""
    number = draw(st.integers(0, most))
    return [
        Client(
            f"c{index:02}",
            sender=draw(st.sampled_from(["", "a@example.com", "b@example.com", f"c{index}@example.com"])),
            addresses=draw(st.sampled_from([(), ("10.0.0.1",), ("192.0.2.9", "10.0.0.1")])),
            names=draw(st.sampled_from([(), ("RNP002673123456",)])),
            product=draw(st.sampled_from(["", "nothing-like-it", *PRODUCTS])),
            confidence=draw(st.sampled_from([0.0, 0.5, 0.9])),
            authentication=draw(st.sampled_from(list(Authentication))),
            tls=draw(st.sampled_from([(), ("1.0",), ("1.0", "1.2"), ("1.2",), ("none",)])),
            volume=draw(_volumes),
            last_seen=draw(st.none() | st.integers(0, 200).map(seen)),
            failures=draw(st.integers(0, 3)),
            switches=Switches(draw(st.none() | st.booleans()), draw(st.none() | st.booleans())),
            fate=draw(st.sampled_from(list(Fate))),
            owner=draw(st.sampled_from(["", "kim@example.com", "佐藤 花子"])),
            site=draw(st.sampled_from(["", "Osaka", "Berlin"])),
        )
        for index in range(number)
    ]


@st.composite
def plan_settings(draw: st.DrawFn) -> PlanSettings:
    return PlanSettings(
        country=draw(st.sampled_from(["", "JP", "US", "DE-BY"])),
        freeze=tuple(draw(st.sets(st.sampled_from(["2026-12-01/2026-12-04", "2026-12-24/2027-01-03", "2026-11-26"])))),
        capacity=draw(st.integers(1, 12)),
        capacities=draw(st.sampled_from([{}, {"kim@example.com": 1}])),
        margin=draw(st.integers(0, 10)),
        pilot=draw(st.integers(0, 6)),
        soak=draw(st.integers(0, 3)),
        ways=tuple(draw(st.sets(st.sampled_from(ALL_WAYS), min_size=1))),
        prefer=draw(st.sampled_from(["client", "gateway"])),
        licences=draw(st.none() | st.integers(0, 500)),
        owner=draw(st.sampled_from(["", "it@example.com"])),
    )
