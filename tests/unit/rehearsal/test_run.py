"""The days on which a plan is tried where none is named."""

from __future__ import annotations

from datetime import date

from mailferry.planner.make import make
from mailferry.planner.settings import PlanSettings
from mailferry.rehearsal.run import usual_dates
from support.plans import PRODUCTS, TODAY, client

ANNOUNCED = date(2027, 7, 1)


def test_the_day_of_the_plan_stands_in_place_of_the_schedules() -> None:
    plan = make([client()], PRODUCTS, PlanSettings(), TODAY)
    assert usual_dates(plan, TODAY) == (TODAY, date(2026, 12, 31), ANNOUNCED)
    moved = make([client()], PRODUCTS, PlanSettings(cutoff=date(2027, 3, 31)), TODAY)
    assert usual_dates(moved, TODAY) == (TODAY, date(2027, 3, 31), ANNOUNCED)
