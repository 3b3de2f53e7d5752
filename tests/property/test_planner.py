"""The plan, whatever the inventory: nobody is forgotten, no day off is taken, no published limit is exceeded."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mailferry.inventory.records import Client, Fate
from mailferry.m365.limits import azure_communication
from mailferry.planner.days import WorkingDays
from mailferry.planner.make import make
from mailferry.planner.order import POINTS
from mailferry.planner.settings import PlanSettings
from mailferry.planner.store import dump, parse
from mailferry.planner.values import Plan, Way
from support.plans import PRODUCTS, TODAY, client_lists, plan_settings


@given(client_lists(), plan_settings())
def test_a_plan_is_sound(clients: list[Client], settings: PlanSettings) -> None:
    plan = make(clients, PRODUCTS, settings, TODAY)
    every_client_once(plan, clients)
    nothing_that_breaks_is_left_alone(plan, settings)
    days_are_working_days(plan, settings)
    waves_are_their_clients(plan)
    capacity_is_kept(plan, settings)
    published_limits_are_not_knowingly_exceeded(plan)
    assert parse(dump(plan)) == plan


def every_client_once(plan: Plan, clients: list[Client]) -> None:
    assert Counter(item.client.id for item in plan.items) == Counter(client.id for client in clients)
    busy = [item.client.id for item in plan.items if item.way is not Way.NOTHING]
    assert Counter(name for wave in plan.waves for name in wave.clients) == Counter(busy)
    for item in plan.items:
        assert (item.wave == 0) == (item.day is None) == (item.way is Way.NOTHING)
        assert item.reason.en and item.reason.ja and item.source
        assert item.way is Way.NOTHING or item.steps


def nothing_that_breaks_is_left_alone(plan: Plan, settings: PlanSettings) -> None:
    for item in plan.items:
        assert (item.way is Way.NOTHING) == (item.client.fate is Fate.CONTINUES)
        assert item.way in {*settings.ways, Way.NOTHING, Way.RETIRE, Way.ASK}


def days_are_working_days(plan: Plan, settings: PlanSettings) -> None:
    calendar = WorkingDays(settings)
    for item in plan.items:
        if item.day is not None:
            assert item.day > TODAY
            assert item.day.weekday() < 5
            assert not any(first <= item.day <= last for first, last in settings.freezes)
            assert not calendar.holiday(item.day)


def waves_are_their_clients(plan: Plan) -> None:
    for number, wave in enumerate(plan.waves, 1):
        days = [item.day for item in plan.items if item.wave == number and item.day]
        assert (wave.number, wave.first, wave.last) == (number, min(days), max(days))


def capacity_is_kept(plan: Plan, settings: PlanSettings) -> None:
    calendar = WorkingDays(settings)
    for owner in {item.owner for item in plan.items}:
        capacity = settings.capacity_of(owner)
        mine = [item for item in plan.items if item.owner == owner and item.day is not None]
        assert all(count <= capacity for count in Counter(item.day for item in mine).values())
        for day in {item.day for item in mine if item.day}:
            done = sum(POINTS[item.effort] for item in mine if item.day and item.day <= day)
            assert done <= capacity * len(calendar.between(TODAY + timedelta(days=1), day))


def published_limits_are_not_knowingly_exceeded(plan: Plan) -> None:
    for item in plan.items:
        if item.way is not Way.ASK:
            assert all(check.kept is not False for check in item.limits)
        if item.way in (Way.GATEWAY_HVE, Way.DIRECT_SEND):
            assert item.client.volume.external_recipients == 0
    by_azure = [item.client.volume.peak_hour or 0 for item in plan.items if item.way is Way.GATEWAY_ACS]
    assert sum(by_azure) <= azure_communication().messages_per_hour.value


@given(client_lists(), plan_settings(), st.integers(1, 5))
def test_more_capacity_is_never_later(clients: list[Client], settings: PlanSettings, more: int) -> None:
    larger = settings.model_copy(
        update={
            "capacity": settings.capacity + more,
            "capacities": {owner: number + more for owner, number in settings.capacities.items()},
        }
    )
    before = {item.client.id: item.day for item in make(clients, PRODUCTS, settings, TODAY).items}
    for item in make(clients, PRODUCTS, larger, TODAY).items:
        day = before[item.client.id]
        assert item.day == day or (item.day is not None and day is not None and item.day < day)


@given(client_lists(), plan_settings(), st.randoms(use_true_random=False))
def test_the_order_of_clients_does_not_matter(
    clients: list[Client], settings: PlanSettings, shuffle: random.Random
) -> None:
    plan = make(clients, PRODUCTS, settings, TODAY)
    other = list(clients)
    shuffle.shuffle(other)
    assert make(other, PRODUCTS, settings, TODAY) == plan


@given(client_lists(), plan_settings())
def test_a_named_cure_cures(clients: list[Client], settings: PlanSettings) -> None:
    """With the capacity that a warning names for an owner, nothing of that owner's is late any more."""
    settings = settings.model_copy(update={"capacity": 1, "capacities": {}, "margin": 10})
    plan = make(clients, PRODUCTS, settings, TODAY)
    texts = [text.en for text in plan.warnings]
    for line, cure in pairwise(texts):
        if " do not fit before " in line and "a capacity of " in cure:
            owner = "" if line.startswith("Clients without") else line.split(":")[0]
            needed = int(cure.split("a capacity of ")[1].split()[0])
            cured = settings.model_copy(update={"capacities": {owner: needed}})
            after = make(clients, PRODUCTS, cured, TODAY)
            assert plan.deadline is not None
            assert all(item.day is None or item.day <= plan.deadline for item in after.items if item.owner == owner)
