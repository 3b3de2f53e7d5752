"""From [[enrolment]] sections to the Enrolment that the listeners are handed.

Leaves to others: enrolling (listener.enrolment). Invariant: a password goes to the server of its window only, over TLS
that is verified.
"""

from __future__ import annotations

import ssl
from pathlib import Path

from mailferry.alarms.api import AlarmSink
from mailferry.clients.enrolled import Register
from mailferry.clock import Clock
from mailferry.config.schema import Config
from mailferry.listener.enrolment import Answer, Enrolment
from mailferry.listener.enrolment_settings import EnrolmentSettings
from mailferry.obs.maillog import MailLog
from mailferry.routes.dial import Target
from mailferry.routes.settings import Tls
from mailferry.routes.verify import verify

_ANSWERS = {True: Answer.RIGHT, False: Answer.WRONG, None: Answer.SILENT}


def enrolled_directory(config: Config) -> Path:
    return config.gateway.state / "enrolled"


def build_enrolment(config: Config, clock: Clock, log: MailLog, alarms: AlarmSink) -> Enrolment | None:
    """None where no window is configured, and nobody has enrolled by an earlier one. Raises OSError for a file of
    certificates that cannot be read."""
    if not config.enrolments and not enrolled_directory(config).is_dir():
        return None
    verifiers = {one.name: Upstream(one, config.gateway.hostname) for one in config.enrolments}
    register = Register(enrolled_directory(config))
    return Enrolment(config.enrolments, config.accepted_domains, register, verifiers, clock, log, alarms)


class Upstream:
    """The Verifier of one window."""

    def __init__(self, settings: EnrolmentSettings, hostname: str) -> None:
        context = ssl.create_default_context(cafile=str(settings.ca_file) if settings.ca_file is not None else None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._target = Target(settings.host, settings.port, Tls.STARTTLS, context, hostname)

    async def ask(self, account: str, password: str) -> tuple[Answer, str]:
        found = await verify(self._target, account, password)
        return _ANSWERS[found.right], found.reason
