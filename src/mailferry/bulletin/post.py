"""A notice as the one JSON object that WordPress takes: {"title", "content", "status"}.

Leaves to others: making it (forms, rewrite) and sending it (publish). Invariant: a Post validates against
schema/post.json, and its content is clean.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from mailferry.bulletin.clean import checked

STATUSES = ("draft", "pending", "private", "publish")


class NoPost(ValueError):
    """It is not an object of the schema."""


@dataclass(frozen=True, slots=True)
class Post:
    """Raises NoPost or Unclean where it could not be published."""

    title: str
    content: str
    status: str = "draft"

    def __post_init__(self) -> None:
        validate(self.document())
        checked(self.content)

    def document(self) -> dict[str, str]:
        return {"title": self.title, "content": self.content, "status": self.status}


def validate(data: Any) -> None:
    """Raises NoPost with the first thing that is wrong."""
    from jsonschema import Draft202012Validator

    error = next(iter(Draft202012Validator(schema()).iter_errors(data)), None)
    if error is not None:
        where = ".".join(map(str, error.absolute_path))
        raise NoPost(f"{where}: {error.message[:200]}" if where else error.message[:200])


@cache
def schema() -> dict[str, Any]:
    """The JSON schema of a post."""
    file = resources.files(__package__).joinpath("schema", "post.json")
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found
