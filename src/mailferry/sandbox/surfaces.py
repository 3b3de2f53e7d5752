"""The SMTP surfaces beside client submission, as the sandbox listens for them: name, port, what each stands for.

Leaves to others: what is said there (hve, acs_smtp, onprem, mx) and the sockets (exchange, serve).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mailferry.sandbox.acs_smtp import AcsSession
from mailferry.sandbox.bearer import TokenChecker
from mailferry.sandbox.exchange_talk import Talk
from mailferry.sandbox.hve import HveSession
from mailferry.sandbox.mx import MxSession
from mailferry.sandbox.onprem import OnPremisesSession
from mailferry.sandbox.settings import SandboxSettings
from mailferry.sandbox.tenant import Tenant
from mailferry.sandbox.world import World


@dataclass(frozen=True, slots=True)
class Surface:
    """`key` is its name in `mailferry sandbox --json`."""

    name: str
    key: str
    stands_for: str
    certificates: bool = False  # whether a client may show a certificate

    def port(self, settings: SandboxSettings) -> int:
        return int(getattr(settings, f"{self.key}_port"))


SURFACES = (
    Surface("hve", "hve", "smtp.hve.mx.microsoft:587"),
    Surface("acs-smtp", "acs_smtp", "smtp.azurecomm.net:587"),
    Surface("onprem", "onprem", "Exchange Server on premises:25"),
    Surface("mx", "mx", "contoso-com.mail.protection.outlook.com:25", certificates=True),
)


def session(world: World, checker: TokenChecker, name: str) -> Callable[[str], Talk]:
    """What answers a connection from a remote address on the surface `name`."""
    makers: dict[str, Callable[[str], Talk]] = {
        "hve": lambda remote: HveSession(world, checker, remote),
        "acs-smtp": lambda remote: AcsSession(world, checker, remote),
        "onprem": lambda remote: OnPremisesSession(world, remote),
        "mx": lambda remote: MxSession(world, remote),
    }
    return makers[name]


def accounts(tenant: Tenant) -> dict[str, str]:
    """Who can log in beside mailboxes, by password; the sandbox's own values."""
    found = {account.address: account.password for account in tenant.hve_accounts.values()}
    for username, client_id in tenant.communication.smtp_usernames.items():
        application = tenant.applications.get(client_id.lower())
        if application is not None and application.secrets:
            found[username] = application.secrets[0].value
    return found
