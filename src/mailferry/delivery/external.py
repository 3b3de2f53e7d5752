"""Outside recipients of a tenant in the last 24 hours, against the tenant's limit (TERRL): told before it is hit.

Leaves to others: the limit's formula (m365.limits), refusals when it is hit (m365 errors, classify), alarms (alarms).
Invariant: what Microsoft may have counted of ours is counted here; what others send from the tenant is not known, so
that the forecast is the least that is to be expected.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mailferry.clock import Clock, utc
from mailferry.delivery.alarms import Alarms
from mailferry.delivery.budget import DAY, HOUR, MINUTE
from mailferry.m365.facts import Text
from mailferry.mail.address import domain_of
from mailferry.mail.body import Body
from mailferry.mail.envelope import Recipient
from mailferry.mail.message import Message
from mailferry.mail.outcome import Delivered, Unknown
from mailferry.obs.metrics import Metrics
from mailferry.routes.api import Limits, Result, Transport, Transports, route_of
from mailferry.routes.window import Window
from mailferry.spool.api import Filter, Spool, State

#: The part of the limit from which on it is told, and the time before the limit at the pace of the last hour.
_SHARE, _AHEAD = 0.8, 4 * HOUR
_CURE = Text(
    "Send bulk mail by another route (Azure Communication Services, High Volume Email for internal mail), spread it "
    "over days, or add licences; EAC, Reports, Mail flow, Tenant Outbound External Recipients has Microsoft's count.",
    "大量送信を別の経路（Azure Communication Services、内部宛てなら High Volume Email）に移すか、日を分けるか、"
    "ライセンスを追加してください。Microsoft 側の集計は EAC の［レポート］＞［メール フロー］で確認できます。",
)


@dataclass(frozen=True, slots=True)
class Forecast:
    """`used` in the last 24 hours of `limit`; `full` when the limit is met at the pace of the last hour, None: not."""

    tenant: str
    used: int
    limit: int
    full: float | None

    def near(self, now: float) -> bool:
        return self.used >= self.limit * _SHARE or (self.full is not None and self.full - now <= _AHEAD)


class Tenant:
    """One tenant's count."""

    def __init__(self, name: str, limit: int) -> None:
        self.name = name
        self.limit = limit
        self._day = Window(limit, DAY, MINUTE)
        self._hour = Window(limit, HOUR, MINUTE)

    def add(self, at: float, recipients: int, now: float) -> None:
        if at > now - DAY:
            self._day.add(at, recipients)
        if at > now - HOUR:
            self._hour.add(at, recipients)

    def forecast(self, now: float) -> Forecast:
        used, lately = self.limit - self._day.free(now), self.limit - self._hour.free(now)
        left = max(0, self.limit - used)
        full = now + left / lately * HOUR if lately else None
        return Forecast(self.name, used, self.limit, full if full is not None and full - now < DAY else None)


class External:
    """The tenants with a known limit. `routes`: route -> tenant; `internal`: the domains that do not count."""

    def __init__(
        self, limits: Mapping[str, int], routes: Mapping[str, str], internal: Iterable[str], clock: Clock,
        metrics: Metrics,
    ) -> None:  # fmt: skip
        self._tenants = {name: Tenant(name, limit) for name, limit in limits.items()}
        self._routes = {route: self._tenants[name] for route, name in routes.items() if name in self._tenants}
        self._internal = frozenset(internal)
        self._clock = clock
        self._metrics = metrics

    def counted(self, transports: Transports) -> dict[str, Transport]:
        """The same transports; those of a tenant with a limit count what they send."""
        return {
            name: Counted(transport, self, self._routes[name]) if name in self._routes else transport
            for name, transport in transports.items()
        }

    def outside(self, addresses: Iterable[str]) -> int:
        return sum(domain_of(address) not in self._internal for address in addresses)

    def sent(self, tenant: Tenant, addresses: Sequence[str]) -> None:
        now = self._clock.time()
        tenant.add(now, self.outside(addresses), now)

    async def learn(self, spool: Spool) -> None:
        """Count what earlier runs sent in the last day, by the time it came: nobody kept when it left."""
        if not self._routes:
            return
        now, after = self._clock.time(), None
        which = Filter(states=frozenset({State.DELIVERED, State.UNKNOWN}), newer_than=now - DAY)
        while views := await spool.find(which, 500, after):
            after = views[-1].message.id
            for view in views:
                for each in view.recipients:
                    tenant = self._routes.get(route_of(each.lane))
                    if tenant is not None and each.state in which.states:
                        tenant.add(view.message.received_at, self.outside([each.address]), now)

    def forecasts(self) -> list[Forecast]:
        now = self._clock.time()
        return [tenant.forecast(now) for tenant in self._tenants.values()]

    def look(self, alarms: Alarms) -> None:
        """Tell the metrics, and warn while a limit is near."""
        now = self._clock.time()
        for each in self.forecasts():
            self._metrics.external_recipients.labels(each.tenant).set(each.used)
            self._metrics.external_limit.labels(each.tenant).set(each.limit)
            if each.near(now):
                alarms.sound(f"queue:external recipients of {each.tenant}", _text(each), _CURE)
            else:
                alarms.clear(f"queue:external recipients of {each.tenant}")


def _text(each: Forecast) -> Text:
    when = f"; at the pace of the last hour it is met at {utc(each.full):%Y-%m-%d %H:%M} UTC" if each.full else ""
    then = f"。直近 1 時間のペースでは {utc(each.full):%Y-%m-%d %H:%M} UTC に上限に達します" if each.full else ""
    return Text(
        f"Tenant {each.tenant}: {each.used:,} outside recipients in 24 hours of {each.limit:,} that it may have{when}.",
        f"テナント {each.tenant}: 24 時間の外部宛て受信者は上限 {each.limit:,} 件のうち {each.used:,} 件です{then}。",
    )


class Counted:
    """A transport whose outside recipients count against its tenant."""

    def __init__(self, transport: Transport, external: External, tenant: Tenant) -> None:
        self._transport = transport
        self._external = external
        self._tenant = tenant

    @property
    def limits(self) -> Limits:
        return self._transport.limits

    async def deliver(self, message: Message, body: Body, recipients: Sequence[Recipient]) -> Result:
        result = await self._transport.deliver(message, body, recipients)
        pairs = zip(recipients, result.outcomes, strict=False)
        self._external.sent(
            self._tenant, [to.address for to, outcome in pairs if isinstance(outcome, Delivered | Unknown)]
        )
        return result

    async def close(self) -> None:
        await self._transport.close()
