"""What was said: each SMTP dialogue and each HTTP request, for tests and for the control interface.

Leaves to others: storing messages (mailbox). Invariant: no password, secret, assertion or token is recorded; bodies are
recorded by size.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

_DIALOGUES = 2_000
_REQUESTS = 2_000
_LINES = 500

#: Form fields whose values are shown; every other value is recorded as "***".
_SHOWN = frozenset({"grant_type", "client_id", "scope", "client_assertion_type", "client_info"})


@dataclass(slots=True)
class Dialogue:
    """One SMTP connection. `lines` are "S: ..." and "C: ..."; "*: ..." are remarks of the sandbox."""

    surface: str
    session: str
    remote: str
    started: float
    user: str = ""
    mechanism: str = ""
    tls: str = ""
    ended: float | None = None
    lines: list[str] = field(default_factory=list)

    def say(self, line: str) -> None:
        if len(self.lines) < _LINES:
            self.lines.append(line)
        elif len(self.lines) == _LINES:
            self.lines.append("*: (further lines are not recorded)")


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request to a surface of the service."""

    surface: str
    at: float
    remote: str
    method: str
    path: str
    form: dict[str, str]
    user_agent: str
    status: int
    error: str  # "AADSTS7000215", or ""
    cause: str = ""  # what the sandbox knows beyond what it said


class Recorder:
    """The latest dialogues and requests."""

    def __init__(self) -> None:
        self.dialogues: deque[Dialogue] = deque(maxlen=_DIALOGUES)
        self.requests: deque[Request] = deque(maxlen=_REQUESTS)

    def clear(self) -> None:
        self.dialogues.clear()
        self.requests.clear()


def shown(form: dict[str, str]) -> dict[str, str]:
    """The form without its secrets."""
    return {key: value if key in _SHOWN else "***" for key, value in form.items()}
