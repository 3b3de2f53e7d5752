"""Faults as data: where, for whom, what happens, how often; the same language for tests, rehearsals and the control
interface.

Leaves to others: doing it (exchange_session, entra ask here at each point and obey). Invariant: deterministic: a
fault's draws come from its own seed and are made only when its matcher fits.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from enum import StrEnum
from fnmatch import fnmatchcase
from random import Random
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Surface = Literal["smtp", "smtp-legacy", "hve", "acs-smtp", "acs-rest", "onprem", "mx", "token", "imds", "graph"]


class Point(StrEnum):
    """Where a fault can strike."""

    CONNECT = "connect"  # before the greeting
    EHLO = "ehlo"
    STARTTLS = "starttls"
    AUTH = "auth"  # instead of judging the login
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"  # the DATA command
    END = "end"  # the end of data, before the message is taken
    REQUEST = "request"  # an HTTP request, before anything is done about it
    RESPONSE = "response"  # its answer, after everything is done (graph, acs-rest)


_HTTP_POINTS = {
    "token": {Point.REQUEST},
    "imds": {Point.REQUEST},
    "graph": {Point.REQUEST, Point.RESPONSE},
    "acs-rest": {Point.REQUEST, Point.RESPONSE},
}
_SMTP_POINTS = set(Point) - {Point.REQUEST, Point.RESPONSE}


class Action(StrEnum):
    REPLY = "reply"  # answer with `reply` (SMTP) or `status` + `body` (HTTP); 421 closes
    DROP = "drop"  # cut the connection without a word; at END the message is lost
    TAKE_AND_DROP = "take-and-drop"  # END, RESPONSE: do what was asked, then cut the connection instead of answering
    DELAY = "delay"  # wait `delay` seconds of the machine's time, then go on as if nothing were


class Fault(BaseModel):
    """One injected behaviour."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    surface: Surface
    at: Point
    action: Action
    match: dict[str, str] = Field(
        default={},
        description="Patterns (* and ?), all must fit: user, sender, recipient, remote, mechanism, client_id, scope;"
        " at graph user, client_id, remote, operation, method, path; at acs-rest the last four.",
    )
    reply: str = Field(default="", description='SMTP answer, for example "421 4.3.2 Service not active".')
    status: int = Field(default=503, ge=200, le=599, description="HTTP status.")
    body: str = Field(default="", description="HTTP body, sent as JSON.")
    retry_after: float | None = Field(default=None, ge=0, description="HTTP Retry-After in seconds.")
    delay: float = Field(default=0.0, ge=0, le=600)
    skip: int = Field(default=0, ge=0, description="Let the first so many matches pass.")
    count: int | None = Field(default=None, ge=1, description="Strike so many times, then never again; null: always.")
    probability: float = Field(default=1.0, ge=0, le=1)
    seed: int = 0

    @model_validator(mode="after")
    def _makes_sense(self) -> Fault:
        http = self.surface in _HTTP_POINTS
        if self.at not in _HTTP_POINTS.get(self.surface, _SMTP_POINTS):
            raise ValueError(f"surface {self.surface} has no point {self.at}")
        if self.action is Action.TAKE_AND_DROP and self.at not in (Point.END, Point.RESPONSE):
            raise ValueError("take-and-drop belongs to the end of data, or to a response")
        if self.action is Action.DROP and self.at is Point.RESPONSE:
            raise ValueError("to lose a response is take-and-drop")
        if self.action is Action.REPLY and not http and not _is_reply(self.reply):
            raise ValueError(f"not an SMTP reply: {self.reply!r}")
        return self


def _is_reply(text: str) -> bool:
    return len(text) >= 3 and text[:3].isdigit() and text[0] in "2345" and "\r" not in text and "\n" not in text


class _Armed:
    """A fault with its draws and its counters."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.matched = 0
        self.struck = 0
        self._random = Random(fault.seed)  # noqa: S311 - a repeatable draw, not a secret

    def strikes(self, facts: Mapping[str, str]) -> bool:
        fault = self.fault
        if fault.count is not None and self.struck >= fault.count:
            return False
        if not all(fnmatchcase(facts.get(k, "").lower(), v.lower()) for k, v in fault.match.items()):
            return False
        self.matched += 1
        if self.matched <= fault.skip or self._random.random() >= fault.probability:
            return False
        self.struck += 1
        return True


class Faults:
    """The faults that are armed; the first that fits strikes."""

    def __init__(self) -> None:
        self._armed: dict[str, _Armed] = {}
        self._serial = itertools.count(1)

    def __bool__(self) -> bool:
        return bool(self._armed)

    def add(self, fault: Fault) -> str:
        """Arm it; returns its id."""
        id = f"fault-{next(self._serial)}"
        self._armed[id] = _Armed(fault)
        return id

    def remove(self, id: str) -> bool:
        return self._armed.pop(id, None) is not None

    def clear(self) -> None:
        self._armed.clear()

    def strike(self, surface: str, at: Point, facts: Mapping[str, str]) -> Fault | None:
        for armed in self._armed.values():
            if armed.fault.surface == surface and armed.fault.at is at and armed.strikes(facts):
                return armed.fault
        return None

    def status(self) -> dict[str, tuple[Fault, int, int]]:
        """Per id: the fault, how often it matched, how often it struck."""
        return {id: (armed.fault, armed.matched, armed.struck) for id, armed in self._armed.items()}
