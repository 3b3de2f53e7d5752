"""What a check found, in words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from mailferry.m365.facts import Text

NO_TEXT = Text("", "")


class Level(StrEnum):
    """How bad it is."""

    GOOD = "good"
    NOTE = "note"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """`check` is the check's name, `subject` what it looked at, `who` whoever can put it right; `refused` that the
    service itself said no to the mailbox, rather than that it could not be asked."""

    check: str
    subject: str
    level: Level
    what: Text
    cause: Text = NO_TEXT
    cure: Text = NO_TEXT
    who: Text = NO_TEXT
    refused: bool = False

    def plain(self, language: str) -> dict[str, Any]:
        return {
            "check": self.check,
            "subject": self.subject,
            "level": self.level.value,
            "what": self.what.of(language),
            "cause": self.cause.of(language),
            "cure": self.cure.of(language),
            "who": self.who.of(language),
        }
