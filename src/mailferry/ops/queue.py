"""Looking into the queue and acting on it, whether the gateway runs or not.

Leaves to others: how it is shown (cli, console) and the guards of each move (spool).
Invariant: nothing here acts on a message that its Filter does not match, and an empty Filter never ends anything.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from mailferry.clock import Clock, utc
from mailferry.mail.message import MessageId, format_id, parse_id
from mailferry.spool.api import Alarm, Event, Filter, MessageView, RecipientView, Spool, State

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


class Action(StrEnum):
    """What may be done with queued mail."""

    HOLD = "hold"
    RELEASE = "release"
    RETRY = "retry"
    DROP = "drop"
    SETTLE = "settle"


@dataclass(frozen=True, slots=True)
class Query:
    """A filter as a person writes it: texts with * as wildcard, ages such as "2h" or "3d"."""

    ids: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    sender: str | None = None
    recipient: str | None = None
    client: str | None = None
    lane: str | None = None
    older: str | None = None
    newer: str | None = None

    @property
    def empty(self) -> bool:
        return self == Query()


def seconds(age: str) -> float:
    """ "90s", "15m", "2h", "3d" or "1w" in seconds. Raises ValueError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhdw])", age.strip().lower())
    if match is None:
        raise ValueError(f"{age!r} is no age; write a number and a unit, for example 90s, 15m, 2h, 3d or 1w")
    return float(match[1]) * _UNITS[match[2]]


def to_filter(query: Query, now: float) -> Filter:
    """The spool's filter for `query`. Raises ValueError with what is wrong and what would be right."""
    states: set[State] = set()
    for name in query.states:
        if name == "all":
            states.update(State)
        elif name in list(State):
            states.add(State(name))
        else:
            raise ValueError(f"{name!r} is no state; the states are {', '.join(State)} and all")
    try:
        ids: tuple[MessageId, ...] = tuple(parse_id(text) for text in query.ids)
    except ValueError as error:
        raise ValueError(
            f"{error}; a queue id has up to 13 letters and digits, as `mailferry queue list` shows"
        ) from None
    return Filter(
        ids=ids,
        states=frozenset(states),
        sender=query.sender,
        recipient=query.recipient,
        client=query.client,
        lane=query.lane,
        older_than=now - seconds(query.older) if query.older is not None else None,
        newer_than=now - seconds(query.newer) if query.newer is not None else None,
    )


async def act(spool: Spool, action: Action, which: Filter, clock: Clock, who: str) -> int:
    """Do `action` to every matching recipient that it may be done to; the number of recipients changed."""
    verbs: dict[Action, Callable[[Filter, float, str], Awaitable[int]]] = {
        Action.HOLD: spool.hold,
        Action.RELEASE: spool.release,
        Action.RETRY: spool.retry,
        Action.DROP: spool.drop,
        Action.SETTLE: spool.settle,
    }
    if action in (Action.DROP, Action.SETTLE) and which == Filter():
        raise ValueError(f"to {action} needs a filter, for it cannot be undone; the whole queue is --state all")
    return await verbs[action](which, clock.time(), who)


def message_json(view: MessageView) -> dict[str, Any]:
    """A message as JSON: times in ISO 8601 UTC, the id as people see it."""
    message = view.message
    document: dict[str, Any] = {
        "id": format_id(message.id),
        "received": utc(message.received_at).isoformat(),
        "sender": message.envelope.reverse_path,
        "client": message.origin.client,
        "address": message.origin.address,
        "account": message.origin.account,
        "listener": message.origin.listener,
        "tls": message.origin.tls,
        "mailbox": message.mailbox,
        "size": message.size,
        "message_id": message.header_id,
        "subject": message.subject,
        "recipients": [recipient_json(recipient) for recipient in view.recipients],
    }
    if view.events:
        document["events"] = [event_json(event) for event in view.events]
    return document


def recipient_json(view: RecipientView) -> dict[str, Any]:
    return {
        "address": view.address,
        "state": view.state.value,
        "lane": view.lane,
        "attempts": view.attempts,
        "next_attempt": utc(view.next_attempt).isoformat() if view.next_attempt is not None else None,
        "last_reply": view.last_reply,
    }


def event_json(event: Event) -> dict[str, Any]:
    return {
        "at": utc(event.at).isoformat(),
        "kind": event.kind,
        "recipient": event.recipient,
        "lane": event.lane,
        "detail": event.detail,
    }


def alarm_json(alarm: Alarm) -> dict[str, Any]:
    return {"key": alarm.key, "since": utc(alarm.since).isoformat(), "text": alarm.text, "cure": alarm.cure}
