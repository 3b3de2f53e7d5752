"""From a Config to objects: the only place that builds the mail path's parts.

Leaves to others: starting and stopping them (gateway). Invariant: nothing here opens a socket or a database.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from mailferry.alarms.api import AlarmSink
from mailferry.clock import Clock
from mailferry.config.schema import Config, TenantSettings
from mailferry.delivery.alarms import Teller
from mailferry.delivery.bounce import BounceTo
from mailferry.delivery.detour import Detour, Ways, no_ways
from mailferry.delivery.external import External
from mailferry.delivery.outward import Allowance
from mailferry.delivery.scheduler import Scheduler
from mailferry.delivery.worker import CHECKPOINTS
from mailferry.listener.accounts import Accounts
from mailferry.listener.enrolment import Enrolment
from mailferry.listener.guard import Guard
from mailferry.listener.identity import Identities
from mailferry.listener.site import GatewayNames, Site
from mailferry.m365.limits import onmicrosoft_external_recipients
from mailferry.mail.message import IdSource
from mailferry.obs.maillog import MailLog
from mailferry.routes import presets
from mailferry.routes.acs_find import OperationFinder
from mailferry.routes.acs_polls import Polls
from mailferry.routes.acs_rest import AcsRestTransport
from mailferry.routes.api import Transport
from mailferry.routes.build import build_transport
from mailferry.routes.graph_inbox import GraphInbox
from mailferry.routes.graph_quota import Quotas
from mailferry.routes.graph_search import GraphFinder
from mailferry.routes.look_build import build_finder, build_inbox
from mailferry.routes.returned import Inboxes
from mailferry.routes.settings import Preset, RouteSettings, RouteType
from mailferry.routes.sighting import Finders
from mailferry.routes.table import RouteTable
from mailferry.spool.api import Spool
from mailferry.spool.checkpoints import NAMES, Checkpoint, no_checkpoint
from mailferry.spool.sqlite.store import SqliteSpool
from mailferry.tokens.broker import TokenBroker
from mailferry.tokens.credential import Credential
from mailferry.tokens.entra import EntraFetcher
from mailferry.tokens.keys import KeyRing
from mailferry.tokens.secret import read_secret
from mailferry.tokens.vault import Vault

#: For crash tests: "NAME:N" ends the process, as a power cut would, when checkpoint NAME is passed the Nth time.
CRASH_AT = "MAILFERRY_CRASH_AT"
#: Seconds after which mail that was taken is believed to go, where no report would be read.
_PROOF = 60.0


def spool_directory(config: Config) -> Path:
    return config.spool.directory or config.gateway.state / "spool"


def build_spool(config: Config, clock: Clock, *, serve: bool, checkpoint: Checkpoint = no_checkpoint) -> SqliteSpool:
    ids = IdSource(clock, config.gateway.node)
    return SqliteSpool(spool_directory(config), clock, ids, config.spool, serve, checkpoint=checkpoint)


async def open_spool(config: Config, clock: Clock, *, serve: bool) -> Spool:
    """The spool of `config`, open. Raises SpoolError."""
    spool = build_spool(config, clock, serve=serve)
    await spool.open()
    return spool


def build_vault(config: Config, environ: Mapping[str, str], clock: Clock) -> Vault:
    """Where sign-ins are kept."""
    directory = config.gateway.state / "vault"
    return Vault(directory, KeyRing(config.vault, directory, environ), clock)


def build_broker(
    config: Config, environ: Mapping[str, str], clock: Clock, log: MailLog, alarms: AlarmSink | None = None
) -> TokenBroker:
    """One credential per tenant, under the tenant's name."""
    vault = build_vault(config, environ, clock)
    credentials = {tenant.name: Credential(tenant.name, tenant, environ, vault) for tenant in config.tenants}
    return TokenBroker(credentials, EntraFetcher(), clock, log, alarms)


def build_quotas(config: Config, clock: Clock) -> Quotas:
    """What counts the requests to Microsoft Graph, by application and mailbox."""
    return Quotas(clock, {tenant.name: tenant.client_id for tenant in config.tenants if tenant.client_id})


def build_finders(
    config: Config, broker: TokenBroker, quotas: Quotas, transports: Mapping[str, Transport]
) -> dict[str, GraphFinder | OperationFinder]:
    """What looks for messages whose answer was lost, by route: see [[route]] lookup, and always for acs-rest."""
    own = {name: one.finder() for name, one in transports.items() if isinstance(one, AcsRestTransport)}
    clouds = {tenant.name: tenant.cloud for tenant in config.tenants}
    found = {
        route.name: build_finder(route, clouds.get(route.tenant or "", ""), broker, quotas) for route in config.routes
    }
    return {name: finder for name, finder in found.items() if finder is not None} | own


def build_inboxes(config: Config, broker: TokenBroker, quotas: Quotas) -> dict[str, GraphInbox]:
    """What reads the non-delivery reports in sending mailboxes, by route; see [[route]] bounces."""
    clouds = {tenant.name: tenant.cloud for tenant in config.tenants}
    found = {
        route.name: build_inbox(route, clouds.get(route.tenant or "", ""), broker, quotas) for route in config.routes
    }
    return {name: inbox for name, inbox in found.items() if inbox is not None}


