"""sendMail in both forms, and send of a draft.

Leaves to others: refusal and delivery (graph_submit), MIME (graph_mime). Invariant: recipients come from the headers or
from the JSON properties alone: Graph has no envelope. Bcc is honoured and never delivered.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable

from mailferry.sandbox import graph_errors as errors
from mailferry.sandbox import graph_mime as mime
from mailferry.sandbox.decide import may_send_as
from mailferry.sandbox.graph_call import Answer, Call, Operation
from mailferry.sandbox.graph_compose import flag, parse
from mailferry.sandbox.graph_errors import GraphRefused
from mailferry.sandbox.graph_store import Attachment, Composed
from mailferry.sandbox.graph_submit import Outgoing, Submitter, author_of, own_address
from mailferry.sandbox.tenant import Mailbox
from mailferry.sandbox.world import World


def decoded_mime(call: Call) -> bytes:
    """The MIME of a text/plain body. Raises GraphRefused (400)."""
    try:
        raw = base64.b64decode(b"".join(call.body.split()), validate=True)
    except binascii.Error as error:
        raise GraphRefused(errors.INVALID_BASE64, str(error)) from error
    if not raw:
        raise GraphRefused(errors.INVALID_BASE64, "nothing was sent")
    return mime.canonical(raw)


class Sending:
    """The handlers."""

    def __init__(self, world: World, submitter: Submitter) -> None:
        self._world = world
        self._submitter = submitter

    def operations(self) -> Iterable[Operation]:
        return (
            Operation("POST", "/v1.0/users/{user}/sendMail", "sendMail", self.send_mail),
            Operation("POST", "/v1.0/users/{user}/messages/{message}/send", "send", self.send),
        )

    async def send_mail(self, call: Call) -> Answer:
        mailbox = call.may("Mail.Send")
        if call.is_mime:
            return self._send_mime(call, mailbox)
        request = call.json()
        if "message" not in request and "Message" not in request:
            raise GraphRefused(errors.BODY_INVALID, problem="The parameter 'message' is missing.")
        for name in set(request) - {"message", "Message", "saveToSentItems", "SaveToSentItems"}:
            raise GraphRefused(
                errors.BODY_INVALID,
                problem=f"The parameter '{name}' in the request payload is not a valid parameter for the operation"
                " 'sendMail'.",
            )
        message = request.get("message", request.get("Message"))
        parsed = parse(message, self._world.clock.time(), lambda: self._world.drafts.new_id("attachment"))
        saves = flag(request.get("saveToSentItems", request.get("SaveToSentItems", True)), "saveToSentItems")
        composed = parsed.onto(Composed())
        self._submitter.submit(call, self._rendered(mailbox, composed, parsed.attachments, saves=saves))
        return Answer(202)

    def _send_mime(self, call: Call, mailbox: Mailbox) -> Answer:
        """V: saved in Sent Items; that form has no flag."""
        limit = self._world.behaviour.graph_mime_ignored_over
        if limit and len(call.body) > limit:
            return Answer(200, cause="graph_mime_ignored_over: nothing was sent")
        self._submitter.submit(call, self._from_mime(mailbox, decoded_mime(call)))
        return Answer(202)

    async def send(self, call: Call) -> Answer:
        """V message-send.md: the draft leaves Drafts and is saved in Sent Items."""
        mailbox = call.may("Mail.Send")
        store = self._world.drafts
        draft = store.get(call.path["message"], mailbox.address)
        if draft is None:
            raise GraphRefused(errors.ITEM_NOT_FOUND)
        if draft.mime is not None:
            outgoing = self._from_mime(mailbox, draft.mime)
        else:
            outgoing = self._rendered(mailbox, draft.composed, draft.attachments, saves=True)
        store.remove(draft.id)
        self._submitter.submit(call, outgoing)
        return Answer(202)

    def _from_mime(self, mailbox: Mailbox, raw: bytes) -> Outgoing:
        recipients = self._submitter.check(mailbox, mime.addresses(raw, "To", "Cc", "Bcc"), len(raw))
        author = mailbox.address
        written = [one.address for one in mime.addresses(raw, "From")]
        foreign = [address for address in written if address.lower() not in mailbox.addresses]
        if foreign and self._world.behaviour.graph_mime_from == "deny":
            if len(written) > 1 or not may_send_as(self._world.tenant, mailbox, foreign[0]):
                raise GraphRefused(errors.SEND_AS_DENIED, f"From says {', '.join(written)}")
            author = foreign[0]
        elif [address.lower() for address in written] != [mailbox.address.lower()]:
            raw = mime.with_from(raw, own_address(mailbox))
        return Outgoing(mailbox, author, recipients, mime.without_bcc(raw), raw)

    def _rendered(
        self, mailbox: Mailbox, composed: Composed, attachments: Iterable[Attachment], *, saves: bool
    ) -> Outgoing:
        world = self._world
        author, sender = author_of(world, mailbox, composed.author)
        listed = list(composed.recipients)
        self._submitter.check(mailbox, listed, 0)
        for one in composed.reply_to:
            if mime.problem_of(one.address):
                raise GraphRefused(errors.UNRESOLVED_RECIPIENT, recipient=one.address)
        now = world.clock.time()
        raw = mime.render(
            composed,
            attachments,
            author=author,
            sender=sender,
            now=now,
            message_id=composed.message_id or made_id(world, now),
        )
        recipients = self._submitter.check(mailbox, listed, len(raw))
        copy = mime.bcc_line(composed.bcc) + raw if saves else None
        return Outgoing(mailbox, author.address, recipients, raw, copy)


def made_id(world: World, now: float) -> str:
    """An internetMessageId of the service's making."""
    front = world.hosts.front_end(now)
    return f"<{world.hosts.queue_id(front)}@{front.backend_host}>"
