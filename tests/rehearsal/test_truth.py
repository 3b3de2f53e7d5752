"""The rehearsal of the sample organisation held against its own truth, client by client; and plans that must fail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

import pytest

from mailferry.clock import SystemClock
from mailferry.inventory.records import Authentication, Client, Fate
from mailferry.inventory.store import Inventory
from mailferry.planner.knowledge import products
from mailferry.planner.make import make
from mailferry.planner.settings import PlanSettings
from mailferry.planner.values import Plan, Way
from mailferry.rehearsal import run
from mailferry.rehearsal.run import rehearse
from mailferry.rehearsal.theatre import PlanRefused
from mailferry.rehearsal.values import Day, Door, Rehearsal, Row, Stage, Verdict
from mailferry.sample import truth
from mailferry.sample.run import Request, write
from support.plans import client, volume

pytestmark = pytest.mark.timeout(180)

TODAY, BEFORE, AFTER = date(2026, 11, 24), date(2026, 11, 24), date(2027, 1, 1)
DOMAIN = "example.com"


class Sample(NamedTuple):
    truth: dict[str, Any]
    clients: tuple[Client, ...]
    plan: Plan
    rehearsal: Rehearsal


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    place = tmp_path_factory.mktemp("sample")
    write(place / "organisation", Request(50, 1, variants=False))
    with Inventory(place / "state", SystemClock()) as inventory:
        inventory.import_paths([place / "organisation" / "exports"])
        clients, domains = inventory.clients(), tuple(sorted(inventory.domains()))
    plan = make(clients, products(), PlanSettings(domains=domains), TODAY)
    known = truth.read(place / "organisation" / "truth.json")
    return Sample(known, clients, plan, played(plan, BEFORE, AFTER))


def played(plan: Plan, *dates: date) -> Rehearsal:
    return rehearse(plan, plan.domains, dates, datetime(2026, 11, 24, 9, tzinfo=UTC), "digest")


def of(plan: Plan, at: date = AFTER) -> Day:
    return played(plan, at).days[0]


def pairs(sample: Sample, day: Day) -> Iterator[tuple[dict[str, Any], Row]]:
    """What is true of a client, and its row: by mailbox, or by the address of what does not sign in, or its name."""
    clients = {one.id: one for one in sample.clients}
    rows = [(clients[row.client], row) for row in day.rows]
    for known in sample.truth["clients"]:
        same = [
            (found, row)
            for found, row in rows
            if (found.sender == known["mailbox"] if known["mailbox"] else known["from"] in found.senders)
        ]
        here = [row for found, row in same if len(same) == 1 or known["host"] in found.names]
        assert len(here) == 1, known
        yield known, here[0]


class TestAgainstTheTruth:
    def test_fate(self, sample: Sample) -> None:
        """Whoever breaks by the truth works before the day and is refused after it; whoever is refused today is refused
        on both; whoever goes on, goes on."""
        before, after = sample.rehearsal.days
        wrong = []
        for (known, early), (_, late) in zip(pairs(sample, before), pairs(sample, after), strict=True):
            if early.today is None or late.today is None:
                assert known["via"] == "postfix", known
                continue
            wanted = {"breaks": (True, False), "broken": (False, False), "continues": (True, True)}[known["fate"]]
            if (early.today.good, late.today.good) != wanted:
                wrong.append((known["name"], known["fate"], early.today.reply, late.today.reply))
        assert not wrong

    def test_ways(self, sample: Sample) -> None:
        """The planned way is one of those that are acceptable, and it delivers, once and identical."""
        wrong = []
        for known, row in pairs(sample, sample.rehearsal.days[1]):
            acceptable = {*known["ways"], "ask"} if "over-recipient-rate" in known["findings"] else set(known["ways"])
            # Nobody can tell a program that is refused and never seen from one that is forgotten.
            if row.way.value not in acceptable:
                wrong.append((known["name"], row.way.value, known["ways"]))
            if row.planned is not None and not row.planned.good:
                wrong.append((known["name"], row.planned.reply, ""))
        assert not wrong

    def test_whole(self, sample: Sample) -> None:
        for day in sample.rehearsal.days:
            assert day.holds
            assert day.account.accepted == day.account.delivered > 100
            assert sorted(row.client for row in day.rows) == sorted(one.id for one in sample.clients)

    def test_the_busiest_minute_is_paced(self, sample: Sample) -> None:
        (busy,) = [row for row in sample.rehearsal.days[1].rows if row.planned and row.planned.held]
        assert busy.name.startswith("erp-order")
        assert busy.planned is not None
        assert busy.planned.copies == busy.planned.expected > 30
        assert busy.planned.held >= 60

    def test_replies_have_their_meaning(self, sample: Sample) -> None:
        for row in sample.rehearsal.days[1].rows:
            if row.today is not None and not row.today.good:
                assert row.cause.en and row.cause.ja and row.cure.en and row.cure.ja, row


def plan_of(*clients: Client, **settings: Any) -> Plan:
    return make(clients, {}, PlanSettings(domains=(DOMAIN,), **settings), TODAY)


class TestEveryWay:
    """Each way out of the plan, by the real gateway or by the client itself."""

    @pytest.mark.parametrize(
        ("way", "door"),
        [
            (Way.GATEWAY_SMTP, Door.GATEWAY),
            (Way.GATEWAY_GRAPH, Door.GATEWAY),
            (Way.GATEWAY_HVE, Door.GATEWAY),
            (Way.GATEWAY_ACS, Door.GATEWAY),
            (Way.GATEWAY_ONPREM, Door.GATEWAY),
            (Way.CONNECTOR, Door.CONNECTOR),
            (Way.DIRECT_SEND, Door.MX),
        ],
    )
    def test_delivers(self, way: Way, door: Door) -> None:
        day = of(plan_of(client(), ways=(way,)))
        (row,) = day.rows
        assert (row.way, row.verdict) == (way, Verdict.PLAN_WORKS), row
        assert row.planned is not None and row.planned.door is door
        assert (row.planned.copies, row.planned.expected, row.planned.intact) == (3, 3, True)
        assert day.holds

    @pytest.mark.parametrize(("way", "door"), [(Way.OWN_OAUTH, Door.SUBMISSION), (Way.OWN_GRAPH, Door.GRAPH)])
    def test_by_itself(self, way: Way, door: Door) -> None:
        made = plan_of(client(authentication=Authentication.MIXED))
        made = replace(made, items=tuple(replace(item, way=way) for item in made.items))
        (row,) = of(made).rows
        assert row.verdict is Verdict.PLAN_WORKS, row
        assert row.planned is not None and row.planned.door is door
        assert row.today is not None and row.today.reply.startswith("550 5.7.30")

    def test_old_devices_have_their_listener(self) -> None:
        (row,) = of(plan_of(client(tls=("1.0",)))).rows
        if row.verdict is Verdict.NOT_PLAYED:
            pytest.skip("this OpenSSL has no TLS 1.0")
        assert row.planned is not None
        assert (row.planned.door, row.verdict) == (Door.GATEWAY_OLD, Verdict.PLAN_WORKS)

    def test_who_does_not_sign_in(self) -> None:
        anonymous = client(
            sender="", senders=(f"ups@{DOMAIN}",), authentication=Authentication.ANONYMOUS, sources=("receive",)
        )
        (row,) = of(plan_of(replace(anonymous, fate=Fate.CONTINUES))).rows
        assert row.verdict is Verdict.WORKS
        assert row.today is not None and row.today.door is Door.ONPREM


def test_processes_share_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each client once, whoever plays it; those of one mailbox together; progress reaches the end."""
    monkeypatch.setattr(run, "_MANY", 1)
    made = plan_of(*(client(f"c{n}", sender=f"box{n // 2}@{DOMAIN}") for n in range(8)))
    told: list[tuple[int, int]] = []
    now = datetime(2026, 11, 24, 9, tzinfo=UTC)
    found = rehearse(made, (DOMAIN,), [AFTER], now, "d", lambda done, total: told.append((done, total)), processes=2)
    alone = of(made)
    assert {(row.client, row.verdict) for row in found.days[0].rows} == {(r.client, r.verdict) for r in alone.rows}
    assert len(found.days[0].rows) == 8
    assert found.days[0].account == alone.account
    assert told[-1] == (16, 16)


