"""The counters behind Graph's published limits (V concepts/throttling-limits.md, Outlook and identity reports).

Leaves to others: which limits hold (settings) and what is answered (graph). Invariant: a request in flight is counted
until it ends, however it ends; refused requests count against the request rate (V concepts/throttling.md: "all requests
accrue against your usage limits").
"""

from __future__ import annotations

from mailferry.sandbox.settings import Behaviour
from mailferry.sandbox.throttle import Window

_TEN_MINUTES = 600.0
_FIVE_MINUTES = 300.0
_TEN_SECONDS = 10.0


class Pace(Window):
    """A window that knows when its oldest entry leaves it."""

    __slots__ = ()

    def frees(self, now: float) -> float:
        """Seconds until something is free again, at least one."""
        self.total(now)
        return max(1.0, self._entries[0][0] + self._span - now) if self._entries else 1.0


class GraphThrottles:
    """Keys are an application id and a mailbox address."""

    def __init__(self) -> None:
        self._flying: dict[tuple[str, str], int] = {}
        self._requests: dict[tuple[str, str], Pace] = {}
        self._uploads: dict[tuple[str, str], Pace] = {}
        self._reports: dict[str, Pace] = {}

    def clear(self) -> None:
        """Empty the windows; what is in flight stays counted."""
        self._requests.clear()
        self._uploads.clear()
        self._reports.clear()

    def flying(self, app: str, mailbox: str) -> int:
        return self._flying.get((app, mailbox), 0)

    def enter(self, app: str, mailbox: str, behaviour: Behaviour) -> bool:
        """Count a request in; False, and nothing counted, when there are too many at once."""
        key = (app, mailbox)
        limit = behaviour.graph_concurrency
        same_app = behaviour.graph_concurrency_scope == "application"
        busy = sum(n for (a, _), n in self._flying.items() if a == app) if same_app else self._flying.get(key, 0)
        if limit and busy >= limit:
            return False
        self._flying[key] = self._flying.get(key, 0) + 1
        return True

    def leave(self, app: str, mailbox: str) -> None:
        key = (app, mailbox)
        self._flying[key] -= 1
        if not self._flying[key]:
            del self._flying[key]

    def request(self, app: str, mailbox: str, now: float, limit: int) -> float:
        """Count one request; 0, or the seconds to wait."""
        return _take(self._requests.setdefault((app, mailbox), Pace(_TEN_MINUTES)), now, 1, limit, always=True)

    def upload(self, app: str, mailbox: str, now: float, octets: int, limit: int) -> float:
        """Count octets of POST, PATCH or PUT; 0, or the seconds to wait, and then nothing is counted."""
        return _take(self._uploads.setdefault((app, mailbox), Pace(_FIVE_MINUTES)), now, octets, limit, always=False)

    def report(self, app: str, now: float, limit: int) -> float:
        """Count a request to the sign-in log."""
        return _take(self._reports.setdefault(app, Pace(_TEN_SECONDS)), now, 1, limit, always=False)


def _take(pace: Pace, now: float, amount: int, limit: int, *, always: bool) -> float:
    if not limit:
        return 0.0
    full = pace.total(now) + amount > limit
    if always or not full:
        pace.add(now, amount)
    return pace.frees(now) if full else 0.0
