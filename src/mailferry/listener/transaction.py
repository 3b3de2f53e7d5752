"""From MAIL to the end of data: collects the envelope, edits the header section, streams the rest into a Draft.

Only the header section is held in memory, up to a limit; the text of the message passes through, so memory does not
grow with size. Leaves to others: who may send what (policy by way of site), replies and waiting (session).
Invariant: exactly one of commit and abort ends the draft; the envelope comes from MAIL and RCPT alone.
"""

from __future__ import annotations

from asyncio import Future

from mailferry.listener import policy
from mailferry.listener.policy import Identity
from mailferry.listener.site import Site, Verdict
from mailferry.mail.address import same_address
from mailferry.mail.envelope import Envelope, Origin, Recipient
from mailferry.mail.headers import Header, fields_end, printable, rewrite_from, subject
from mailferry.mail.message import MessageId, format_id
from mailferry.smtp.commands import Mail, Rcpt
from mailferry.smtp.replies import Reply, reply
from mailferry.spool.api import Accepted, Draft

#: Exchange Online's own limit of a header section is 256 KB (service description, "Message header size limit").
HEADER_LIMIT = 256 * 1024
HEADER_TOO_LARGE = reply(552, "5.3.4", "The header section of the message is too large")

#: Octets of a Message-ID that are kept for looking it up: a line of RFC 5322 section 2.1.1.
_LONGEST_ID = 998
_MBOX = (b"From ", b">From ")


