"""The bytes of a message as a handle: size and a stream of chunks, wherever they lie.

Leaves to others: where the bytes are kept (spool). Invariant: an API passes a Body, never a whole message as bytes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

#: Octets per chunk read from a file.
CHUNK = 256 * 1024


class Body(Protocol):
    """A stored message, header and text."""

    @property
    def size(self) -> int:
        """Octets."""
        ...

    @property
    def inline(self) -> bytes | None:
        """The octets when they are at hand in memory (small messages), else None. A fast path, never the only one."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """The octets from the start, in chunks of at most CHUNK. Raises BodyGone when the store no longer has them."""
        ...


class BodyGone(Exception):
    """The body was removed or its file is missing or short."""


class BytesBody:
    """A body that is held in memory."""

    __slots__ = ("_data",)

    def __init__(self, data: bytes) -> None:
        self._data = data

    @property
    def size(self) -> int:
        return len(self._data)

    @property
    def inline(self) -> bytes | None:
        return self._data

    async def chunks(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._data), CHUNK):
            yield self._data[start : start + CHUNK]