def build_table(config: Config) -> RouteTable:
    return RouteTable.of(config.routes, config.rules, config.routing, config.accepted_domains, config.reach)


def build_transports(
    config: Config,
    environ: Mapping[str, str],
    broker: TokenBroker,
    log: MailLog,
    clock: Clock,
    quotas: Quotas | None = None,
) -> dict[str, Transport]:
    tenants: dict[str, TenantSettings] = {tenant.name: tenant for tenant in config.tenants}
    polls: dict[str, Polls] = {}  # by Azure subscription
    return {
        route.name: build_transport(
            route,
            hostname=config.gateway.hostname,
            cloud=tenants[route.tenant].cloud if route.tenant else "worldwide",
            tokens=broker,
            secret=partial(read_secret, environ=environ, owner=f"route {route.name}", what="password"),
            log=log,
            reach=config.reach.get(route.name),
            clock=clock,
            quotas=quotas,
            polls=polls.setdefault(presets.budget(route), Polls(clock, presets.limits(route)))
            if route.type is RouteType.ACS_REST
            else None,
        )
        for route in config.routes
    }


def build_site(
    config: Config,
    spool: Spool,
    table: RouteTable,
    log: MailLog,
    clock: Clock,
    guard: Guard,
    enrolment: Enrolment | None = None,
) -> Site:
    """What the listeners share. A reload makes a new one; the guard's memory of attacks goes over."""
    clients = [*config.clients, *(enrolment.clients(config.clients) if enrolment is not None else ())]
    identities = Identities(clients)
    hashes = {client.login: client.password for client in clients if client.password is not None}
    names = GatewayNames(
        hostname=config.gateway.hostname,
        internal_domains=config.accepted_domains,
        postmaster=config.gateway.postmaster or "",
        max_received=config.delivery.max_received,
        subjects=config.log.subjects,
    )
    accounts = Accounts(hashes, clock, config.guard.remember)
    return Site(
        names,
        identities,
        accounts,
        guard,
        config.guard,
        spool=spool,
        table=table,
        log=log,
        clock=clock,
        enrolment=enrolment,
    )


def build_external(config: Config, clock: Clock, log: MailLog) -> External:
    """What counts and holds back outside recipients, tenant by tenant."""
    heard = {route.tenant for route in config.routes if route.bounces}
    proof = 2 * config.delivery.remote_bounces_every  # reports of one round may be read in the next
    tenants = {
        tenant.name: Allowance(
            tenant.outside_limit, onmicrosoft_external_recipients().value, tenant.external_pace,
            proof if tenant.name in heard else _PROOF,
        )
        for tenant in config.tenants
    }  # fmt: skip
    only = config.tenants[0].name if len(config.tenants) == 1 else ""
    routes = {route.name: _counts_for(route, only) for route in config.routes}
    return External(tenants, routes, config.accepted_domains, clock, log.metrics)


def _counts_for(route: RouteSettings, only: str) -> str:
    """The tenant against whose limit a route's outside recipients count; a connector's is known where there is one."""
    if route.type in (RouteType.EXCHANGE_SMTP, RouteType.GRAPH):
        return route.tenant or ""
    return only if route.preset in (Preset.CONNECTOR_IP, Preset.CONNECTOR_CERTIFICATE) else ""


def build_scheduler(
    config: Config,
    spool: Spool,
    transports: Mapping[str, Transport],
    table: RouteTable,
    log: MailLog,
    clock: Clock,
    checkpoint: Checkpoint,
    bounce_to: BounceTo,
    teller: Teller | None = None,
    ways: Callable[[], Ways] = no_ways,
    finders: Finders | None = None,
    inboxes: Inboxes | None = None,
    external: External | None = None,
) -> Scheduler:
    external = external or build_external(config, clock, log)
    return Scheduler(
        spool,
        external.counted(transports),
        table,
        config.delivery,
        config.gateway.hostname,
        config.gateway.postmaster or "",
        clock,
        log,
        bounce_to,
        checkpoint,
        teller,
        finders,
        inboxes,
        Detour.of(config.routes, ways),
        external,
    )


def crash_point(environ: Mapping[str, str]) -> Checkpoint:
    """The checkpoint that crash tests ask for by CRASH_AT, else one that does nothing. Raises ValueError."""
    wanted, _, times = environ.get(CRASH_AT, "").partition(":")
    if not wanted:
        return no_checkpoint
    known = (*NAMES, *CHECKPOINTS)
    if wanted not in known:
        raise ValueError(f"{CRASH_AT}: {wanted!r} is no checkpoint; they are {', '.join(known)}")
    passed: Counter[str] = Counter()

    def checkpoint(name: str) -> None:
        passed[name] += 1
        if name == wanted and passed[name] >= int(times or "1"):
            os.kill(os.getpid(), signal.SIGKILL)

    return checkpoint