class Transaction:
    """One message on its way in. `refusal` is set when it cannot be taken any more and only its end is awaited."""

    __slots__ = (
        "_draft",
        "_empty_id",
        "_head",
        "_header_id",
        "_scanned",
        "_subject",
        "identity",
        "mail",
        "queue_id",
        "recipients",
        "refusal",
        "sender",
        "size",
        "trace",
    )

    def __init__(self, mail: Mail, identity: Identity) -> None:
        self.mail = mail
        self.sender = mail.path
        self.identity = identity
        self.recipients: dict[str, tuple[Recipient, Verdict]] = {}
        self.refusal: Reply | None = None
        self.trace = b""  # the Received field up to its id
        self.size = 0
        self._draft: Draft | None = None
        self._head: bytearray | None = None  # the header section while it is not whole
        self._scanned = 0
        self.queue_id = ""
        self._header_id = ""
        self._empty_id = False
        self._subject = ""

    def add(self, command: Rcpt, path: str, verdict: Verdict) -> None:
        """A recipient that is allowed. The same one again changes nothing (mail.envelope: each once)."""
        self.recipients.setdefault(path, (Recipient(path, command.notify, command.orcpt), verdict))

    @property
    def mailbox(self) -> str:
        """The mailbox the client's mail is sent from."""
        return self.identity.client.mailbox or self.sender

    @property
    def begun(self) -> bool:
        return self._draft is not None

    @property
    def arrived(self) -> int:
        """Octets that were kept so far."""
        return self._draft.size if self._draft is not None else 0

    def begin(self, site: Site, trace: bytes) -> None:
        """Open the draft. Raises SpoolFull."""
        self._draft = draft = site.spool.draft(self.mail.size)
        self.queue_id = format_id(draft.id)
        self.trace = trace
        self._head = bytearray()

    def write(self, data: bytes, site: Site) -> Future[None] | None:
        """Take octets; the future to wait for when the store does not keep up."""
        draft = self._draft
        if draft is None:
            return None
        if self._head is None:
            draft.write(data)
        else:
            self._write_head(data, site, draft)
        self._bound(draft)
        return draft.drain() if self._draft is not None else None

    def _bound(self, draft: Draft | None) -> None:
        """Keep to the client's own size; the listener's is kept by the core."""
        limit = self.identity.client.max_size
        if draft is not None and limit and draft.size > limit:
            self.refuse(policy.TOO_LARGE)

    def commit(self, origin: Origin, site: Site) -> Future[MessageId] | None:
        """All octets came: hand the message over. None when it was refused on the way."""
        if self._head is not None and self._draft is not None:
            self._finish_head(site, self._draft)
            self._bound(self._draft)
        draft = self._draft
        if draft is None:
            return None
        client, mail = self.identity.client, self.mail
        entries = self.recipients.values()
        sending = self.mailbox
        path = self._target(sending) if client.rewrite_from and mail.path else mail.path
        envelope = Envelope(
            path, tuple([entry[0] for entry in entries]), mail.body, mail.smtputf8, mail.ret, mail.envid
        )
        lanes = tuple([site.lane(client, self.sender, each.address, verdict, draft.size) for each, verdict in entries])
        self._draft = None
        self.size = draft.size
        return draft.commit(Accepted(envelope, origin, sending, lanes, self._header_id, self._subject))

    def refuse(self, refusal: Reply) -> None:
        """Give the message up; what still comes is dropped."""
        self.refusal = refusal
        self.abort()

    def abort(self) -> None:
        """Forget the draft."""
        draft, self._draft, self._head = self._draft, None, None
        if draft is not None:
            draft.abort()

    # The header section

    def _write_head(self, data: bytes, site: Site, draft: Draft) -> None:
        head = self._head
        if not head:  # nearly always the whole section lies in the first piece: no copy of the piece then
            end = fields_end(data)
            if data[end : end + 2] == b"\r\n":
                self._head = None
                self._start(data[:end], data, end, site, draft)
                return
        if head is None:
            return
        head += data
        if b"\n" not in data:
            if len(head) > HEADER_LIMIT:
                self.refuse(HEADER_TOO_LARGE)
            return
        self._scanned = end = fields_end(head, self._scanned)
        if head.find(b"\n", end) >= 0:  # the empty line, or a line that is no field: the text begins
            self._finish_head(site, draft)
        elif len(head) > HEADER_LIMIT:
            self.refuse(HEADER_TOO_LARGE)

    def _finish_head(self, site: Site, draft: Draft) -> None:
        """The section is whole, or the message ended inside it. Without its empty line it gets one, as Postfix does
        for devices that send a line of text first; an mbox line in front (old mailx) goes."""
        whole = bytes(self._head or b"")
        self._head = None
        if whole.startswith(_MBOX) and not whole[4:].lstrip(b" \t").startswith(b":"):  # "From :" is a field
            whole = whole[whole.find(b"\n") + 1 :]
            self._scanned = 0
        end = fields_end(whole, self._scanned)
        if end > HEADER_LIMIT:
            self.refuse(HEADER_TOO_LARGE)
        elif whole[end : end + 2] == b"\r\n" or end == len(whole):
            self._start(whole[:end], whole, end, site, draft)
        else:
            self._start(whole[:end], whole[:end] + b"\r\n" + whole[end:], end, site, draft)

    def _start(self, fields: bytes, data: bytes, end: int, site: Site, draft: Draft) -> None:
        """Check and edit the fields, then write them and what follows them in `data`."""
        header = Header(fields)
        names = site.names
        client = self.identity.client
        if header.more_than(names.max_received, b"received"):
            self.refuse(policy.LOOPING)
            return
        target = self._target(self.mailbox) if client.rewrite_from else ""
        if client.check_from or (client.rewrite_from and not target and client.senders):
            refusal = site.claims(client, header)
            if refusal is not None:
                self.refuse(refusal)
                return
        prefix = b"%b%b;\r\n\t%b\r\n" % (self.trace, self.queue_id.encode(), site.date()) + self._missing(header, site)
        if names.subjects:
            self._subject = subject(header)
        edited = fields
        if self._empty_id:
            edited = header.without(b"message-id")
        if target:
            edited = rewrite_from(edited, target)
        if edited is fields:
            draft.write(prefix)
            draft.write(data)
        else:
            draft.write(prefix + edited)
            draft.write(data[end:])

    def _missing(self, header: Header, site: Site) -> bytes:
        """Date and Message-ID where the client left them out (RFC 6409 sections 8.2 and 8.3)."""
        added = b""
        value = header.value(b"message-id")
        if value:
            self._header_id = printable(value[:_LONGEST_ID].decode("utf-8", "replace"))
        else:
            self._empty_id = value is not None
            self._header_id = site.message_id()
            added = b"Message-ID: " + self._header_id.encode() + b"\r\n"
        if not header.has(b"date"):
            added += b"Date: " + site.date() + b"\r\n"
        return added

    def _target(self, mailbox: str) -> str:
        """Whom a rewritten message comes from: the one mailbox its routes send from, else the client's."""
        chosen = {entry[1].mailbox for entry in self.recipients.values()}
        only = chosen.pop() if len(chosen) == 1 else ""
        return mailbox if not only or same_address(only, mailbox) else only
