"""All reading, on a connection and a thread of its own: it waits for no commit and no commit waits for it.

Leaves to others: when it is asked (store). Invariant: every answer is of one moment of the database, and includes
whatever was durable when the question was put.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any

from mailferry.mail.body import Body, BytesBody
from mailferry.mail.envelope import Recipient
from mailferry.mail.message import Message, MessageId
from mailferry.spool.api import (
    FINAL,
    Alarm,
    Choose,
    Claim,
    Filter,
    LaneDue,
    Lease,
    MessageView,
    RecipientView,
    State,
    UsedMinute,
)
from mailferry.spool.guard import wanted_states
from mailferry.spool.sqlite.actions import filter_parameters, finished_files
from mailferry.spool.sqlite.bodies import BodyFiles, LostBody
from mailferry.spool.sqlite.cache import HotCache
from mailferry.spool.sqlite.operations import Take
from mailferry.spool.sqlite.queries import queries
from mailferry.spool.sqlite.rows import (
    Change,
    change,
    event_of,
    id_list,
    message_of,
    recipient_of,
    recipient_view,
    seconds,
)

_PAGE = 500
#: Messages of one page where none of their rows is shown; others read meanwhile.
_SCANNED = 5000


class Reader:
    """Every method runs in the reader's thread."""

    def __init__(self, connection: sqlite3.Connection, files: BodyFiles, cache: HotCache) -> None:
        self._connection = connection
        self._connection.row_factory = sqlite3.Row
        self._files = files
        self._cache = cache

    def close(self) -> None:
        self._connection.close()

    def leases(self, takes: Sequence[Take]) -> dict[int, list[Lease]]:
        """What claims got, by their lease numbers, the oldest due first."""
        answer = self._one("leased", leases=id_list(take.lease for take in takes))
        rows = json.loads(answer)
        messages = self._messages({row[2] for row in rows})
        lanes = {take.lease: (take.lane, take.deadline) for take in takes}
        grouped: dict[tuple[int, int], list[Claim]] = {}
        begun = {(row[0], row[2]) for row in rows if row[6]}
        for lease, claim, message, number, attempts, came_from, _ in rows:
            recipient = messages[message][0].envelope.recipients[number]
            grouped.setdefault((lease, message), []).append(Claim(claim, recipient, attempts, State(came_from)))
        found: dict[int, list[Lease]] = {take.lease: [] for take in takes}
        for (lease, message), claims in grouped.items():
            lane, expires = lanes[lease]
            claims.sort(key=lambda claim: claim.id)  # as in the envelope, whichever was due first
            whole, body = messages[message]
            found[lease].append(Lease(whole, lane, tuple(claims), body, expires, lease, (lease, message) in begun))
        return found

    def lanes(self) -> list[LaneDue]:
        return [LaneDue(lane, waiting, seconds(due)) for lane, waiting, due in self._all("lanes")]

    def used(self, lane: str, since: float) -> list[UsedMinute]:
        return [UsedMinute(*row) for row in self._all("used", lane=lane, minute=int(since // 60))]

    def senders(self, since: float) -> list[str]:
        return [row[0] for row in self._all("senders", minute=int(since // 60))]

    def by_header(self, headers: Sequence[str], after: int) -> tuple[list[MessageId], int | None]:
        """Those of the next page of messages, and the message to go on after."""
        (row,) = self._all("by-header", headers=id_list(headers), after=after, most=_SCANNED)
        return [MessageId(each) for each in json.loads(row[1])], row[0]

    def counts(self) -> dict[State, int]:
        found = {state: 0 for state in State if not state.final}
        found.update({State(state): number for state, number in self._all("counts")})
        return found

    def alarms(self) -> list[Alarm]:
        return [Alarm(key, seconds(since), text, cure) for key, since, text, cure in self._all("alarms")]

    def find(self, which: Filter, limit: int, after: MessageId | None) -> list[MessageView]:
        states = wanted_states(which)
        name = "find-any" if states & FINAL else "find-open"
        with self._moment():
            rows = self._all(name, **filter_parameters(which, states), after=-1 if after is None else after, most=limit)
            return [MessageView(*each) for each in self._with_recipients(rows)]

    def show(self, message: MessageId) -> MessageView | None:
        with self._moment():
            found = list(self._with_recipients(self._all("messages", messages=id_list([message]))))
            if not found:
                return None
            events = tuple(event_of(row) for row in self._all("events", message=message))
            return MessageView(*found[0], events)

    def body(self, message: MessageId) -> Body | None:
        with self._moment():
            rows = self._all("messages", messages=id_list([message]))
            if not rows or rows[0]["finished"] is not None:
                return None
            if rows[0]["filed"]:
                return self._files.body(message, rows[0]["size"])
            bodies = self._all("body", message=message)
            return BytesBody(bodies[0]["data"]) if bodies else LostBody(message, rows[0]["size"])

    def reroutes(self, choose: Choose, after: int) -> tuple[list[Change], int | None]:
        """The changes of the next page of open messages, and the message to go on after."""
        changes: list[Change] = []
        with self._moment():
            rows = self._all("open-messages", after=after, most=_PAGE)
            grouped = self._grouped(rows)
        for row in rows:
            recipients = grouped.get(row["id"], [])
            message = message_of(row, _recipients(recipients))
            for each, recipient in zip(recipients, message.envelope.recipients, strict=True):
                if State(each["state"]) in FINAL or each["state"] == State.CLAIMED:
                    continue
                turn = choose(message, recipient, recipient_view(each))
                if turn is not None and turn.lane != each["lane"]:
                    changes.append(change(each, turn))
        return changes, rows[-1]["id"] if len(rows) == _PAGE else None

    def highest(self) -> int:
        """The highest number of a message or lease."""
        return int(self._one("highest"))

    def newest(self) -> int:
        """The last message that is known, finished or not."""
        return int(self._one("newest"))

    def open_files(self) -> dict[int, int]:
        """{message: size} of the messages whose body is a file that is still needed."""
        return {row["id"]: row["size"] for row in self._all("open-files")}

    def finished_files(self, message: int) -> tuple[int, ...]:
        """The message, if it is finished and its body was a file."""
        return finished_files(self._connection, id_list([message]))

    def _messages(self, wanted: set[MessageId]) -> dict[int, tuple[Message, Body]]:
        """Messages with their bodies, from memory where they are there."""
        found: dict[int, tuple[Message, Body]] = {}
        missing: list[MessageId] = []
        for each in wanted:
            hot = self._cache.get(each)
            if hot is None:
                missing.append(each)
            else:
                message, data = hot
                found[each] = (message, self._files.body(each, message.size) if data is None else BytesBody(data))
        for row in self._all("whole-messages", messages=id_list(missing)) if missing else ():
            key, size = row["id"], row["size"]
            body: Body = self._files.body(key, size) if row["filed"] else LostBody(key, size)
            if row["data"] is not None:
                body = BytesBody(row["data"])
            recipients = (recipient_of(*each) for each in json.loads(row["recipients"]))
            found[key] = (message_of(row, recipients), body)
        return found

    def _with_recipients(self, rows: Sequence[sqlite3.Row]) -> Iterator[tuple[Message, tuple[RecipientView, ...]]]:
        grouped = self._grouped(rows)
        for row in rows:
            recipients = grouped.get(row["id"], [])
            yield message_of(row, _recipients(recipients)), tuple(recipient_view(each) for each in recipients)

    def _grouped(self, messages: Iterable[sqlite3.Row]) -> dict[int, list[sqlite3.Row]]:
        rows = self._all("recipients", messages=id_list(row["id"] for row in messages))
        return {key: list(group) for key, group in groupby(rows, lambda row: row["message"])}

    @contextmanager
    def _moment(self) -> Iterator[None]:
        """Several statements see the same state."""
        self._connection.execute("BEGIN")
        try:
            yield
        finally:
            self._connection.execute("COMMIT")

    def _all(self, name: str, **parameters: object) -> list[sqlite3.Row]:
        return self._connection.execute(queries()[name], parameters).fetchall()

    def _one(self, name: str, **parameters: object) -> Any:
        return self._connection.execute(queries()[name], parameters).fetchone()[0]


def _recipients(rows: Iterable[sqlite3.Row]) -> Iterator[Recipient]:
    return (recipient_of(row["address"], row["notify"], row["orcpt"]) for row in rows)
