"""What is answered in a conversation: each event of the core meets its decision.

Leaves to others: the flow (conversation), decisions (policy, remembered by site), the message (transaction), logging
in (login). Invariant: 250 to the end of data is given only after commit returned; every other way out is abort and a
4yz or 5yz reply, and every refusal is in the log.
"""

from __future__ import annotations

import re
from asyncio import Future
from typing import Final

from mailferry.listener import policy
from mailferry.listener.conversation import INTERNAL_ERROR, Conversation, Handlers, Wire
from mailferry.listener.login import Login
from mailferry.listener.policy import Identity
from mailferry.listener.profile import Profile
from mailferry.listener.transaction import Transaction
from mailferry.mail.envelope import Origin
from mailferry.mail.message import MessageId
from mailferry.smtp import commands as c
from mailferry.smtp import events as e
from mailferry.smtp.limits import BareNewlines
from mailferry.smtp.replies import Reply, reply
from mailferry.spool.api import SpoolFailed, SpoolFull

BYE = reply(221, "2.0.0", "Bye")
SEND_DATA = reply(354, "", "End data with <CRLF>.<CRLF>")
CANNOT_VERIFY = reply(252, "2.5.0", "Cannot verify the user, but will take the message")  # RFC 5321 section 3.5.3
HELP = reply(214, "2.0.0", "This is a mail submission server; see RFC 6409")
NOT_UNDERSTOOD = reply(500, "5.5.1", "Command not recognized")
NO_HTTP = reply(521, "5.5.1", "This is a mail server, not a web server")
READY_FOR_TLS = reply(220, "2.0.0", "Ready to start TLS")
CHANGED = reply(421, "4.3.2", "The settings of this client have changed, connect again")
FULL = reply(452, "4.3.1", "Insufficient system storage, try again later")
STORE_FAILED = reply(451, "4.3.0", "The message could not be stored, try again later")

