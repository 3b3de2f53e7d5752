"""The managed suppression list of Azure Communication Services, which its SMTP and its REST interface share.

Leaves to others: what is said about it (acs_smtp, acs_rest). Invariant: each hard bounce keeps the recipient there for
longer (V sender-reputation-managed-suppression-list.md: 24 h, 48 h, 96 h, 7 days, at most 14).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from mailferry.sandbox.world import World

_STEPS = (timedelta(days=1), timedelta(days=2), timedelta(days=4), timedelta(days=7), timedelta(days=14))


def is_suppressed(world: World, path: str) -> bool:
    entry = world.tenant.communication.suppressed.get(path.lower())
    return entry is not None and world.clock.now() < entry.until


def bounced(world: World, path: str) -> datetime:
    """A hard bounce; until when the recipient is suppressed for it."""
    before = world.tenant.communication.suppressed.get(path.lower())
    times = before.times + 1 if before is not None else 1
    until = world.clock.now() + _STEPS[min(times, len(_STEPS)) - 1]
    entry = {"until": until.isoformat(), "times": times}
    world.patch({"tenant": {"communication": {"suppressed": {path.lower(): entry}}}})
    return until
