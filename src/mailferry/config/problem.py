"""What is wrong with a configuration: where, what, and what to do about it.

Leaves to others: finding it (document, validate, check) and printing it (cli.check).
Invariant: a problem never shows the value of a secret.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file; `line` is None for a whole file or an environment variable."""

    file: str
    line: int | None = None

    def __str__(self) -> str:
        return self.file if self.line is None else f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Problem:
    """`key` is the path as people write it, "" for the file; `what` and `cure` are one sentence each."""

    severity: Severity
    place: Place
    key: str
    what: str
    cure: str = ""

    def __str__(self) -> str:
        key = f"{self.key}: " if self.key else ""
        return f"{self.place}: {self.severity}: {key}{self.what}"


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Each once, by file and line, errors before warnings on one line."""
    return tuple(
        sorted(
            dict.fromkeys(problems),
            key=lambda p: (p.place.file, p.place.line or 0, p.severity is Severity.WARNING, p.key),
        )
    )


class ConfigurationError(Exception):
    """The configuration cannot be used; `problems` holds every reason."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems
