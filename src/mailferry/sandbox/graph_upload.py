"""Upload sessions for attachments of 3 to 150 MB (V concepts/outlook-large-attachments.md).

Leaves to others: drafts (graph_drafts). Invariant: octets come in order and whole; the attachment appears with the last
of them, never before. The upload address carries its own key, and no Authorization.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from mailferry.clock import utc
from mailferry.sandbox import graph_errors as errors
from mailferry.sandbox.graph_access import user_id
from mailferry.sandbox.graph_call import Answer, Call, Operation
from mailferry.sandbox.graph_drafts import Drafting, add
from mailferry.sandbox.graph_errors import GraphRefused, not_implemented
from mailferry.sandbox.graph_store import Attachment, Upload
from mailferry.sandbox.world import World

_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)\Z")
_SESSION = re.compile(r"/AttachmentSessions\('([^']+)'\)\Z")


class Uploading:
    """The handlers."""

    def __init__(self, world: World, drafting: Drafting) -> None:
        self._world = world
        self._drafting = drafting

    def operations(self) -> Iterable[Operation]:
        path = "/v1.0/users/{user}/messages/{message}/attachments/createUploadSession"
        return (Operation("POST", path, "createUploadSession", self.create),)

    async def create(self, call: Call) -> Answer:
        draft = self._drafting.open_draft(call)
        item = _item(call.json())
        size, behaviour = int(item["size"]), self._world.behaviour
        if size < behaviour.graph_upload_minimum:
            raise GraphRefused(errors.ATTACHMENT_TOO_SMALL)
        if size > behaviour.graph_upload_maximum:
            raise GraphRefused(errors.ATTACHMENT_TOO_LARGE)
        id = self._world.drafts.new_id("upload")
        key = str(uuid5(NAMESPACE_URL, f"{id}/{self._world.random.getrandbits(64)}"))
        upload = self._world.drafts.open(
            Upload(
                id=id,
                key=key,
                draft=draft.id,
                box=draft.box,
                client_id=call.bearer.app_id,
                name=str(item["name"]),
                content_type=str(item.get("contentType") or "application/octet-stream"),
                size=size,
                inline=bool(item.get("isInline", False)),
                content_id=str(item.get("contentId") or ""),
                expires=self._world.clock.time() + behaviour.graph_upload_lifetime,
            )
        )
        return Answer(
            201,
            {
                "@odata.context": f"{call.base_url}/v1.0/$metadata#microsoft.graph.uploadSession",
                "uploadUrl": f"{call.base_url}{self._message(upload)}/AttachmentSessions('{id}')?authtoken={key}",
                "expirationDateTime": _stamp(upload.expires),
                "nextExpectedRanges": ["0-"],
            },
        )

    def find(self, path: str, query: Mapping[str, str], headers: Mapping[str, str], url: str) -> Upload:
        """The session that an upload address names. Raises GraphRefused."""
        if "Authorization" in headers:
            raise GraphRefused(errors.SESSION_AUTHORIZATION, url=url)
        match = _SESSION.search(path)
        upload = self._world.drafts.upload(match[1], self._world.clock.time()) if match else None
        if upload is None or not hmac.compare_digest(upload.key.encode(), query.get("authtoken", "").encode()):
            raise GraphRefused(errors.SESSION_NOT_FOUND, "no such session, another key, or expired")
        return upload

    def put(self, upload: Upload, headers: Mapping[str, str], body: bytes, base_url: str) -> Answer:
        """One range. V: 200 with what comes next, at the end 201 with Location."""
        match = _RANGE.match(headers.get("Content-Range", "").strip())
        if match is None:
            raise GraphRefused(errors.RANGE_MISSING)
        start, end, total = (int(number) for number in match.groups())
        if total != upload.size or end - start + 1 != len(body) or end >= total:
            raise GraphRefused(errors.RANGE_LENGTH, f"{match[0]} with {len(body)} octets")
        if len(body) > self._world.behaviour.graph_chunk_size:
            raise GraphRefused(errors.RANGE_TOO_LONG)
        expected = len(upload.received)
        if start != expected:
            raise GraphRefused(errors.RANGE_OVERLAP if start < expected else errors.RANGE_ORDER, f"{expected} is next")
        draft = self._world.drafts.get(upload.draft, upload.box)
        if draft is None:
            raise GraphRefused(errors.SESSION_NOT_FOUND, "the draft is gone")
        upload.received += body
        message = self._message(upload)
        if len(upload.received) < upload.size:
            context = f"{base_url}/api/v2.0/$metadata#{message.removeprefix('/api/v2.0/')}/AttachmentSessions/$entity"
            following = [str(len(upload.received))]
            # The documented example has these two names in these two cases.
            value = {"ExpirationDateTime": _stamp(upload.expires), "nextExpectedRanges": following}
            return Answer(200, {"@odata.context": context, **value})
        id = self._world.drafts.new_id("attachment")
        self._world.drafts.close(upload.id)
        add(self._world, draft, self._attachment(upload, id))
        return Answer(201, headers={"Location": f"{base_url}{message}/Attachments('{id}')"})

    def cancel(self, upload: Upload) -> Answer:
        self._world.drafts.close(upload.id)
        return Answer(204)

    def _message(self, upload: Upload) -> str:
        tenant = self._world.tenant
        mailbox = tenant.mailbox(upload.box)
        name = user_id(tenant, mailbox) if mailbox is not None else upload.box
        return f"/api/v2.0/Users('{name}@{tenant.tenant_id}')/Messages('{upload.draft}')"

    def _attachment(self, upload: Upload, id: str) -> Attachment:
        return Attachment(
            id=id,
            name=upload.name,
            content_type=upload.content_type,
            content=bytes(upload.received),
            inline=upload.inline,
            content_id=upload.content_id,
            modified=self._world.clock.time(),
        )


def _stamp(at: float) -> str:
    return f"{utc(at):%Y-%m-%dT%H:%M:%S.%f}0Z"


def _item(request: dict[str, Any]) -> dict[str, Any]:
    """V attachmentitem: attachmentType, name and size at the least."""
    item = request.get("AttachmentItem", request.get("attachmentItem"))
    if not isinstance(item, dict):
        raise GraphRefused(errors.BODY_INVALID, problem="The parameter 'AttachmentItem' is missing.")
    if str(item.get("attachmentType", "")).lower() != "file":
        raise not_implemented("upload sessions for anything but attachmentType file")
    size = item.get("size")
    if not isinstance(item.get("name"), str) or not isinstance(size, int) or isinstance(size, bool) or size < 1:
        raise GraphRefused(errors.BODY_INVALID, problem="An AttachmentItem needs a name and a size.")
    return item
