"""The named points of the mail's way through the store, where a crash test may stop the process.

Leaves to others: what happens at a point (app reads the environment; the default is nothing at all).
Invariant: every name that the store announces is in NAMES, so that a test can walk through all of them.
"""

from __future__ import annotations

from collections.abc import Callable

#: Called with one of NAMES, from whatever thread gets there.
Checkpoint = Callable[[str], None]

NAMES: tuple[str, ...] = (
    "spool.body-started",  # the file of a large body exists, nothing is in it
    "spool.body-written",  # the file of a large body is whole and synced, no row yet
    "spool.before-commit",  # the rows of new mail are written, not synced
    "spool.after-commit",  # new mail is durable, nobody was told
    "spool.before-claim",  # leases are written, not synced
    "spool.after-claim",  # leases are durable, nobody was told
    "spool.before-record",  # outcomes are written, not synced
    "spool.after-record",  # outcomes are durable, nobody was told
    "spool.before-unlink",  # a message is finished and durable, its body file is still there
)


def no_checkpoint(name: str) -> None:
    """The default: go on."""
