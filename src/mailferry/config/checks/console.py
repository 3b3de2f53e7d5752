"""A console that other machines reach asks for a password, and never over a clear connection."""

from __future__ import annotations

from collections.abc import Iterator

from mailferry.config.checks.finding import Finding, error
from mailferry.config.console import ConsoleSettings
from mailferry.config.validate import View
from mailferry.listener.settings import TlsSettings


def check(view: View) -> Iterator[Finding]:
    console, tls = view.one(ConsoleSettings), view.one(TlsSettings)
    if console is not None:
        yield from findings(console.value, tls.value if tls is not None else TlsSettings())


def findings(console: ConsoleSettings, tls: TlsSettings) -> Iterator[Finding]:
    """What is wrong with these settings; the command asks again when it was told another address."""
    if console.key is not None and console.certificate is None:
        yield error(("console", "key"), "is given without certificate", "name the certificate too")
    if not console.exposed:
        return
    if console.password is None:
        yield error(
            ("console", "listen"),
            f"other machines reach {console.listen}, and the console has no password",
            "write what `mailferry account hash` prints as password into [console], or listen on 127.0.0.1",
        )
    if console.certificate is None and tls.certificate is None and not console.behind_proxy:
        yield error(
            ("console", "listen"),
            f"other machines reach {console.listen}, and passwords and mail would pass in clear",
            "name a certificate in [console] or [tls], or say behind_proxy = true where a proxy with TLS is before it",
        )
