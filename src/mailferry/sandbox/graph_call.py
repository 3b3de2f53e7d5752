"""One request to Graph and its answer, as the handlers see them.

Leaves to others: HTTP (graph) and what is done (graph_send, graph_drafts, graph_read, ...). Invariant: a handler looks
at the body only through here, so that unreadable input is always answered the same way.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mailferry.sandbox import graph_errors as errors
from mailferry.sandbox.bearer import Bearer
from mailferry.sandbox.graph_access import require
from mailferry.sandbox.graph_errors import GraphRefused
from mailferry.sandbox.tenant import Mailbox
from mailferry.sandbox.world import World


@dataclass(frozen=True, slots=True)
class Call:
    """A request whose token is good. `user` is the name in the path, `mailbox` who that is, if anybody."""

    world: World
    operation: str
    bearer: Bearer
    user: str
    mailbox: Mailbox | None
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    url: str  # without query
    base_url: str
    remote: str
    tls: str
    request_id: str
    body: bytes = field(repr=False)

    def may(self, *permissions: str) -> Mailbox:
        """The mailbox, when one of the permissions covers it. Raises GraphRefused."""
        return require(self.world.tenant, self.bearer, self.mailbox, self.user, *permissions)

    @property
    def content_type(self) -> str:
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    @property
    def is_mime(self) -> bool:
        """V: text/plain is MIME, application/json is JSON."""
        if self.content_type not in ("text/plain", "application/json"):
            raise GraphRefused(errors.MEDIA_TYPE, type=self.content_type or "(none)")
        return self.content_type == "text/plain"

    def json(self) -> dict[str, Any]:
        if self.content_type != "application/json":
            raise GraphRefused(errors.MEDIA_TYPE, type=self.content_type or "(none)")
        try:
            value = json.loads(self.body)
        except ValueError as error:
            raise GraphRefused(errors.BODY_UNREADABLE, str(error)) from error
        if not isinstance(value, dict):
            raise GraphRefused(errors.BODY_UNREADABLE, "not an object")
        return value


@dataclass(frozen=True, slots=True)
class Answer:
    """`value` goes out as JSON, `raw` as it is."""

    status: int = 200
    value: Any = None
    raw: bytes | None = None
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    cause: str = ""  # what the sandbox knows beyond what it says; for the recorder


Act = Callable[[Call], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Operation:
    """A documented request: where it is, what it is called in faults and records, who does it."""

    method: str
    path: str
    name: str
    act: Act
