"""Quotas that clients share: what fits for one need not fit for all of them.

Leaves to others: judging one client (rules). Invariant: the traffic that the plan sends by Azure Communication Services
is never knowingly more than the subscription's quota, and who is turned away does not depend on the order of clients.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mailferry.inventory.records import Volume
from mailferry.m365.limits import azure_communication
from mailferry.planner.case import Case
from mailferry.planner.decide import Decision
from mailferry.planner.limits import tenant
from mailferry.planner.settings import PlanSettings
from mailferry.planner.values import LimitCheck, Way


def turned_away(decided: Iterable[tuple[Case, Decision]], settings: PlanSettings) -> frozenset[str]:
    """Mailboxes (or clients without one) for which the shared quota of Azure has no room left; the smallest get it."""
    volumes: dict[str, Volume] = {}
    for case, decision in decided:
        if decision.fits.way is Way.GATEWAY_ACS:
            volumes[case.client.sender or case.client.id] = case.mailbox
    hour = settings.acs_per_hour or azure_communication().messages_per_hour.value
    hourly, daily, away = 0, 0, set()
    for key, volume in sorted(
        volumes.items(), key=lambda pair: (pair[1].peak_hour or 0, pair[1].peak_day or 0, pair[0])
    ):
        if hourly + (volume.peak_hour or 0) > hour or daily + (volume.peak_day or 0) > 24 * hour:
            away.add(key)
            continue
        hourly, daily = hourly + (volume.peak_hour or 0), daily + (volume.peak_day or 0)
    return frozenset(away)


def tenant_check(decided: Sequence[tuple[Case, Decision]], licences: int) -> LimitCheck:
    """External recipients in a day of everything that leaves by the tenant, against its limit (TERRL)."""
    peaks = [
        _external_day(case.client.volume) for case, decision in decided if decision.fits.way is not Way.GATEWAY_ACS
    ]
    known = [peak for peak in peaks if peak is not None]
    return tenant(sum(known) if known else None, licences)


def _external_day(volume: Volume) -> int | None:
    """At most so many recipients outside in one day."""
    if volume.external_recipients is None:
        return None
    day = [value for value in (volume.peak_recipients_day, volume.peak_day) if value is not None]
    return min(volume.external_recipients, max(day)) if day else volume.external_recipients
