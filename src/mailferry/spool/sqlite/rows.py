"""Rows of the database as values, and values as parameters.

Leaves to others: the statements (queries.sql, schema.sql) and when they run (transaction, reader).
Invariant: a time that went through the store compares equal to itself: both ways go over whole microseconds.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from json.encoder import encode_basestring_ascii as quote

from mailferry.mail.envelope import Envelope, Origin, Recipient
from mailferry.mail.message import Message, MessageId
from mailferry.smtp.commands import BodyType, Notify
from mailferry.spool.api import WAITING, Event, RecipientView, State, Turn
from mailferry.spool.guard import turned

#: A recipient's new lane, for queries.sql: id, lane and state as they were read, new lane, event, due or None.
Change = tuple[int, str, str, str, str, int | None]

#: Columns of the views arrival and verdict.
ARRIVAL_COLUMNS, VERDICT_COLUMNS = 21, 13


def micros(seconds: float) -> int:
    return round(seconds * 1_000_000)


def seconds(value: int) -> float:
    return value / 1_000_000


def id_list(values: Iterable[int | str]) -> str:
    """A list for json_each."""
    return json.dumps(list(values))


def arrival_row(message: Message, lanes: tuple[str, ...], data: bytes | None) -> tuple[object, ...]:
    """One row of the view arrival."""
    envelope, origin = message.envelope, message.origin
    # json.dumps builds an encoder for each call, which takes longer than the text of one recipient.
    recipients = ",".join(
        f"[{quote(each.address)},{each.notify.value},{_quoted(each.orcpt)},{quote(lane)}]"
        for each, lane in zip(envelope.recipients, lanes, strict=True)
    )
    return (
        message.id,
        micros(message.received_at),
        message.size,
        data is None,
        envelope.reverse_path,
        envelope.body,
        envelope.smtputf8,
        envelope.ret,
        envelope.envid,
        origin.client,
        origin.address,
        origin.helo,
        origin.account,
        origin.tls,
        origin.listener,
        message.mailbox,
        message.header_id,
        message.subject,
        f"from {origin.client} [{origin.address}]",
        f"[{recipients}]",
        data,
    )


def _quoted(text: str | None) -> str:
    return "null" if text is None else quote(text)


def recipient_of(address: str, notify: int, orcpt: str | None) -> Recipient:
    return Recipient(address, Notify(notify), orcpt)


def message_of(row: sqlite3.Row, recipients: Iterable[Recipient]) -> Message:
    """The message of a row of message and its recipients in their order."""
    envelope = Envelope(
        row["reverse_path"],
        tuple(recipients),
        None if row["body_type"] is None else BodyType(row["body_type"]),
        bool(row["smtputf8"]),
        row["ret"],
        row["envid"],
    )
    origin = Origin(row["client"], row["address"], row["helo"], row["account"], row["tls"], row["listener"])
    return Message(
        MessageId(row["id"]),
        envelope,
        origin,
        row["size"],
        seconds(row["received_at"]),
        row["mailbox"],
        row["header_id"],
        row["subject"],
    )


def recipient_view(row: sqlite3.Row) -> RecipientView:
    state = State(row["state"])
    due = seconds(row["next_attempt"]) if state in WAITING else None
    return RecipientView(row["id"], row["address"], state, row["lane"], row["attempts"], due, row["last_reply"])


def change(row: sqlite3.Row, turn: Turn) -> Change:
    due = micros(turn.due) if turn.due is not None else None
    return row["id"], row["lane"], row["state"], turn.lane, turned(row["lane"], turn.why), due


def event_of(row: sqlite3.Row) -> Event:
    return Event(MessageId(row["message"]), seconds(row["at"]), row["kind"], row["address"], row["lane"], row["detail"])