def test_the_day_is_the_one_of_the_plan() -> None:
    """A plan that was made for another day than the schedule's is proven against that day."""
    march = date(2027, 3, 31)
    days = played(replace(plan_of(client()), cutoff=march), AFTER, march).days
    sends = [row.today is not None and row.today.good for day in days for row in day.rows]
    assert sends == [True, False]


class TestPlansThatFail:
    """A rehearsal that finds nothing is worth nothing."""

    def test_another_sender_than_the_mailbox(self) -> None:
        """The tenant let it send as another; the planned client of the gateway may not."""
        day = of(plan_of(client(senders=("c1@example.com", "warehouse@example.com"))))
        (row,) = day.rows
        assert row.planned is not None
        assert (row.verdict, row.planned.stage) == (Verdict.PLAN_FAILS, Stage.MAIL)
        assert row.planned.reply == "550 5.7.1 This client may not send from that address"
        assert "gateway.toml" in row.cure.en
        assert not day.holds

    def test_a_configuration_that_its_own_check_refuses(self) -> None:
        made = plan_of(client(volume=volume(external_recipients=0)), ways=(Way.GATEWAY_HVE,))
        outside = replace(made.items[0].client, volume=volume(external_recipients=300))
        with pytest.raises(PlanRefused, match=r"gateway.toml:\d+: error: .*may send outside"):
            of(replace(made, items=tuple(replace(item, client=outside) for item in made.items)))

    def test_nothing_is_planned_and_it_breaks(self) -> None:
        made = plan_of(client())
        made = replace(made, items=tuple(replace(item, way=Way.NOTHING) for item in made.items))
        (row,) = of(made).rows
        assert row.verdict is Verdict.BREAKS
        (early,) = of(made, BEFORE).rows
        assert early.verdict is Verdict.WORKS
