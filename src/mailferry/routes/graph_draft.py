"""A message that no single request can hold: a draft, its attachments one by one, and the order to send it.

Leaves to others: the JSON forms (graph_json), requests (graph_talk), whether a message may go this way (graph).
Invariants: nothing is sent before every attachment is there whole; a draft that is not sent is taken away again as far
as the service lets us; one block of an attachment is in memory, never all of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote, urlsplit

from mailferry.m365.limits import graph
from mailferry.mail.body import Body
from mailferry.mail.fidelity import Attachment, Report
from mailferry.mail.mime import content
from mailferry.mail.outcome import Deferred, Outcome
from mailferry.routes.classify import internal, local
from mailferry.routes.graph_errors import Answer, Step
from mailferry.routes.graph_http import bytes_content, json_content
from mailferry.routes.graph_json import attachment_content, attachment_json, too_large
from mailferry.routes.graph_letter import Refused
from mailferry.routes.graph_talk import Talk
from mailferry.routes.json_parts import attachment_name

#: Learn, "attach large files to Outlook messages": less than 4 MB in each PUT.
_BLOCK = 3 * 1024 * 1024
_TIDY = 10.0  # seconds that taking a draft away may hold up the next message


class Draft:
    """One message on its way by a draft. `user` the address of the mailbox's resource."""

    __slots__ = ("_body", "_direct", "_most", "_talk", "_user")

    def __init__(self, talk: Talk, user: str, body: Body) -> None:
        published = graph()
        self._talk = talk
        self._user = user
        self._body = body
        self._direct = published.direct_attachment.value
        self._most = published.session_attachment.value

    async def send(self, message: dict[str, Any], report: Report) -> Outcome:
        """Make it, fill it, send it. Raises Refused."""
        for one in report.attachments:
            if one.part.size > self._most:
                raise too_large(one.part.size, self._most, "in an attachment", "Send it by another route")
        self._talk.expect(2 + sum(self._requests(one.part.size) for one in report.attachments))
        made = await self._talk.get(Step.DRAFT, "POST", f"{self._user}/messages", json_content(message))
        draft = f"{self._user}/messages/{quote(_told(made, 'id'), safe='')}"
        try:
            for number, one in enumerate(report.attachments, 1):
                await self._attach(draft, one, number)
        except Exception:
            await self._discard(draft)
            raise
        outcome = await self._talk.send(Step.SEND, f"{draft}/send", None)
        if isinstance(outcome, Deferred):
            await self._discard(draft)
        return outcome

    def _requests(self, size: int) -> int:
        return 1 if size < self._direct else 1 + -(-size // _BLOCK)

    async def _discard(self, draft: str) -> None:
        """Take it out of the mailbox's Drafts. What cannot be taken away does no harm: it was not sent."""
        try:
            async with asyncio.timeout(_TIDY):
                await self._talk.ask(Step.DRAFT, "DELETE", draft)
        except (Refused, TimeoutError):
            return

    async def _attach(self, draft: str, one: Attachment, number: int) -> None:
        place = f"{draft}/attachments"
        if one.part.size < self._direct:
            await self._talk.get(Step.ATTACH, "POST", place, attachment_content(self._body, one, number))
            return
        item = attachment_json(one, number) | {"attachmentType": "file", "size": one.part.size}
        del item["@odata.type"]
        item["name"] = attachment_name(one, number)
        session = await self._talk.get(
            Step.ATTACH, "POST", f"{place}/createUploadSession", json_content({"AttachmentItem": item})
        )
        address = _told(session, "uploadUrl")
        if not self._trusted(address):
            raise Refused(Deferred(local(451, "4.7.5", f"The upload address is not safe: {urlsplit(address).netloc}")))
        at = 0
        async for block in self._blocks(one):
            span = f"bytes {at}-{at + len(block) - 1}/{one.part.size}"
            await self._talk.put(address, bytes_content("application/octet-stream", block), {"Content-Range": span})
            at += len(block)
        if at != one.part.size:
            raise Refused(internal(f"An attachment has {at} octets in place of {one.part.size}"))

    def _trusted(self, address: str) -> bool:
        """The service chooses the host (outlook.office.com); the message goes there over TLS, or not at all."""
        parts, ours = urlsplit(address), urlsplit(self._user)
        return parts.scheme == "https" or (parts.scheme, parts.hostname) == (ours.scheme, ours.hostname)

    async def _blocks(self, one: Attachment) -> AsyncIterator[bytes]:
        block = bytearray()
        async for piece in content(self._body, one.part):
            block += piece
            while len(block) >= _BLOCK:
                yield bytes(block[:_BLOCK])
                del block[:_BLOCK]
        if block:
            yield bytes(block)


def _told(answer: Answer, name: str) -> str:
    value = answer.data.get(name)
    if not isinstance(value, str) or not value:
        raise Refused(
            Deferred(local(451, "4.5.0", f"Microsoft Graph did not tell `{name}`: {answer.words(Step.DRAFT)}"))
        )
    return value
