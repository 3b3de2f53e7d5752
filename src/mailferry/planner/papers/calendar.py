"""The waves as a calendar (RFC 5545): one event of whole days for each.

Leaves to others: the waves themselves. Invariants: a wave keeps its UID from plan to plan, so that a calendar that
imports a new plan moves the event instead of doubling it; the same plan gives the same file.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from mailferry.planner.papers.view import View
from mailferry.planner.values import Item, Wave

if TYPE_CHECKING:
    from icalendar.cal import Component


_FIRST = date(2026, 1, 1)


def render(view: View) -> bytes:
    from icalendar import Calendar

    calendar = Calendar()
    calendar.add("prodid", "-//Mailferry//Plan//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", view.words["title"])
    by_wave: dict[int, list[Item]] = {}
    for item in view.busy:
        by_wave.setdefault(item.wave, []).append(item)
    for wave in view.plan.waves:
        calendar.add_component(_event(view, wave, by_wave.get(wave.number, [])))
    return bytes(calendar.to_ical())


def _event(view: View, wave: Wave, items: list[Item]) -> Component:
    from icalendar import Event

    words = view.words
    made = datetime.combine(view.plan.made, time(), UTC)
    event = Event()
    event.add("uid", f"mailferry-wave-{wave.number}@{view.plan.gateway or 'mailferry.invalid'}")
    event.add("dtstamp", made)
    event.add("sequence", max(0, (view.plan.made - _FIRST).days))  # RFC 5545 section 3.8.7.4: a later plan counts more
    event.add("last-modified", made)
    event.add("dtstart", wave.first)
    event.add("dtend", wave.last + timedelta(days=1))  # RFC 5545 section 3.6.1: the end is not included
    event.add("summary", f"Mailferry: {words['wave']} {wave.number} ({words['clients']}: {len(wave.clients):,})")
    event.add("description", "\n".join([words.text(wave.reason), "", *_owners(view, items)]))
    event.add("transp", "TRANSPARENT")
    return event


def _owners(view: View, items: list[Item]) -> list[str]:
    """Who has how many clients in a wave."""
    counts: dict[str, int] = {}
    for item in items:
        counts[item.owner] = counts.get(item.owner, 0) + 1
    return [f"{owner or view.words['nobody']}: {counts[owner]:,}" for owner in sorted(counts)]
