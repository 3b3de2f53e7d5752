"""Drafts: made, changed, deleted, and their attachments below 3 MB.

Leaves to others: upload sessions (graph_upload), sending (graph_send), reading (graph_read). Invariant: only a draft is
ever changed; a message that was sent or received stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from mailferry.sandbox import graph_errors as errors
from mailferry.sandbox import graph_mime as mime
from mailferry.sandbox import graph_odata as odata
from mailferry.sandbox.graph_access import user_id
from mailferry.sandbox.graph_attach import attachment_of, resource_of
from mailferry.sandbox.graph_call import Answer, Call, Operation
from mailferry.sandbox.graph_compose import parse
from mailferry.sandbox.graph_errors import GraphRefused, not_implemented
from mailferry.sandbox.graph_read import READ
from mailferry.sandbox.graph_resource import Item, stored_id
from mailferry.sandbox.graph_send import decoded_mime, made_id
from mailferry.sandbox.graph_store import Attachment, Composed, Draft
from mailferry.sandbox.tenant import Mailbox
from mailferry.sandbox.world import World

WRITE = "Mail.ReadWrite"


class Drafting:
    """The handlers."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._store = world.drafts

    def operations(self) -> Iterable[Operation]:
        messages = "/v1.0/users/{user}/messages"
        one, attached = f"{messages}/{{message}}", f"{messages}/{{message}}/attachments"
        return (
            Operation("POST", messages, "createDraft", self.create),
            Operation("POST", "/v1.0/users/{user}/mailFolders/{folder}/messages", "createDraft", self.create),
            Operation("PATCH", one, "updateMessage", self.update),
            Operation("DELETE", one, "deleteMessage", self.delete),
            Operation("POST", attached, "addAttachment", self.attach),
            Operation("GET", attached, "listAttachments", self.attachments),
            Operation("GET", f"{attached}/{{attachment}}", "getAttachment", self.attachment),
            Operation("GET", f"{attached}/{{attachment}}/$value", "getAttachment", self.content),
            Operation("DELETE", f"{attached}/{{attachment}}", "deleteAttachment", self.detach),
        )

    async def create(self, call: Call) -> Answer:
        """V user-post-messages.md: 201 and the message."""
        mailbox = call.may(WRITE)
        if call.path.get("folder", "drafts").lower() != "drafts":
            raise not_implemented("making a message in another folder than drafts")
        if mailbox.full:
            raise GraphRefused(errors.MAILBOX_FULL)
        now = self._world.clock.time()
        draft = Draft(
            id=self._store.new_id("draft"),
            box=mailbox.address.lower(),
            client_id=call.bearer.app_id,
            created=now,
            modified=now,
            version=1,
            composed=Composed(message_id=made_id(self._world, now)),
        )
        draft = _from_mime(draft, decoded_mime(call)) if call.is_mime else self._changed(draft, call)
        self._store.put(draft)
        return self._answer(call, mailbox, draft, 201)

    async def update(self, call: Call) -> Answer:
        mailbox = call.may(WRITE)
        draft = self._draft(call, mailbox)
        if draft.mime is not None:
            raise not_implemented("changing a draft that was made from MIME")
        return self._answer(call, mailbox, self._store.put(self._changed(draft, call)), 200)

    async def delete(self, call: Call) -> Answer:
        self._store.remove(self._draft(call, call.may(WRITE)).id)
        return Answer(204)

    def _changed(self, draft: Draft, call: Call) -> Draft:
        now = self._world.clock.time()
        parsed = parse(call.json(), now, lambda: self._store.new_id("attachment"))
        return replace(
            draft,
            composed=parsed.onto(draft.composed),
            attachments=(*draft.attachments, *parsed.attachments),
            modified=now,
            version=draft.version + 1,
        )

    # Attachments

    async def attach(self, call: Call) -> Answer:
        draft = self.open_draft(call)
        now = self._world.clock.time()
        attachment = attachment_of(call.json(), now, self._store.new_id("attachment"))
        add(self._world, draft, attachment)
        context = f"{_context(call, self._world, call.mailbox)}('{draft.id}')/attachments/$entity"
        return Answer(201, {"@odata.context": context, **resource_of(attachment, content=True)})

    async def attachments(self, call: Call) -> Answer:
        odata.only(call.query, "$select")
        draft = self._draft(call, call.may(*READ))
        return Answer(200, {"value": [self._shown(call, one, content=True) for one in draft.attachments]})

    async def attachment(self, call: Call) -> Answer:
        odata.only(call.query, "$select")
        return Answer(200, self._shown(call, self._attachment(call, call.may(*READ))[1], content=True))

    async def content(self, call: Call) -> Answer:
        attachment = self._attachment(call, call.may(*READ))[1]
        return Answer(200, raw=attachment.content, content_type=attachment.content_type)

    async def detach(self, call: Call) -> Answer:
        draft, attachment = self._attachment(call, call.may(WRITE))
        rest = tuple(one for one in draft.attachments if one is not attachment)
        self._store.put(replace(draft, attachments=rest, version=draft.version + 1))
        return Answer(204)

    def open_draft(self, call: Call) -> Draft:
        """The draft that something is to be attached to."""
        draft = self._draft(call, call.may(WRITE))
        if draft.mime is not None:
            raise not_implemented("attaching to a draft that was made from MIME")
        return draft

    def _attachment(self, call: Call, mailbox: Mailbox) -> tuple[Draft, Attachment]:
        draft = self._draft(call, mailbox)
        for attachment in draft.attachments:
            if attachment.id == call.path["attachment"]:
                return draft, attachment
        raise GraphRefused(errors.ITEM_NOT_FOUND)

    def _shown(self, call: Call, attachment: Attachment, *, content: bool) -> dict[str, object]:
        select = odata.selected(call.query)
        value = resource_of(attachment, content=content)
        if select is None:
            return value
        wanted = {name.lower() for name in (*select, "id")}
        return {k: v for k, v in value.items() if k.startswith("@") or k.lower() in wanted}

    def _draft(self, call: Call, mailbox: Mailbox) -> Draft:
        draft = self._store.get(call.path["message"], mailbox.address)
        if draft is not None:
            return draft
        stored = self._world.store.get(stored_id(call.path["message"]))
        if stored is not None and stored.box == mailbox.address.lower():
            raise not_implemented("changing a message that is no draft, or listing its attachments")
        raise GraphRefused(errors.ITEM_NOT_FOUND)

    def _answer(self, call: Call, mailbox: Mailbox, draft: Draft, status: int) -> Answer:
        resource = Item(mailbox, draft).resource(None)
        return Answer(status, {"@odata.context": f"{_context(call, self._world, mailbox)}/$entity", **resource})


def add(world: World, draft: Draft, attachment: Attachment) -> None:
    """Put the draft back with one more attachment."""
    now = world.clock.time()
    attachments = (*draft.attachments, attachment)
    world.drafts.put(replace(draft, attachments=attachments, modified=now, version=draft.version + 1))


def _context(call: Call, world: World, mailbox: Mailbox | None) -> str:
    name = user_id(world.tenant, mailbox) if mailbox is not None else call.user
    return f"{call.base_url}/v1.0/$metadata#users('{name}')/messages"


def _from_mime(draft: Draft, raw: bytes) -> Draft:
    """Headers for show; what is sent is the MIME."""
    written = mime.header_text(raw, "Message-ID")
    composed = replace(
        draft.composed,
        subject=mime.header_text(raw, "Subject") or "",
        to=tuple(mime.addresses(raw, "To")),
        cc=tuple(mime.addresses(raw, "Cc")),
        bcc=tuple(mime.addresses(raw, "Bcc")),
        reply_to=tuple(mime.addresses(raw, "Reply-To")),
        message_id=written or draft.composed.message_id,
    )
    if written is None:
        raw = f"Message-ID: {composed.message_id}\r\n".encode() + raw
    return replace(draft, composed=composed, mime=raw)
