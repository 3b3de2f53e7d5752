"""Outside recipients of a tenant: counted against its limit (TERRL), paced before it is met, and held back as one while
the service refuses them. Mail to the inside goes on.

Leaves to others: how many may go (quota), when a refusal is over (closure), holding back (outward), the figures
(m365.limits), the words (external_texts). Invariants: what others send from the tenant is not known, so that the
forecast is the least that is to be expected; one report, which anybody may have written, stops nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mailferry.clock import Clock
from mailferry.delivery.alarms import Alarms
from mailferry.delivery.budget import DAY
from mailferry.delivery.external_texts import (
    CLOSED_CURE,
    NEAR_CURE,
    closed_key,
    closed_text,
    near_key,
    near_text,
)
from mailferry.delivery.outward import OWN, Allowance, Outward, Tenant
from mailferry.delivery.quota import Forecast
from mailferry.mail.address import domain_of
from mailferry.obs.metrics import Metrics
from mailferry.routes.api import Transport, Transports, route_of
from mailferry.spool.api import Filter, Spool, State

#: Learn, "non-delivery reports in Exchange Online": trial tenant, tenant, onmicrosoft.com address over its limit.
_REFUSED = ("5.7.232", "5.7.233", "5.7.236")


class External:
    """Every tenant. `routes`: route -> tenant; `internal`: the domains that do not count."""

    def __init__(
        self, tenants: Mapping[str, Allowance], routes: Mapping[str, str], internal: Iterable[str], clock: Clock,
        metrics: Metrics,
    ) -> None:  # fmt: skip
        self._tenants = {name: Tenant(name, allowance) for name, allowance in tenants.items()}
        self._routes = {route: self._tenants[name] for route, name in routes.items() if name in self._tenants}
        self._internal = frozenset(internal)
        self._clock = clock
        self._metrics = metrics

    def counted(self, transports: Transports) -> dict[str, Transport]:
        """The same transports; those of a tenant keep to what it may send outside."""
        return {
            name: Outward(transport, self._routes[name], self._internal, self._clock)
            if name in self._routes
            else transport
            for name, transport in transports.items()
        }

    async def learn(self, spool: Spool, alarms: Alarms) -> None:
        """Take over what earlier runs sent in the last day, by the time it came, for nobody kept when it left; and what
        they found refused."""
        now, after = self._clock.time(), None
        for name, known in self._tenants.items():
            if closed_key(name) in alarms.standing:
                known.closure.restore(alarms.since.get(closed_key(name), now), now)
        if not self._routes:
            return
        all_count = any(tenant.quota.limit for tenant in self._routes.values())
        lane = None if all_count else f"*{OWN}"  # those have a limit whatever is said of the tenant
        which = Filter(states=frozenset({State.DELIVERED, State.UNKNOWN}), newer_than=now - DAY, lane=lane)
        while views := await spool.find(which, 500, after):
            after = views[-1].message.id
            for view in views:
                for each in view.recipients:
                    tenant = self._routes.get(route_of(each.lane))
                    outside = domain_of(each.address) not in self._internal
                    if tenant is not None and outside and each.state in which.states:
                        own = each.lane.lower().endswith(OWN)
                        tenant.quota.add(view.message.received_at, 1, now, own=own)

    def returned(self, lane: str, address: str, said: str, sent: float) -> None:
        """A report in a sending mailbox says that `address` was refused with `said` after it was handed over."""
        tenant = self._routes.get(route_of(lane))
        if tenant is not None and any(status in said for status in _REFUSED):
            tenant.told(self._clock.time(), sent, domain_of(address))

    def forecasts(self) -> list[Forecast]:
        now = self._clock.time()
        return [tenant.quota.forecast(now) for tenant in self._tenants.values()]

    def closed(self) -> list[str]:
        """A line for each tenant whose outside recipients are held back."""
        now = self._clock.time()
        closed = {name: tenant.closure.since for name, tenant in self._tenants.items() if tenant.closure.blocks(now)}
        return [closed_text(name, since or now).en for name, since in closed.items()]

    def look(self, alarms: Alarms) -> None:
        """Tell the metrics, warn while a limit is near, and raise the alarm while mail is held back."""
        now = self._clock.time()
        for name, tenant in self._tenants.items():
            tenant.closure.blocks(now)  # it may be open again by now
            forecast, since = tenant.quota.forecast(now), tenant.closure.since
            if forecast.limit:
                self._metrics.external_recipients.labels(name).set(forecast.used)
                self._metrics.external_limit.labels(name).set(forecast.limit)
            self._metrics.external_held.labels(name).set(since is not None)
            if since is not None:
                alarms.sound(closed_key(name), closed_text(name, since), CLOSED_CURE)
            else:
                alarms.clear(closed_key(name))
            if forecast.near(now):
                alarms.sound(near_key(name), near_text(forecast), NEAR_CURE)
            else:
                alarms.clear(near_key(name))
