"""The reason that several rules share: a published limit that was exceeded.

Leaves to others: which limits bind a way (limits). Invariant: names both figures.
"""

from __future__ import annotations

from mailferry.m365.facts import Text
from mailferry.planner.limits import NAMES, figure
from mailferry.planner.values import LimitCheck


def overrun(check: LimitCheck) -> Text:
    name, observed = NAMES[check.limit], figure(check, check.observed or 0)
    published = figure(check, check.published)
    return Text(
        f"Limit exceeded: {name.en} reached {observed}; {published} are allowed.",
        f"制限超過: {name.ja}が {observed} に達しました（上限 {published}）。",
    )
