"""The running gateway: its parts started in order, drained in order, reloaded while mail flows.

Leaves to others: making the parts (build), signals (cli.serve).
Invariants: mail is taken only while the spool is open; at the end listeners stop first, then delivery, then the
spool, so that nothing that was answered 250 is left outside it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from mailferry.alarms.api import Severity
from mailferry.alarms.words import one_line
from mailferry.app import build
from mailferry.app.alarms import build_hub
from mailferry.app.endpoint import Endpoint
from mailferry.app.enrolment import build_enrolment
from mailferry.app.housekeeping import Housekeeping
from mailferry.app.ways import Ways
from mailferry.clock import Clock
from mailferry.config.schema import Config
from mailferry.listener.guard import Guard
from mailferry.listener.server import ListenerServer
from mailferry.listener.settings import parse_address
from mailferry.listener.tls import Contexts
from mailferry.mail.message import Message
from mailferry.obs.maillog import MailLog

#: Seconds that sessions, then attempts under way, get to end by themselves.
DRAIN = 20.0
#: Standing alarms that /healthz names at most.
_SHOWN = 20


class Gateway:
    """One gateway of one configuration. `environ` holds secrets that the configuration names."""

    def __init__(self, config: Config, clock: Clock, log: MailLog, environ: Mapping[str, str]) -> None:
        self.config = config
        self._clock = clock
        self._log = log
        self._environ = environ
        checkpoint = build.crash_point(environ)
        self.spool = build.build_spool(config, clock, serve=True, checkpoint=checkpoint)
        self.alarms = build_hub(config, environ, clock, log)
        self.broker = build.build_broker(config, environ, clock, log, self.alarms)
        self._table = build.build_table(config)
        quotas = build.build_quotas(config, clock)
        self._transports = build.build_transports(config, environ, self.broker, log, clock, quotas)
        self._finders = build.build_finders(config, self.broker, quotas, self._transports)
        self._inboxes = build.build_inboxes(config, self.broker, quotas)
        self._owners = _owners(config)
        self._clients_of = config  # whose clients are at work: a reload changes them alone
        self._guard = Guard(config.guard, clock, log)
        self._contexts = Contexts(config.listeners, config.tls, config.gateway.state, config.gateway.hostname, clock)
        self._enrolment = build_enrolment(config, clock, log, self.alarms)
        if self._enrolment is not None:
            self._enrolment.refresh()
            self._enrolment.changed = self._enrolled
        site = build.build_site(config, self.spool, self._table, log, clock, self._guard, self._enrolment)
        self.listeners = ListenerServer(config.listeners, site, self._contexts)
        self._external = build.build_external(config, clock, log)
        self.scheduler = build.build_scheduler(
            config, self.spool, self._transports, self._table, log, clock, checkpoint, self.bounce_to, self.alarms,
            self._ways, self._finders, self._inboxes, self._external,
        )  # fmt: skip
        directory, keep = build.spool_directory(config), config.spool.keep_history
        self._chores = Housekeeping(
            self.spool, directory, keep, self._contexts, clock, log, self.alarms, self._look_around
        )  # fmt: skip
        self.endpoint: Endpoint | None = None
        if config.metrics.address:
            host, port = parse_address(config.metrics.address)
            self.endpoint = Endpoint(host or "127.0.0.1", port, log.metrics, self.trouble, self.troubles)

    async def start(self) -> None:
        """Open the spool, route what waits by the present rules, deliver, then listen. Raises SpoolError, TlsError and
        OSError; then everything that was started is stopped again."""
        await self.spool.open()
        if (strays := self.spool.strays)[0]:
            cure = "an older database, put back, has forgotten this mail; or a kill cut it off while it came"
            self._log.trouble("bodies of no known message set aside", files=strays[0], directory=strays[1], cause=cure)
        try:
            self.alarms.start()
            await self.spool.reroute(self._ways().at_start)
            self.broker.start()
            await self.scheduler.start()
            if self.endpoint is not None:
                await self.endpoint.start()
            await self.listeners.start()
            self._chores.start()
        except BaseException:
            await self.stop(0.0)
            raise
        self._log.note("started", hostname=self.config.gateway.hostname)

    async def stop(self, seconds: float = DRAIN) -> None:
        """Drain: first no new sessions, then no new attempts; what has not ended after `seconds` each is cut off."""
        self._log.note("stopping", connections=self.listeners.connections)
        steps: list[tuple[str, Callable[[], Awaitable[object]]]] = [
            ("listeners", lambda: self.listeners.drain(seconds)),
            ("chores", self._chores.stop),
            ("drain", lambda: self.scheduler.drain(seconds)),
            ("scheduler", self.scheduler.stop),
            *((f"route {name}", transport.close) for name, transport in self._transports.items()),
            *((f"lookup of {name}", finder.close) for name, finder in self._finders.items()),
            *((f"reports of {name}", inbox.close) for name, inbox in self._inboxes.items()),
            ("tokens", self.broker.close),
            ("alarms", self.alarms.close),
            *([("endpoint", self.endpoint.stop)] if self.endpoint is not None else []),
            ("spool", self.spool.close),
        ]
        for name, step in steps:
            try:
                await step()
            except Exception as error:  # what comes after it, the spool above all, is to be closed all the same
                self._log.trouble("stopping failed", step=name, cause=repr(error))
        self._log.note("stopped")

    def reload(self, config: Config) -> None:
        """Take over clients and guard from `config`, and read certificates again. Listeners, tenants, routes and rules
        need a restart: they hold connections and leases. Raises TlsError; then the certificates stay as they were."""
        routes = {route.name for route in self.config.routes}
        early = [f"{one.name} ({one.route})" for one in config.clients if one.route and one.route not in routes]
        if early:  # by the table at work their mail would take the default route
            cause = f"clients name routes that are there after a restart only: {', '.join(early)}"
            self._log.trouble("not reloaded", cause=cause)
            return
        self._owners = _owners(config)
        self._clients_of = config
        self._enrolled()
        self._log.note("clients reloaded", clients=len(config.clients))
        self.listeners.reload_certificates()

    def _enrolled(self) -> None:
        """Let the listeners know the clients as they are now."""
        config, known = self._clients_of, self._enrolment
        site = build.build_site(config, self.spool, self._table, self._log, self._clock, self._guard, known)
        self.listeners.replace_site(site)

    async def _look_around(self) -> None:
        """An administrator signs in, replaces secrets, approves and revokes in another process."""
        if renewed := await self.broker.look():
            self.scheduler.hasten([route.name for route in self.config.routes if route.tenant in renewed])
        if self._enrolment is not None and await self._enrolment.look():
            self._enrolled()

    def bounce_to(self, message: Message) -> str:
        """The person who hears of a failure of `message`, "" for its sender."""
        return self._owners.get(message.origin.client, "")

    def trouble(self) -> str:
        """Why the gateway takes no mail, "" when it does."""
        return self.spool.full()

    def troubles(self) -> list[str]:
        """What stands still or needs somebody although mail is taken, a line each."""
        standing = [
            f"{alarm.code.value}:{alarm.key}: {alarm.text.en}"
            for alarm, _ in self.alarms.standing()
            if alarm.severity is Severity.CRITICAL
        ]
        return [
            one_line(each) for each in (*sorted(standing)[:_SHOWN], *self._external.closed(), *self.alarms.troubles())
        ]

    def _ways(self) -> Ways:
        """By the clients of this moment, and safe in any thread."""
        known = self._enrolment.clients(self.config.clients) if self._enrolment is not None else []
        return Ways(self._clients_of, self._table, known)


def _owners(config: Config) -> dict[str, str]:
    """Who is told of failures, by the client's name."""
    return {client.name: client.owner for client in config.clients if client.owner}
