"""Working days, the order of work, waves, and what does not fit."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from mailferry.inventory.records import Client, Fate
from mailferry.planner.days import CountryError, WorkingDays
from mailferry.planner.make import make
from mailferry.planner.settings import PlanSettings
from mailferry.planner.values import Plan, Way
from support.plans import ALL_WAYS, PRODUCTS, TODAY, client, seen, volume


def plan(clients: list[Client], **settings: Any) -> Plan:
    return make(clients, PRODUCTS, PlanSettings(**settings), TODAY)


def days(made: Plan) -> dict[str, str]:
    return {item.client.id: f"{item.day:%m-%d}" for item in made.items if item.day}


def even(number: int, **changes: Any) -> list[Client]:
    """Clients of which none is heavier than another."""
    return [client(f"c{index:02}", **changes) for index in range(number)]


class TestDays:
    def test_weekend_holiday_freeze(self) -> None:
        calendar = WorkingDays(PlanSettings(country="JP", freeze=("2026-11-25/2026-11-26",)))
        found = calendar.between(date(2026, 11, 20), date(2026, 12, 1))
        # 23 November is Labour Thanksgiving Day
        assert [day.day for day in found] == [20, 24, 27, 30, 1]
        assert calendar.holiday(date(2026, 11, 23))

    def test_another_weekend(self) -> None:
        calendar = WorkingDays(PlanSettings(weekend=("friday", "saturday")))
        assert date(2026, 11, 27) not in calendar
        assert date(2026, 11, 29) in calendar

    def test_a_part_of_a_country(self) -> None:
        epiphany = date(2027, 1, 6)
        assert epiphany not in WorkingDays(PlanSettings(country="de-by"))
        assert epiphany in WorkingDays(PlanSettings(country="DE"))

    def test_an_unknown_country(self) -> None:
        with pytest.raises(CountryError, match="'QQ'"):
            _ = TODAY in WorkingDays(PlanSettings(country="QQ"))

    def test_the_margin(self) -> None:
        calendar = WorkingDays(PlanSettings())
        assert calendar.before(date(2026, 12, 31), 0) == date(2026, 12, 30)
        assert calendar.before(date(2026, 12, 31), 3) == date(2026, 12, 25)


class TestSettings:
    @pytest.mark.parametrize(
        "wrong",
        [
            {"freeze": ("soon",)},
            {"freeze": ("2026-12-02/2026-12-01",)},
            {"freeze": ("2026-01-01/2028-01-01",)},
            {"capacity": 0},
            {"ways": ("nothing",)},
            {"ways": ()},
            {"country": "Japan"},
            {"start": "2027-01-01", "cutoff": "2026-12-31"},
            {"weekend": ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")},
            {"unheard_of": 1},
        ],
    )
    def test_what_cannot_be_meant(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(ValidationError):
            PlanSettings.model_validate(wrong)


class TestOrder:
    def test_a_small_pilot_then_the_heaviest(self) -> None:
        clients = [*even(10), client("heavy", volume=volume(messages=9000))]
        made = plan(clients, pilot=2, soak=1, capacity=4)
        assert [wave.clients for wave in made.waves][:1] == [("c00", "c01")]
        assert days(made)["c00"] == "11-25"
        assert days(made)["heavy"] == "11-27"  # a day to watch the pilot in between
        assert made.items[2].client.id in ("c02", "heavy")

    def test_the_uncertain_and_what_is_refused_today_come_first(self) -> None:
        clients = [
            *even(4),
            client("unknown", fate=Fate.UNCERTAIN),
            client("refused", fate=Fate.BROKEN),
            client("heavy", volume=volume(messages=9000)),
        ]
        made = plan(clients, pilot=0, capacity=1)
        order = sorted(days(made), key=lambda name: days(made)[name])
        assert order[:3] == ["refused", "heavy", "unknown"]

    def test_of_a_mailbox_whose_count_is_not_divided_the_whole_counts(self) -> None:
        shared = client("shared", volume=volume(messages=None, window_days=None, mailbox_messages=9000))
        made = plan([*even(4), shared], pilot=0, capacity=1)
        assert min(days(made), key=lambda name: days(made)[name]) == "shared"

    def test_a_site_is_done_together(self) -> None:
        sites = {"c00": "Osaka", "c01": "Berlin", "c02": "Osaka", "c03": "Berlin", "c04": "Osaka"}
        clients = [client(name, site=site) for name, site in sites.items()]
        made = plan(clients, pilot=0, capacity=1)
        order = [sites[name] for name in sorted(days(made), key=lambda name: days(made)[name])]
        # the heaviest carry half of all mail: three of five alike ones come before the rest, each group by sites
        assert order == ["Berlin", "Osaka", "Osaka", "Berlin", "Osaka"]

    def test_no_pilot_among_a_few(self) -> None:
        assert plan(even(4), pilot=5).waves[0].reason.en.startswith("The heaviest")

    def test_the_pilot_takes_each_way_in_turn(self) -> None:
        clients = [*even(9), *(client(f"g{n}", product="graphic", confidence=0.9) for n in range(3))]
        made = plan(clients, pilot=2)
        ways = {item.way for item in made.items if item.wave == 1}
        assert ways == {Way.GATEWAY_SMTP, Way.OWN_GRAPH}


def test_a_wave_says_what_is_in_it() -> None:
    clients = [client(f"c{n}", site=f"site {n}", volume=volume(messages=9 - n)) for n in range(6)]
    reason = plan(clients, pilot=0).waves[0].reason
    assert reason.en == "The heaviest and the least certain; then the rest, site by site (6 sites)."
    assert reason.ja == "送信量が多いものと不確実なもの、その他（拠点ごと）（6 拠点）。"
    few = plan(clients[:2], pilot=0, capacity=4).waves[0].reason
    assert few.en.endswith("(site 0; site 1).")
    assert plan(even(1, site="")).waves[0].reason.en == "The heaviest and the least certain."


class TestPace:
    def test_not_everybody_on_one_day(self) -> None:
        clients = [client(f"c{n:02}", owner=f"o{n}@example.com") for n in range(45)]
        counts = Counter(days(plan(clients, pilot=0)).values())
        assert counts == {"11-25": 20, "11-26": 20, "11-27": 5}
        assert set(Counter(days(plan(clients, pilot=0, pace=9)).values()).values()) == {9}

    def test_a_large_organisation_begins_in_half_of_the_time(self) -> None:
        clients = [client(f"c{n:03}", owner=f"o{n}@example.com") for n in range(600)]
        made = plan(clients, pilot=0)
        assert max(item.day for item in made.items if item.day) == date(2026, 12, 10)  # the 12th of 23 working days
        assert not made.warnings

    def test_a_slow_owner_delays_nobody_else(self) -> None:
        clients = [*even(30), client("other", owner="sato@example.com", volume=volume(messages=1))]
        made = plan(clients, pilot=0, capacities={"kim@example.com": 1})
        assert days(made)["other"] == "11-26"


class TestCapacity:
    def test_owners_work_side_by_side(self) -> None:
        clients = [*even(2), *(client(f"o{n}", owner="sato@example.com") for n in range(2))]
        made = plan(clients, pilot=0, capacity=1)
        assert sorted(days(made).values()) == ["11-25", "11-25", "11-26", "11-26"]

    def test_a_visit_counts_twice_and_goes_on_the_next_day(self) -> None:
        clients = [client(f"v{n}", product="able", confidence=0.9) for n in range(3)]
        assert sorted(days(plan(clients, pilot=0, capacity=3)).values()) == ["11-25", "11-26", "11-26"]

    def test_an_owner_with_little_time(self) -> None:
        made = plan(even(3), pilot=0, capacities={"kim@example.com": 1})
        assert sorted(days(made).values()) == ["11-25", "11-26", "11-27"]

    def test_what_nobody_owns(self) -> None:
        made = plan(even(2, owner=""), owner="it@example.com")
        assert {item.owner for item in made.items} == {"it@example.com"}
        assert not made.warnings
        assert "2 clients have no owner" in plan(even(2, owner="")).warnings[-1].en

    def test_a_later_start(self) -> None:
        assert set(days(plan(even(2), start=date(2026, 12, 5))).values()) == {"12-07"}


class TestFit:
    def test_says_what_is_late_and_what_would_help(self) -> None:
        made = plan(even(60), pilot=0, capacity=1, freeze=("2026-12-14/2026-12-31",))
        texts = [text.en for text in made.warnings]
        assert made.deadline == date(2026, 12, 8)
        assert texts[0].startswith("kim@example.com: 50 of 60 clients do not fit before 2026-12-08")
        assert "capacity of 6 a day in place of 1" in texts[1]
        assert "not published how" in texts[-1]
        assert all(text.ja for text in made.warnings)

    def test_the_freeze_is_what_is_in_the_way(self) -> None:
        made = plan(even(15), pilot=0, capacity=1, freeze=("2026-12-01/2026-12-18",))
        assert any("without the freeze" in text.en for text in made.warnings)
        assert not any("without the margin" in text.en for text in made.warnings)

    def test_the_pilot_or_the_margin(self) -> None:
        early = plan(even(6), pilot=5, margin=0, capacity=1, cutoff=date(2026, 12, 3))
        assert any("without a pilot" in text.en for text in early.warnings)
        narrow = plan(even(6), pilot=0, margin=3, capacity=1, cutoff=date(2026, 12, 4))
        assert any("without the margin" in text.en for text in narrow.warnings)

    def test_too_late_for_anything(self) -> None:
        made = plan(even(2), cutoff=TODAY)
        assert "cannot even begin" in made.warnings[1].en
        assert made.items[0].day == date(2026, 11, 25)

    def test_many_owners(self) -> None:
        clients = [client(f"c{n}", owner=f"owner{n:02}") for n in range(12)]
        made = plan(clients, cutoff=TODAY)
        assert any(text.en == "2 more owners do not fit either." for text in made.warnings)


class TestShared:
    def test_azure_is_shared_out(self) -> None:
        clients = even(3, volume=volume(peak_hour=40))
        made = plan(clients, ways=(Way.GATEWAY_ACS, Way.GATEWAY_GRAPH), prefer="gateway")
        assert [item.way for item in made.items] == [Way.GATEWAY_GRAPH] * 3
        made = plan(clients, ways=(Way.GATEWAY_ACS,))
        assert sorted(item.way for item in made.items) == [Way.ASK, Way.GATEWAY_ACS, Way.GATEWAY_ACS]
        assert len(plan(clients, ways=(Way.GATEWAY_ACS,), acs_per_hour=120).items) == 3

    def test_the_tenants_limit(self) -> None:
        clients = even(5, volume=volume(external_recipients=8000, peak_recipients_day=4000))
        made = plan(clients, licences=1)
        assert (made.limits[0].published, made.limits[0].observed, made.limits[0].kept) == (10_000, 20_000, False)
        assert "20,000" in made.warnings[0].en
        assert plan(clients, licences=500).limits[0].kept is True
        assert plan(clients).limits == ()


class TestPlan:
    def test_nothing_to_do(self) -> None:
        made = plan([client(fate=Fate.CONTINUES)])
        assert (made.waves, made.warnings, made.items[0].wave, made.items[0].day) == ((), (), 0, None)
        assert plan([]).items == ()

    def test_the_same_client_twice(self) -> None:
        with pytest.raises(ValueError, match="same id"):
            plan([client(), client()])

    def test_old_exports_make_no_client_idle(self) -> None:
        made = plan([client("c1", last_seen=seen(100)), client("c2", last_seen=seen(150))], owner="x")
        assert {item.way for item in made.items} == {Way.GATEWAY_SMTP}
        assert "ends 100 days ago, on 2026-08-16" in made.warnings[0].en
        assert not plan([client(last_seen=seen(14))]).warnings

    def test_names(self) -> None:
        made = plan([client(), client("c2", sender="x@other.example"), client("c3", sender="y@other.example")])
        assert made.gateway == "mailferry.other.example"
        assert made.domains == ("other.example", "example.com")
        assert plan([]).gateway == "mailferry.example.com"

    def test_the_announced_day(self) -> None:
        assert plan([]).cutoff == date(2026, 12, 31)

    def test_the_idle_are_asked_about_last(self) -> None:
        made = plan([client("idle", last_seen=seen(80)), *even(3)], pilot=0, capacity=1, ways=ALL_WAYS)
        assert made.items[-1].client.id == "idle"
        assert made.items[-1].way is Way.RETIRE
