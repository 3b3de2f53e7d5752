"""The running gateway: its parts started in order, drained in order, reloaded while mail flows.

Leaves to others: making the parts (build), signals (cli.serve).
Invariants: mail is taken only while the spool is open; at the end listeners stop first, then delivery, then the
spool, so that nothing that was answered 250 is left outside it.
"""

from __future__ import annotations

from collections.abc import Mapping

from mailferry.app import build
from mailferry.app.endpoint import Endpoint
from mailferry.app.housekeeping import Housekeeping
from mailferry.clock import Clock
from mailferry.config.schema import Config
from mailferry.listener.guard import Guard
from mailferry.listener.server import ListenerServer
from mailferry.listener.settings import parse_address
from mailferry.listener.tls import Contexts
from mailferry.mail.envelope import Recipient
from mailferry.mail.message import Message
from mailferry.obs.maillog import MailLog

#: Seconds that sessions, then attempts under way, get to end by themselves.
DRAIN = 20.0


class Gateway:
    """One gateway of one configuration. `environ` holds secrets that the configuration names."""

    def __init__(self, config: Config, clock: Clock, log: MailLog, environ: Mapping[str, str]) -> None:
        self.config = config
        self._clock = clock
        self._log = log
        self._environ = environ
        checkpoint = build.crash_point(environ)
        self.spool = build.build_spool(config, clock, serve=True, checkpoint=checkpoint)
        self.broker = build.build_broker(config, environ, clock, log)
        self._table = build.build_table(config)
        self._transports = build.build_transports(config, environ, self.broker, log)
        self._owners = _owners(config)
        self._guard = Guard(config.guard, clock, log)
        self._contexts = Contexts(config.listeners, config.tls, config.gateway.state, config.gateway.hostname, clock)
        site = build.build_site(config, self.spool, self._table, log, clock, self._guard)
        self.listeners = ListenerServer(config.listeners, site, self._contexts)
        self.scheduler = build.build_scheduler(
            config, self.spool, self._transports, self._table, log, clock, checkpoint, self.bounce_to
        )
        directory = build.spool_directory(config)
        self._chores = Housekeeping(self.spool, directory, config.spool.keep_history, self._contexts, clock, log)
        self.endpoint: Endpoint | None = None
        if config.metrics.address:
            host, port = parse_address(config.metrics.address)
            self.endpoint = Endpoint(host or "127.0.0.1", port, log.metrics, self.trouble)

    async def start(self) -> None:
        """Open the spool, route what waits by the present rules, deliver, then listen. Raises SpoolError, TlsError and
        OSError; then everything that was started is stopped again."""
        await self.spool.open()
        try:
            await self.spool.reroute(self._lane)
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
        await self.listeners.drain(seconds)
        await self._chores.stop()
        await self.scheduler.drain(seconds)
        await self.scheduler.stop()
        for transport in self._transports.values():
            await transport.close()
        await self.broker.close()
        if self.endpoint is not None:
            await self.endpoint.stop()
        await self.spool.close()
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
        site = build.build_site(config, self.spool, self._table, self._log, self._clock, self._guard)
        self.listeners.replace_site(site)
        self._log.note("clients reloaded", clients=len(config.clients))
        self.listeners.reload_certificates()

    def bounce_to(self, message: Message) -> str:
        """The person who hears of a failure of `message`, "" for its sender."""
        return self._owners.get(message.origin.client, "")

    def trouble(self) -> str:
        """Why the gateway takes no mail, "" when it does."""
        return self.spool.full()

    def _lane(self, message: Message, recipient: Recipient) -> str | None:
        """The lane by the present rules, for mail that was accepted under others; None where they cannot tell."""
        client = next((one for one in self.config.clients if one.name == message.origin.client), None)
        sender = message.envelope.reverse_path
        if client is not None and client.rewrite_from and sender:
            # Rules ask for the sender that the client named, which the rewriting took out of the envelope.
            if client.mailbox and any(rule.senders for rule in self.config.rules):
                return None
            sender = message.mailbox
        return self._table.choose(
            client=message.origin.client,
            client_route=client.route if client is not None else None,
            sender=sender,
            mailbox=message.mailbox,
            recipient=recipient.address,
        ).lane


def _owners(config: Config) -> dict[str, str]:
    """Who is told of failures, by the client's name."""
    return {client.name: client.owner for client in config.clients if client.owner}
