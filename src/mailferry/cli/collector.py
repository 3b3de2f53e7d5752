"""The interpreter's cycle collector, for commands that make very many objects and hardly a cycle."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def seldom() -> Iterator[None]:
    """Look for cycles seldom: with the objects of 50,000 clients the usual rhythm is a quarter of a command's time."""
    before = gc.get_threshold()
    gc.set_threshold(200_000, 50, 1000)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def calm() -> None:
    """For what runs for months: look seldom, and never again at what was made at start. The mail path makes no cycles,
    so next to nothing is found."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