_HTTP = frozenset({"GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "DELETE", "PATCH", "TRACE"})
#: Verbs of other mail servers, which the log may name. Whatever else comes may be a name or password in base64 from a
#: device that goes on with a login that was refused.
_VERBS = frozenset(
    {"ATRN", "BURL", "ETRN", "EXPN", "LHLO", "SAML", "SEND", "SOML", "TURN", "XCLIENT", "XEXCH50", "XFORWARD"}
)
_UNSAFE = re.compile(r"[^A-Za-z0-9.:_\[\]-]")


class Session(Conversation):
    """The server's side of one conversation."""

    __slots__ = ("_committing", "_login", "_origin", "_trace", "helo", "identity")

    def __init__(self, profile: Profile, wire: Wire, address: str, tls: str | None = None) -> None:
        super().__init__(profile, wire, address, tls, _HANDLERS)
        self.identity: Identity | None = None
        self.helo = ""
        self._committing: Transaction | None = None
        self._login: Login | None = None
        self._origin: Origin | None = None  # the same for every message until EHLO, AUTH or TLS
        self._trace = b""

    def _client_name(self) -> str:
        return self.identity.client.name if self.identity is not None else ""

    def logged_in(self, identity: Identity) -> None:
        self.identity = identity
        self._origin = self._login = None

    def tls_started(self, version: str | None) -> None:
        """RFC 3207 section 4.2: everything known before the handshake is forgotten."""
        self.core.tls_started()
        self.tls = version
        self.identity = self._login = self._origin = None
        self.helo = ""
        self._waiting = False

    # Commands

    def _ehlo(self, event: c.Ehlo) -> Reply:
        self._hello(event.domain)
        return self.core.ehlo_reply(self.profile.site.hostname)

    def _helo(self, event: c.Helo) -> Reply:
        self._hello(event.domain)
        return reply(250, "", self.profile.site.hostname)

    def _hello(self, domain: str) -> None:
        if domain != self.helo:
            self.helo = domain
            self._origin = None
        self._drop()

    def _mail(self, event: c.Mail) -> Reply:
        site = self.profile.site
        identity = self.identity
        if identity is None or identity.account is None:
            if identity is None:
                identity = self.identity = site.identities.by_address(self.address)
            refusal = policy.admission(identity, self.profile.authentication)
            if refusal is not None:
                if self.profile.starttls and self.tls is None and self.profile.logs_in:
                    refusal = policy.TLS_REQUIRED
                return self.refuse("mail", refusal)
        assert identity is not None  # noqa: S101 - admission() refuses None; this tells mypy
        if not site.current(identity.client):
            self.end()
            return self.refuse("mail", CHANGED)
        if event.unknown:
            return self.refuse("mail", policy.UNKNOWN_PARAMETER, event.unknown[0][0])
        refusal = site.sender(identity, event.path)
        if refusal is not None:
            return self.refuse("mail", refusal, f"sender <{event.path}>")
        if event.size and (refusal := policy.size(identity.client, event.size)):
            return self.refuse("mail", refusal, f"{event.size} octets")
        if full := site.spool.full():
            return self.refuse("mail", FULL, full)
        if identity.client.rate is not None and not site.take(identity.client):
            return self.refuse("mail", policy.TOO_FAST, f"rate {identity.client.rate}")
        self._tx = Transaction(event, identity)
        return policy.SENDER_OK

    def _rcpt(self, event: c.Rcpt) -> Reply:
        tx = self._tx
        if tx is None:
            return INTERNAL_ERROR
        path = event.path
        if event.unknown:
            return self.refuse("rcpt", policy.UNKNOWN_PARAMETER, event.unknown[0][0])
        if len(tx.recipients) >= self.profile.max_recipients:
            return self.refuse("rcpt", policy.TOO_MANY_RECIPIENTS)
        site = self.profile.site
        if "@" not in path and path.lower() == "postmaster" and site.names.postmaster:
            path = site.names.postmaster
        verdict = site.recipient(tx.identity, tx.sender, path)
        if verdict.refusal is not None:
            return self.refuse("rcpt", verdict.refusal, f"recipient <{path}>")
        tx.add(event, path, verdict)
        return policy.RECIPIENT_OK

    def _data(self, _: c.Data) -> Reply:
        tx = self._tx
        if tx is None:
            return INTERNAL_ERROR
        try:
            tx.begin(self.profile.site, self._trace_of(tx))
        except SpoolFull as error:
            return self.refuse("data", FULL, str(error))
        return SEND_DATA

    def _bdat(self, _: c.Bdat) -> None:
        tx = self._tx
        if tx is None or tx.begun or tx.refusal is not None:
            return
        try:
            tx.begin(self.profile.site, self._trace_of(tx))
        except SpoolFull as error:  # said when the chunk has been read (RFC 3030 section 2)
            tx.refuse(self.refuse("data", FULL, str(error)))

    def _chunk(self, event: e.BodyChunk) -> None:
        tx = self._tx
        if tx is None:
            return
        data = event.data
        wait = tx.write(data if b"\0" not in data else self._without_nul(tx, data), self.profile.site)
        if wait is not None:
            self._hold(wait)

    def _without_nul(self, tx: Transaction, data: bytes) -> bytes:
        """NUL is in no mail but BINARYMIME, which is not offered (RFC 5322 section 4.1, RFC 2045 section 2), and there
        are mailboxes that refuse it: like a bare line end it is refused or repaired, never passed on."""
        if self.profile.settings.bare_newlines is BareNewlines.REPAIR:
            return data.replace(b"\0", b"")
        tx.refuse(policy.NUL_REFUSED)
        return b""

    def _end_of_chunk(self, event: e.EndOfChunk) -> Reply:
        refusal = self._tx.refusal if self._tx is not None else INTERNAL_ERROR
        if refusal is not None:
            return self.refuse("data", refusal)
        return reply(250, "2.0.0", f"{event.size} octets received")

    def _end_of_message(self, _: e.EndOfMessage) -> Reply | None:
        tx = self._tx
        if tx is None:
            return INTERNAL_ERROR
        committing = tx.commit(self._origin_of(tx.identity), self.profile.site)
        self._tx, self._committing = None, tx  # from here on the client's going changes nothing
        if committing is None:
            return self.refuse("data", tx.refusal or INTERNAL_ERROR)
        if committing.done():
            return self._committed(committing)
        self._waiting = True
        committing.add_done_callback(self._commit_done)
        return None

    def _commit_done(self, committing: Future[MessageId]) -> None:
        self.answer(self._committed(committing))

    def _committed(self, committing: Future[MessageId]) -> Reply:
        """What became of the message; it is in the log even when the client is gone."""
        tx, self._committing = self._committing, None
        error = None if committing.cancelled() else committing.exception()
        if committing.cancelled() or error is not None or tx is None:
            if isinstance(error, SpoolFull):
                return self.refuse("commit", FULL, str(error))
            if isinstance(error, SpoolFailed):
                return self.refuse("commit", STORE_FAILED, str(error))
            return self.refuse("commit", INTERNAL_ERROR, f"{type(error).__name__}: {error}")
        self.accepted += 1
        queue_id = tx.queue_id
        client = tx.identity.client.name
        self.profile.site.log.accepted(
            queue_id, self.profile.name, client, self.address, tx.sender, len(tx.recipients), tx.size
        )
        return Reply(250, "2.0.0", (f"queued as {queue_id}",))

    def _starttls(self, _: c.StartTls) -> Reply:
        self.turn_to_tls()  # the core refuses it where it is not offered
        return READY_FOR_TLS

    def _auth(self, event: c.Auth) -> Reply | None:
        if self._login is None:
            self._login = Login(self)
        return self._login.begin(event)

    def _auth_response(self, event: e.AuthResponse) -> Reply | None:
        return self._login.respond(event) if self._login is not None else INTERNAL_ERROR

    def _refused(self, event: e.Refused) -> Reply:
        if event.close:
            self.end(cut_off=True)
        return self.refuse("protocol", event.reply, event.reason)

    def _unknown(self, event: c.UnknownCommand) -> Reply:
        if event.verb in _HTTP:
            self.end(cut_off=True)
            return self.refuse("protocol", NO_HTTP, f"HTTP verb {event.verb}")
        known = event.verb in _VERBS
        reason = f"verb {event.verb}" if known else f"an unknown verb of {len(event.verb)} characters"
        return self.refuse("protocol", NOT_UNDERSTOOD, reason)

    def _quit(self, _: c.Quit) -> Reply:
        self.end()
        return BYE

    # What every message of this session has in common

    def _origin_of(self, identity: Identity) -> Origin:
        origin = self._origin
        if origin is None:
            origin = self._origin = Origin(
                identity.client.name, self.address, self.helo, identity.account, self.tls, self.profile.name
            )
            self._trace = self._make_trace(identity)
        return origin

    def _trace_of(self, tx: Transaction) -> bytes:
        """The Received field up to its id (RFC 5321 section 4.4). No "for": it would show a blind recipient."""
        self._origin_of(tx.identity)
        if tx.mail.smtputf8:  # RFC 6531 section 4.3
            return self._trace.replace(b" with ESMTP", b" with UTF8SMTP", 1)
        return self._trace

    def _make_trace(self, identity: Identity) -> bytes:
        protocol = "ESMTP" if self.core.esmtp else "SMTP"
        if self.core.esmtp:  # RFC 3848
            protocol += ("S" if self.tls else "") + ("A" if identity.account else "")
        comment = f"\r\n\t({self.tls})" if self.tls else ""
        literal = f"[IPv6:{self.address}]" if ":" in self.address else f"[{self.address}]"
        helo = _UNSAFE.sub("?", self.helo)[:255] or "unknown"
        return (
            f"Received: from {helo} ({literal})\r\n\tby {self.profile.site.hostname} (Mailferry) with {protocol}"
            f"{comment}\r\n\tid "
        ).encode()


_HANDLERS: Final[Handlers] = {
    c.Ehlo: Session._ehlo,
    c.Helo: Session._helo,
    c.Mail: Session._mail,
    c.Rcpt: Session._rcpt,
    c.Data: Session._data,
    c.Bdat: Session._bdat,
    c.StartTls: Session._starttls,
    c.Auth: Session._auth,
    c.Rset: lambda session, _: policy.OK,
    c.Noop: lambda session, _: policy.OK,
    c.Vrfy: lambda session, _: CANNOT_VERIFY,
    c.Help: lambda session, _: HELP,
    c.Quit: Session._quit,
    c.UnknownCommand: Session._unknown,
    e.AuthResponse: Session._auth_response,
    e.BodyChunk: Session._chunk,
    e.EndOfChunk: Session._end_of_chunk,
    e.EndOfMessage: Session._end_of_message,
    e.Refused: Session._refused,
}
