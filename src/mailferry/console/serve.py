"""The console as a server: its objects from settings, its addresses to its pages, start and stop.

Leaves to others: the settings' safety (config.checks.console) and the process (cli.console). Invariant: nothing listens
before everything is built, and nothing that the browser sends is logged.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from aiohttp import web

from mailferry.app import open_spool
from mailferry.clock import Clock
from mailferry.config.console import ConsoleSettings
from mailferry.config.schema import Config
from mailferry.console.actions import Actions
from mailferry.console.doors import Doors
from mailferry.console.front import Front
from mailferry.console.hosts import Hosts
from mailferry.console.login import Login
from mailferry.console.mailroom import Mailroom
from mailferry.console.messages import Messages
from mailferry.console.overview import Overview
from mailferry.console.pages import Pages
from mailferry.console.sessions import Link, Sessions
from mailferry.console.site import Site
from mailferry.console.timeline import Timeline
from mailferry.console.visit import Cookies
from mailferry.listener.settings import GuardSettings, TlsSettings, TlsVersion, parse_address
from mailferry.listener.tls import CertificateFiles, load_certificate, make_context
from mailferry.obs.maillog import MailLog

_FORM = 64 * 1024
_CLOSING = 2.0


@dataclass(frozen=True, slots=True)
class Subject:
    """What the console shows. `config` is None where there is no gateway yet, only a state directory."""

    state: Path
    config: Config | None = None


class Console:
    """start() once; stop() at the end. `announce` is told each new link for signing in, where there is no password;
    None: nobody reads it, so only the first one lets in."""

    def __init__(
        self,
        settings: ConsoleSettings,
        subject: Subject,
        clock: Clock,
        log: MailLog,
        announce: Callable[[str], None] | None = None,
    ) -> None:
        self._settings = settings
        self._subject = subject
        self._clock = clock
        self._log = log
        self._link = Link(None if announce is None else lambda token: announce(self.address(token)))
        self._context: ssl.SSLContext | None = None
        self._files = certificate(settings, subject.config.tls if subject.config else TlsSettings())
        self._runner: web.AppRunner | None = None
        self._site: Site | None = None
        self.port = parse_address(settings.listen)[1]

    async def start(self) -> None:
        """Raises OSError when the address cannot be had, TlsError for a certificate that cannot be used."""
        if self._files is not None:
            self._context = make_context(self._files, TlsVersion.V1_2)
        host, port = parse_address(self._settings.listen)
        site = self._site = self._build(host)
        self._runner = web.AppRunner(application(site), access_log=None, shutdown_timeout=_CLOSING)
        await self._runner.setup()
        await web.TCPSite(self._runner, host or None, port, ssl_context=self._context).start()
        self.port = int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        if self._site is not None:
            self._site.doors.close()
            await self._site.mailroom.close()

    def reload(self) -> None:
        """Read the certificate again. Raises TlsError, and then the old one stays."""
        if self._context is not None and self._files is not None:
            make_context(self._files, TlsVersion.V1_2)
            load_certificate(self._context, self._files)

    @property
    def first_link(self) -> str:
        """The address that lets in once; "" where a password does."""
        return "" if self._settings.password else self.address(self._link.token)

    def address(self, token: str = "") -> str:
        """The console's address as a person opens it."""
        host = parse_address(self._settings.listen)[0]
        if not host:
            host = self._subject.config.gateway.hostname if self._subject.config else "localhost"
        name = f"[{host}]" if ":" in host else host
        query = f"login?{urlencode({'token': token})}" if token else ""
        return f"{'https' if self._files else 'http'}://{name}:{self.port}/{query}"

    def _build(self, host: str) -> Site:
        settings, config = self._settings, self._subject.config
        gateway = config.gateway.hostname if config is not None else ""
        open_ = None if config is None else lambda: open_spool(config, self._clock, serve=False)
        return Site(
            name=gateway,
            state=self._subject.state,
            clock=self._clock,
            log=self._log,
            hosts=Hosts(filter(None, (host, gateway, *settings.hosts))),
            cookies=Cookies(secure=self._files is not None or settings.behind_proxy, port=self.port),
            sessions=Sessions(self._clock, settings.idle),
            doors=Doors(settings.password or "", self._link, _guard(config), self._clock, self._log),
            mailroom=Mailroom(open_),
            proxied=settings.behind_proxy,
        )


def certificate(settings: ConsoleSettings, tls: TlsSettings) -> CertificateFiles | None:
    """Its own; or the gateway's, where other machines reach the console and no proxy stands before it."""
    if settings.certificate is not None:
        return CertificateFiles(settings.certificate, settings.key)
    if settings.exposed and not settings.behind_proxy and tls.certificate is not None:
        return CertificateFiles(tls.certificate, tls.key)
    return None


def application(site: Site) -> web.Application:
    """Every address of the console."""
    pages = Pages(site)
    overview, messages, login = Overview(site, pages), Messages(site, pages), Login(site, pages)
    app = web.Application(middlewares=Front(site, pages).middlewares(), client_max_size=_FORM)
    shown: Mapping[str, Callable[[web.Request], object]] = {
        "/": overview.show,
        "/burndown.svg": overview.drawing,
        "/timeline": Timeline(site, pages).show,
        "/messages": messages.list,
        "/messages/{id}": messages.show,
        "/login": login.show,
        "/static/{name}": pages.static,
    }
    for place, handler in shown.items():
        app.router.add_get(place, handler)  # type: ignore[arg-type]
    app.router.add_post("/messages", Actions(site, pages).act)
    app.router.add_post("/login", login.enter)
    app.router.add_post("/logout", login.leave)
    return app


def _guard(config: Config | None) -> GuardSettings:
    return config.guard if config is not None else GuardSettings()
