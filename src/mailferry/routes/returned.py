"""Mailboxes in which non-delivery reports may lie: what a reader of them offers.

Leaves to others: how one is read (graph_inbox), what a report says (mail.ndr), what follows (delivery.returns).
Invariant: reading changes nothing in the mailbox.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


class Unread(Exception):
    """The mailbox could not be read. `lasting`: somebody has to change something first (a permission)."""

    def __init__(self, reason: str, *, lasting: bool, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.lasting = lasting
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Letter:
    """A report as it lies in a mailbox; `data` may be cut off after its first mebibyte."""

    id: str
    at: float
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found, oldest first, and when the last message came that was looked at (None: there was none)."""

    letters: tuple[Letter, ...] = ()
    until: float | None = None


class Inbox(Protocol):
    """Reads the reports in the mailboxes of one route."""

    async def reports(self, mailbox: str, since: float, known: Sequence[str]) -> Look:
        """The reports among the messages that came at `since` or after, without those whose id is in `known`. However
        much lies there, a bounded part is looked at: what follows comes with the next look. Raises Unread."""
        ...


#: Route name -> what reads its mailboxes; routes without are absent.
Inboxes = Mapping[str, Inbox]
