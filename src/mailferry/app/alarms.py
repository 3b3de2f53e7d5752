"""From [[alarm]] sections to the hub that every room of the gateway is handed.

Leaves to others: what an alarm is and how it goes out (alarms). Invariant: a secret is read for each report, so that
one replaced on disk is used without a restart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mailferry.alarms.build import build_target
from mailferry.alarms.hub import Hub
from mailferry.alarms.outbox import Outbox
from mailferry.alarms.target import Target, TargetError
from mailferry.alarms.webhook import Secret
from mailferry.clock import Clock
from mailferry.config.schema import AlarmSettings, Config
from mailferry.obs.maillog import MailLog
from mailferry.tokens.api import TokenError
from mailferry.tokens.secret import read_secret
from mailferry.tokens.settings import SecretSource


def build_hub(config: Config, environ: Mapping[str, str], clock: Clock, log: MailLog) -> Hub:
    return hub_of(config.alarms, config.gateway.hostname, environ, clock, log)


def hub_of(
    targets: Sequence[AlarmSettings], gateway: str, environ: Mapping[str, str], clock: Clock, log: MailLog
) -> Hub:
    """The hub of these targets, for a command that needs no whole configuration."""
    return Hub([Outbox(one, target(one, environ), gateway, clock, log) for one in targets], clock, log)


def target(settings: AlarmSettings, environ: Mapping[str, str]) -> Target:
    """The target of one section."""
    url = _secret(settings.name, "url", settings.url, environ)
    return build_target(settings, url, _secret(settings.name, "authorization", settings.authorization, environ))


def _secret(owner: str, what: str, source: SecretSource | None, environ: Mapping[str, str]) -> Secret | None:
    if source is None:
        return None

    def read() -> str:
        try:
            return read_secret(source, environ, owner, what)
        except TokenError as error:
            raise TargetError(error.cause) from None

    return read
