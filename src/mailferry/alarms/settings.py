"""What an administrator sets about one target of alarms: the plain part of an [[alarm]] section.

Leaves to others: where its secrets lie (config.schema adds that), reading them (app).
Invariant: every default tells more rather than less, and none of them floods.
"""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from mailferry.alarms.api import Code, Severity
from mailferry.units import Duration

_SYSLOG = re.compile(r"/.+|(?:udp|tcp|tls)://(?:\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+):\d{1,5}", re.ASCII)
#: RFC 5424 section 6.2.1, table 1: the ones a mail gateway may want.
FACILITIES = {
    "user": 1, "mail": 2, "daemon": 3, "syslog": 5, "local0": 16, "local1": 17, "local2": 18, "local3": 19,
    "local4": 20, "local5": 21, "local6": 22, "local7": 23,
}  # fmt: skip


class TargetType(StrEnum):
    """By what an alarm goes out."""

    TEAMS = "teams"
    WEBHOOK = "webhook"
    SYSLOG = "syslog"
    COMMAND = "command"


def _syslog(text: str) -> str:
    if _SYSLOG.fullmatch(text) is None or int(text.rpartition(":")[2] or 0 if "://" in text else 1) not in range(65536):
        raise ValueError(
            f'{text!r} is no syslog address; write for example "/dev/log", "udp://log.example.com:514", '
            '"tcp://log.example.com:601" or "tls://log.example.com:6514"'
        )
    return text


def _command(words: tuple[str, ...]) -> tuple[str, ...]:
    if not words or not words[0].startswith("/"):
        raise ValueError('the command starts with its full path; ["/usr/local/bin/page", "--urgent"]')
    if any("\0" in word for word in words):
        raise ValueError("a word of the command holds a zero octet; leave it out")
    return words


class TargetSettings(BaseModel):
    """Where alarms go, which ones, and how often."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, description="Its name in logs, metrics and `mailferry alarm test`.")
    type: TargetType = Field(
        description="teams: a card by a Teams Workflows webhook; webhook: JSON by HTTPS; syslog: RFC 5424; command: a "
        "program that gets JSON on its standard input."
    )
    address: Annotated[str, AfterValidator(_syslog)] = Field(
        "/dev/log",
        description='syslog: a local socket, "udp://host:514", "tcp://host:601" or "tls://host:6514".',
    )
    facility: Literal[
        "user", "mail", "daemon", "syslog", "local0", "local1", "local2", "local3", "local4", "local5", "local6",
        "local7",
    ] = Field("mail", description="syslog: the facility.")  # fmt: skip
    command: Annotated[tuple[str, ...], AfterValidator(_command)] | None = Field(
        None, description="command: the program with its full path, and its arguments. No shell reads them."
    )
    ca_file: Path | None = Field(
        None, description="PEM file of the authorities trusted for webhook and tls://, in place of the system's."
    )
    events: tuple[Code, ...] = Field((), description="Kinds of alarms that go there. Empty: all.")
    severity: Severity = Field(Severity.WARNING, description="The least severity that goes there.")
    gather: Duration = Field(10.0, description="Wait this long for further alarms, so that they go together.")
    interval: Duration = Field(
        300.0, description="The least time between two reports; what comes meanwhile is gathered."
    )
    repeat: Duration = Field(14_400.0, description="Remind of an alarm that still stands after this time; 0 is never.")
    resolved: bool = Field(True, description="Tell too when an alarm no longer stands.")
    language: Literal["en", "ja"] = Field("en", description="Language of the texts.")
    timeout: Duration = Field(20.0, gt=0, le=300, description="Seconds a report may take.")
