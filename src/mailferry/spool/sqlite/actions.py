"""What people and the start of a gateway do to many recipients at once; each function runs inside a transaction.

Leaves to others: which thread and transaction (writer, transaction).
Invariant: an event row for every recipient that is changed; counts come from the rows that the guarded statement
changed, and differ from the rows that were chosen only by raising.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mailferry.mail.message import MessageId, format_id
from mailferry.spool.api import LOST_ANSWER, WAITING, Alarm, Filter, Lease, SpoolError, State
from mailferry.spool.guard import GIVEN_BACK, INTERRUPTED, clean, like, wanted_states
from mailferry.spool.sqlite.queries import queries
from mailferry.spool.sqlite.rows import Change, id_list, micros

#: Recipients changed in one transaction: an action on a long queue must not keep new mail waiting.
CHUNK = 1000


@dataclass(frozen=True, slots=True)
class Action:
    """One of the verbs: which states it takes, its statement, its event, whether it makes mail due or final, and
    whether of those held it takes only the ones whose answer was lost."""

    origins: frozenset[State]
    statement: str
    kind: str
    detail: str
    due: bool = False
    final: bool = False
    lost: bool = False
    decides: bool = False  # what was in doubt no longer is


HOLD = Action(WAITING, "hold", "held", "by {who}")
RELEASE = Action(frozenset({State.HELD}), "release", "released", "by {who}", due=True)
RETRY = Action(WAITING, "retry", "retried", "by {who}", due=True, decides=True)
HASTEN = Action(WAITING, "retry", "retried", "by {who}", due=True)
DROP = Action(WAITING | {State.HELD}, "drop", "dropped", "by {who}", final=True)
SETTLE = Action(
    frozenset({State.UNKNOWN, State.HELD}), "settle", "delivered", "settled by {who}", final=True, lost=True
)


@dataclass(frozen=True, slots=True)
class Part:
    """What one transaction of an action did: `last` is the recipient to go on after, None at the end; `files` are
    finished messages whose body is a file."""

    changed: int
    last: int | None
    files: tuple[int, ...] = ()


def filter_parameters(which: Filter, states: Iterable[State]) -> dict[str, object]:
    """The parameters that match, find-open and find-any share."""
    return {
        "states": id_list(sorted(states)),
        "ids": id_list(which.ids) if which.ids else None,
        "sender": like(which.sender),
        "client": like(which.client),
        "recipient": like(which.recipient),
        "lane": like(which.lane),
        "older": None if which.older_than is None else micros(which.older_than),
        "newer": None if which.newer_than is None else micros(which.newer_than),
        "due": None if which.due_after is None else micros(which.due_after),
    }


def act(
    connection: sqlite3.Connection, action: Action, which: Filter, now: float, who: str, after: int
) -> tuple[Part, Iterable[str]]:
    """Do `action` to the next CHUNK matching recipients after row `after`."""
    states = wanted_states(which) & action.origins
    lost = like(f"{LOST_ANSWER}*") if action.lost else None
    rows = connection.execute(
        queries()["match"], {**filter_parameters(which, states), "lost": lost, "after": after, "most": CHUNK}
    ).fetchall()
    if not rows:
        return Part(0, None), ()
    at = micros(now)
    chosen = id_list(row[0] for row in rows)
    messages = id_list(sorted({row[1] for row in rows}))
    connection.execute(
        queries()["act-events"],
        {
            "chosen": chosen,
            "origins": id_list(sorted(action.origins)),
            "at": at,
            "kind": action.kind,
            "detail": action.detail.format(who=who),
        },
    )
    changed = connection.execute(queries()[action.statement], {"chosen": chosen, "at": at}).rowcount
    if changed != len(rows):
        raise SpoolError(f"{action.statement} changed {changed} recipients of {len(rows)}")
    if action.decides:
        connection.execute(queries()["decide"], {"chosen": chosen})
    files: tuple[int, ...] = ()
    if action.final:
        connection.execute(queries()["finish"], {"messages": messages, "at": at})
        files = finished_files(connection, messages)
    last = rows[-1][0] if len(rows) == CHUNK else None
    return Part(changed, last, files), {row[2] for row in rows} if action.due else ()


def finished_files(connection: sqlite3.Connection, messages: str) -> tuple[int, ...]:
    return tuple(row[0] for row in connection.execute(queries()["finished-files"], {"messages": messages}))


def begin(connection: sqlite3.Connection, leases: Sequence[Lease]) -> tuple[bool, Iterable[str]]:
    """Record that leases are attempted; False when one of them is no longer held, and then nothing is recorded."""
    begun = json.dumps([(lease.token, lease.message.id) for lease in leases])
    changed = connection.execute(queries()["begin"], {"begun": begun}).rowcount
    if changed != sum(len(lease.claims) for lease in leases):
        raise LeaseLost
    return True, ()


class LeaseLost(SpoolError):
    """A lease that was to begin is no longer held."""


def interrupt(connection: sqlite3.Connection, leases: Sequence[int] | None, at: int) -> int:
    """Turn leases back: those given, or all. What was being attempted becomes UNKNOWN, due at once, and its budget
    counts as used; what was not goes back to where it came from."""
    which = None if leases is None else id_list(leases)
    rows = connection.execute(queries()["interrupted"], {"leases": which}).fetchall()
    _give_back(connection, [row[0] for row in rows if not row[4]], at)
    begun = [row for row in rows if row[4]]
    if not begun:
        return len(rows)
    ids = id_list(row[0] for row in begun)
    connection.execute(queries()["interrupt-events"], {"ids": ids, "at": at, "detail": INTERRUPTED})
    connection.execute(queries()["interrupt"], {"ids": ids, "at": at})
    attempts: dict[tuple[int, int, str], int] = {}
    for _, message, lane, lease, _ in begun:
        attempts[lease, message, lane] = attempts.get((lease, message, lane), 0) + 1
    for (_, _, lane), recipients in attempts.items():
        connection.execute(
            queries()["use"],
            {"lane": lane, "minute": at // 60_000_000, "messages": 1, "recipients": recipients},
        )
    return len(rows)


def unlease(connection: sqlite3.Connection, leases: Sequence[int], now: float) -> tuple[int, Iterable[str]]:
    """Take back leases that nobody was given: what they hold was not attempted."""
    rows = connection.execute(queries()["interrupted"], {"leases": id_list(leases)}).fetchall()
    return _give_back(connection, [row[0] for row in rows], micros(now)), ()


def _give_back(connection: sqlite3.Connection, recipients: Sequence[int], at: int) -> int:
    if not recipients:
        return 0
    parameters = {"ids": id_list(recipients), "at": at, "detail": GIVEN_BACK}
    connection.execute(queries()["unlease-events"], parameters)
    return connection.execute(queries()["unlease"], parameters).rowcount


def reroute(connection: sqlite3.Connection, changes: Sequence[Change], now: float) -> tuple[int, Iterable[str]]:
    """Give recipients their new lane, unless they moved meanwhile."""
    parameters = {"changes": json.dumps(changes), "at": micros(now)}
    connection.execute(queries()["reroute-events"], parameters)
    changed = connection.execute(queries()["reroute"], parameters).rowcount
    return changed, {change[3] for change in changes}


def raise_alarm(connection: sqlite3.Connection, alarm: Alarm) -> tuple[bool, Iterable[str]]:
    parameters = {"key": alarm.key, "since": micros(alarm.since), "text": alarm.text, "cure": alarm.cure}
    new = connection.execute(queries()["raise-alarm"], parameters).rowcount == 1
    if not new:
        connection.execute(queries()["renew-alarm"], parameters)
    return new, ()


def clear_alarm(connection: sqlite3.Connection, key: str) -> tuple[bool, Iterable[str]]:
    return connection.execute(queries()["clear-alarm"], {"key": key}).rowcount == 1, ()


def purge(connection: sqlite3.Connection, before: float, used_before: float) -> tuple[int, Iterable[str]]:
    """Forget the next CHUNK finished messages and, at the end, the budget that was used before `used_before`."""
    at = micros(before)
    found = connection.execute(queries()["purgeable"], {"before": at, "most": CHUNK}).fetchone()[0]
    for each in ("purge-events", "purge-recipients"):
        connection.execute(queries()[each], {"messages": found})
    removed = connection.execute(queries()["purge-messages"], {"messages": found}).rowcount
    if removed < CHUNK:
        connection.execute(queries()["purge-usage"], {"minute": int(used_before // 60)})
    return removed, ()


def returned(
    connection: sqlite3.Connection, message: int, recipient: int, detail: str, at: float
) -> tuple[bool, Iterable[str]]:
    """Note once that a recipient's mail came back."""
    parameters = {"message": message, "recipient": recipient, "detail": clean(detail), "at": micros(at)}
    new = connection.execute(queries()["returned-event"], parameters).rowcount == 1
    if new:
        connection.execute(queries()["returned"], parameters)
    return new, ()


def lost_bodies(connection: sqlite3.Connection, messages: Sequence[int], now: float) -> tuple[int, Iterable[str]]:
    """Say loudly, once each, that messages have no body: an event in their history and an alarm."""
    new = 0
    for message in messages:
        name = format_id(MessageId(message))
        text = f"the body file of message {name} is missing or short; it cannot be sent"
        cure = "restore the file from a backup, or drop the message and ask its sender to send it again"
        if raise_alarm(connection, Alarm(f"body:{name}", now, text, cure))[0]:
            connection.execute(queries()["note"], {"message": message, "at": micros(now), "lane": "", "detail": text})
            new += 1
    return new, ()
