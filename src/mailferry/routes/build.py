"""From a route's settings to its transport.

Leaves to others: the token broker and the reading of secrets, which come in from outside (app). Invariant: nothing is
opened or read from the network here; a CA file that cannot be read is told at once.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable

from mailferry.clock import Clock, SystemClock
from mailferry.obs.maillog import MailLog
from mailferry.routes import presets
from mailferry.routes.acs_build import build_acs_rest
from mailferry.routes.acs_polls import Polls
from mailferry.routes.api import Transport
from mailferry.routes.auth import Login, NoLogin, Opener, PasswordLogin, TokenLogin
from mailferry.routes.classify import Classifier
from mailferry.routes.dial import Dialer, Target
from mailferry.routes.faults import Fault
from mailferry.routes.graph_build import build_graph
from mailferry.routes.graph_quota import Quotas
from mailferry.routes.parts import Reach
from mailferry.routes.pool import Pool
from mailferry.routes.settings import RouteSettings, RouteType, TimeoutSettings, Tls
from mailferry.routes.smtp import SmtpTransport
from mailferry.routes.watchdog import Watchdog
from mailferry.tokens.api import TokenSource
from mailferry.tokens.settings import SecretSource


def build_transport(
    settings: RouteSettings,
    *,
    hostname: str,
    cloud: str,
    tokens: TokenSource,
    secret: Callable[[SecretSource], str],
    log: MailLog,
    reach: frozenset[str] | None = None,
    clock: Clock | None = None,
    quotas: Quotas | None = None,
    polls: Polls | None = None,
) -> Transport:
    """The transport of one route. `hostname` is the gateway's own; `cloud` that of the route's tenant (any name of
    m365.clouds for a smarthost); the route's tenant names the credential that `tokens` is asked for; `secret` reads
    a secret from where it lies and raises TokenError; `reach` are the domains it delivers to, where it is internal
    only; `clock` is the machine's unless given; `quotas` count what is asked of Microsoft Graph, `polls` the looks
    at operations of the route's Azure subscription. Raises OSError for a file of certificates that cannot be used."""
    if settings.type is RouteType.GRAPH:
        return build_graph(settings, cloud, tokens, quotas or Quotas(clock), log)
    if settings.type is RouteType.ACS_REST:
        watch = clock or SystemClock()
        return build_acs_rest(
            settings, hostname=hostname, cloud=cloud, tokens=tokens, secret=secret, clock=watch, log=log, polls=polls
        )
    classifier = _classifier(settings)
    opener = build_opener(settings, hostname=hostname, cloud=cloud, tokens=tokens, secret=secret)
    pool = Pool(opener, settings.reuse)
    internal = Reach(settings.name, reach or frozenset()) if settings.internal_only else None
    return SmtpTransport(settings, presets.limits(settings), pool, classifier, log, internal)


def build_opener(
    settings: RouteSettings,
    *,
    hostname: str,
    cloud: str,
    tokens: TokenSource,
    secret: Callable[[SecretSource], str],
) -> Opener:
    """What opens logged-in connections for a route that speaks SMTP. Arguments and errors as above."""
    classifier = _classifier(settings)
    target = Target(
        host=presets.host(settings, cloud),
        port=presets.port(settings, cloud),
        tls=settings.tls_mode,
        context=client_context(settings),
        helo=hostname,
        pipelining=settings.pipelining,
        chunking=settings.chunking,
    )
    dialer = Dialer(target, settings.timeouts, classifier, Watchdog(_tick(settings.timeouts)))
    login = _login(settings, cloud, tokens, secret, classifier)
    return Opener(dialer, login)


def _classifier(settings: RouteSettings) -> Classifier:
    match settings.type:
        case RouteType.SMARTHOST:
            return Classifier(exchange=False)
        case RouteType.ACS_SMTP if not settings.mailbox:
            # Each client's own sender has to be known there: one that is not must not hold the mail of the others.
            return Classifier(exchange=True, at_mail=Fault.SENDER)
    return Classifier(exchange=True)


def client_context(settings: RouteSettings) -> ssl.SSLContext | None:
    """The TLS of a route: TLS 1.2 at least; certificate and host name are checked unless the route may do without."""
    if settings.tls_mode is Tls.NONE:
        return None
    context = ssl.create_default_context(cafile=str(settings.ca_file) if settings.ca_file is not None else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.tls_mode is Tls.OPPORTUNISTIC or not settings.verify:
        # RFC 7435: who would send in clear otherwise gains from encryption even to an unknown peer.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if settings.certificate is not None:
        context.load_cert_chain(settings.certificate, settings.key)
    return context


def _login(
    settings: RouteSettings,
    cloud: str,
    tokens: TokenSource,
    secret: Callable[[SecretSource], str],
    classifier: Classifier,
) -> Login:
    patience, source = settings.timeouts.command, settings.password
    if source is not None:
        username = settings.mailbox if settings.type is RouteType.HVE else settings.username
        return PasswordLogin(username, lambda: secret(source), classifier, patience)
    if settings.type is RouteType.SMARTHOST:
        return NoLogin()
    username = settings.username if settings.type is RouteType.ACS_SMTP else ""
    scope = presets.scope(settings, cloud)
    return TokenLogin(tokens, settings.tenant or "", scope, classifier, patience, username)


def _tick(timeouts: TimeoutSettings) -> float:
    """Often enough for the shortest timeout, and no more than that."""
    shortest = min(timeouts.greeting, timeouts.command, timeouts.data, timeouts.block, timeouts.end, timeouts.quit)
    return min(1.0, shortest / 4)
