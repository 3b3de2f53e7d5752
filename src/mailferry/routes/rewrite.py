"""A message sent as another: the header section edited, the rest of the octets passed on as they stand.

Leaves to others: which routes need it (build) and what a header edit is (mail.headers). Invariants: nothing after the
header section is read before it is sent, nor kept; the size that is announced is the size that is sent.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator

from mailferry.mail.body import CHUNK, Body
from mailferry.mail.headers import Header, fields_end, rewrite_from

#: A header section that is longer is edited as far as it was read, which From never lies behind.
_LONGEST_HEADER = 1024 * 1024
_ORIGINAL = b"X-Mailferry-Original-From"


async def as_account(body: Body, account: str) -> Body:
    """`body` sent as `account`: From names it, the original goes to Reply-To where there is none, and stands in
    X-Mailferry-Original-From in any case. Raises BodyGone."""
    head = await _head(body)
    raw = bytes(head[: fields_end(head)])
    edited = _edited(raw, account)
    return body if edited == raw else EditedBody(body, edited, len(raw))


def _edited(raw: bytes, account: str) -> bytes:
    """The header section `raw`, sent as `account`."""
    header, edited = Header(raw), rewrite_from(raw, account)
    original = header.text(b"from")
    if edited == raw or original is None:
        return edited
    # A line of that name that a client wrote would be taken for ours.
    return Header(edited).replaced(_ORIGINAL.lower(), _ORIGINAL + b": " + original.lstrip(b" \t"))


async def _head(body: Body) -> bytes | bytearray:
    """From the start of the message to the end of the header section at least."""
    if body.inline is not None:
        return body.inline
    head, chunks = bytearray(), body.chunks()
    try:
        async for chunk in chunks:
            before = max(0, len(head) - 3)
            head += chunk
            if head.find(b"\r\n\r\n", before) >= 0 or head[:2] == b"\r\n" or len(head) > _LONGEST_HEADER:
                break
    finally:
        await _close(chunks)
    return head


class EditedBody:
    """`head` in place of the first `skip` octets of `body`."""

    __slots__ = ("_body", "_head", "_skip", "inline", "size")

    def __init__(self, body: Body, head: bytes, skip: int) -> None:
        self._body = body
        self._head = head
        self._skip = skip
        self.size = body.size - skip + len(head)
        octets = body.inline
        self.inline = head + octets[skip:] if octets is not None and len(octets) <= CHUNK else None

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self._head
        skip, chunks = self._skip, self._body.chunks()
        try:
            async for chunk in chunks:
                if skip < len(chunk):
                    yield chunk[skip:] if skip else chunk
                skip = max(0, skip - len(chunk))
        finally:
            await _close(chunks)


async def _close(chunks: AsyncIterator[bytes]) -> None:
    if isinstance(chunks, AsyncGenerator):  # a file is open behind it
        await chunks.aclose()
