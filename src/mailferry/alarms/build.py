"""From the settings of a target to the target.

Leaves to others: where secrets lie: they are handed in as functions that read them.
"""

from __future__ import annotations

from mailferry.alarms.command import Command
from mailferry.alarms.settings import TargetSettings, TargetType
from mailferry.alarms.syslog import Syslog
from mailferry.alarms.target import Target, TargetError
from mailferry.alarms.webhook import Secret, Webhook, json_body, teams_body


def build_target(settings: TargetSettings, url: Secret | None, authorization: Secret | None) -> Target:
    match settings.type:
        case TargetType.SYSLOG:
            return Syslog(settings.address, settings.facility, settings.language, settings.ca_file, settings.timeout)
        case TargetType.COMMAND:
            return Command(settings.command or (), settings.language, settings.timeout)
        case TargetType.TEAMS:
            body = teams_body(settings.language)
        case TargetType.WEBHOOK:
            body = json_body(settings.language)
    return Webhook(url or _missing, authorization, body, settings.ca_file, settings.timeout)


def _missing() -> str:
    raise TargetError("it has no url")
