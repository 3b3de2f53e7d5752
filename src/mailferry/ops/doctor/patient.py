"""What every check is handed: the configuration, time, tokens and the way to names.

Leaves to others: looking (the checks). Invariant: nothing here changes the gateway's state; a running gateway goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial

from mailferry.app.build import build_broker
from mailferry.clock import Clock
from mailferry.config.schema import Config, TenantSettings
from mailferry.m365.clouds import cloud
from mailferry.obs.maillog import MailLog
from mailferry.obs.metrics import Metrics
from mailferry.routes import presets
from mailferry.routes.auth import Opener
from mailferry.routes.build import build_opener
from mailferry.routes.settings import RouteSettings, TimeoutSettings
from mailferry.tokens.broker import TokenBroker
from mailferry.tokens.secret import read_secret

#: Host and port to addresses. Raises OSError.
Resolve = Callable[[str, int], Awaitable[list[str]]]


async def resolve(host: str, port: int) -> list[str]:
    """By the machine's resolver."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=1)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True)
class Patient:
    """`outside` is a mailbox that the application must not reach, "" where none was named; `send_to` who gets a test
    message by each route, "" for nobody: then no mail is sent."""

    config: Config
    environ: Mapping[str, str]
    clock: Clock
    resolve: Resolve = resolve
    outside: str = ""
    send_to: str = ""
    seconds: float = 20.0

    def broker(self) -> TokenBroker:
        """One of its own, so that a refusal the gateway remembers is asked for again."""
        return build_broker(self.config, self.environ, self.clock, MailLog(lambda *_: None, Metrics()))

    def tenant(self, route: RouteSettings) -> TenantSettings | None:
        return next((one for one in self.config.tenants if one.name == route.tenant), None)

    def cloud(self, route: RouteSettings) -> str:
        tenant = self.tenant(route)
        return tenant.cloud if tenant else "worldwide"

    def authority(self, tenant: TenantSettings) -> str:
        return tenant.authority or cloud(tenant.cloud).authority

    def opener(self, route: RouteSettings, broker: TokenBroker) -> Opener:
        """Raises OSError for a file of certificates that cannot be used."""
        return build_opener(
            route.model_copy(update={"timeouts": self.timeouts(route)}),
            hostname=self.config.gateway.hostname,
            cloud=self.cloud(route),
            tokens=broker,
            secret=partial(read_secret, environ=self.environ, owner=f"route {route.name}", what="password"),
        )

    def timeouts(self, route: RouteSettings) -> TimeoutSettings:
        """Those of the route, none of them longer than this visit waits."""
        patient = {name: min(value, self.seconds) for name, value in route.timeouts.model_dump().items()}
        return route.timeouts.model_copy(update=patient)

    def scope(self, route: RouteSettings) -> str:
        return presets.scope(route, self.cloud(route))

    def mailboxes(self, route: RouteSettings) -> list[str]:
        """The mailboxes that mail of this route would be sent from, as far as the configuration names them."""
        if route.mailbox or route.mailboxes:
            return [route.mailbox] if route.mailbox else list(route.mailboxes)
        if not route.needs_mailbox:
            return []
        tenant = self.tenant(route)
        domains = tenant.domains if tenant else ()
        named = [one.mailbox for one in self.config.clients if one.mailbox]
        named += [each for one in self.config.clients if not one.mailbox for each in one.senders]
        fit = (each for each in named if "*" not in each and each.rpartition("@")[2].lower() in domains)
        return list(dict.fromkeys(fit))
