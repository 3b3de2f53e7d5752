"""The dialogue that the services beside client submission share: events of the wire core in, replies out.

Leaves to others: who may send what to whom (hve, acs_smtp, onprem, mx answer the hooks), octets (smtp), TLS and timers
(exchange). Invariant: one reply per event that needs one; a message is stored for every recipient that was accepted,
or for none.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mailferry.sandbox import texts
from mailferry.sandbox.exchange_talk import Talk, Then
from mailferry.sandbox.faults import Point
from mailferry.sandbox.hosts import mail_date
from mailferry.sandbox.mailbox import Folder, Received, header, header_block
from mailferry.sandbox.texts import Text
from mailferry.sandbox.world import World
from mailferry.smtp.commands import (
    Auth,
    Bdat,
    Data,
    Ehlo,
    Helo,
    Help,
    Mail,
    Noop,
    Quit,
    Rcpt,
    Rset,
    StartTls,
    UnknownCommand,
    Vrfy,
)
from mailferry.smtp.events import AuthResponse, EndOfChunk, EndOfMessage, Refused
from mailferry.smtp.replies import Reply, ReplyParser

#: What a hook answers: a refusal as Text or as the wire has it (a setting), or None to let it pass.
Refusal = Text | str | None


@dataclass(frozen=True, slots=True)
class Arrival:
    """A whole message with its envelope."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes = field(repr=False)


class RelaySession(Talk):
    """One connection to a service that is not client submission. Subclasses answer the hooks."""

    def __init__(self, world: World, surface: str, remote: str, *, size: int, mechanisms: tuple[str, ...] = ()) -> None:
        super().__init__(world, surface, remote, mechanisms, size)
        self._size = size
        self._helo = ""
        self._tls = ""
        self._sender = ""
        self._recipients: list[str] = []
        self.address = remote.rpartition(":")[0].strip("[]")

    # Hooks

    def _banner(self) -> str:
        """The greeting after 220."""
        raise NotImplementedError

    def _name(self) -> str:
        """The host as it names itself."""
        raise NotImplementedError

    def _offer(self) -> tuple[str, ...]:
        """The EHLO lines for the present state."""
        raise NotImplementedError

    def _opened(self) -> Refusal:
        """Whether the connection is taken."""
        return None

    def _judge_sender(self, event: Mail) -> Refusal:
        return None

    def _judge_recipient(self, path: str) -> Refusal:
        return None

    def _judge_message(self, arrival: Arrival) -> Refusal:
        return None

    def _queued(self, arrival: Arrival, message_id: str) -> Reply:
        """The 250 to the message."""
        raise NotImplementedError

    def _bounced(self, path: str) -> None:
        """The message cannot be delivered to `path` after all."""
        self._note(f"*: {path} has no mailbox; a report would follow")

    @property
    def _user(self) -> tuple[str, str, str]:
        """Who is logged in: name, mechanism, client id of the application."""
        return "", "", ""

    # The dialogue

    def tls_started(self, version: str) -> None:
        super().tls_started(version)
        self._tls = version
        self._helo = ""

    def _greet(self) -> Reply:
        refusal = self._opened()
        return Reply(220, "", (self._banner(),)) if refusal is None else self._refuse(refusal)

    def _hello(self, event: Ehlo | Helo) -> Reply:
        self._helo = event.domain
        self._forget_transaction()
        hello = f"{self._name()} Hello [{self.address}]"
        return Reply(250, "", (hello,) if isinstance(event, Helo) else (hello, *self._offer()))

    def _starttls(self) -> Reply:
        self.then = Then.STARTTLS
        return texts.STARTTLS_READY

    def _auth(self, event: Auth) -> Reply | None:
        return self._refuse(texts.UNRECOGNIZED_TYPE)

    def _auth_response(self, event: AuthResponse) -> Reply | None:
        return texts.CANCELLED

    def _mail(self, event: Mail) -> Reply:
        refusal = self._judge_sender(event)
        if refusal is not None:
            return self._refuse(refusal)
        if event.unknown:
            return texts.UNSUPPORTED_PARAMETER
        self._forget_transaction()
        self._sender = event.path
        return texts.SENDER_OK

    def _rcpt(self, event: Rcpt) -> Reply:
        if event.unknown:
            return texts.UNSUPPORTED_PARAMETER
        refusal = self._judge_recipient(event.path)
        if refusal is not None:
            return self._refuse(refusal)
        self._recipients.append(event.path)
        return texts.RECIPIENT_OK

    def _end_of_message(self) -> Reply:
        arrival = Arrival(self._sender, tuple(self._recipients), b"".join(self._body))
        self._forget_transaction()
        refusal = self._judge_message(arrival)
        return self._take(arrival) if refusal is None else self._refuse(refusal)

    def _refused(self, event: Refused) -> Reply:
        self._note(f"*: {event.reason}")
        self._body.clear()
        if event.close:
            self.then = Then.CLOSE
        return self._refuse(texts.TOO_LARGE) if event.reply.code == 552 else event.reply

    def _rset(self) -> Reply:
        self._forget_transaction()
        return texts.RESETTING

    def _quit(self) -> Reply:
        self.then = Then.CLOSE
        return texts.CLOSING

    # The message

    def _take(self, arrival: Arrival) -> Reply:
        """Store it and say 250."""
        world, now = self._world, self._world.clock.time()
        queue_id = world.hosts.queue_id(self._front)
        given = header(header_block(arrival.raw), "Message-ID")
        message_id = given.strip("<> \t") if given else f"{queue_id}@{self._front.backend_host}"
        user, mechanism, client_id = self._user
        received = Received(
            surface=self._surface,
            at=now,
            sender=arrival.sender,
            recipients=arrival.recipients,
            user=user,
            mechanism=mechanism,
            client_id=client_id,
            session=self._front.session,
            remote=self._remote,
            tls=self._tls,
            queue_id=queue_id,
            message_id=message_id,
        )
        version = self._tls.replace(".", "_").replace("v", "") or "NONE"
        trace = (
            f"Received: from {self._helo} ({self.address}) by {self._name()} with Microsoft SMTP Server"
            f" (version={version}) id 15.20.9999.1; {mail_date(now)}",
        )
        self._store(arrival, received, trace)
        world.store.accepted += 1
        return self._queued(arrival, message_id)

    def _store(self, arrival: Arrival, received: Received, trace: tuple[str, ...]) -> None:
        world, keep = self._world, self._world.behaviour.keep_messages
        for path in arrival.recipients:
            box = world.tenant.mailbox(path)
            if box is not None:
                world.store.add(box.address, Folder.INBOX, received, trace, arrival.raw, keep=keep)
            elif world.tenant.is_internal(path):
                self._bounced(path)
            else:
                world.store.add(path, Folder.EXTERNAL, received, trace, arrival.raw, keep=keep)

    # Helpers

    def _facts(self, event: Any) -> dict[str, str]:
        """What a fault's matcher can look at."""
        user, mechanism, client_id = self._user
        facts = {
            "remote": self._remote, "sender": self._sender, "user": user, "mechanism": mechanism,
            "client_id": client_id, "recipient": self._recipients[0] if self._recipients else "",
        }  # fmt: skip
        if isinstance(event, Mail):
            facts["sender"] = event.path
        elif isinstance(event, Rcpt):
            facts["recipient"] = event.path
        return facts

    def _refuse(self, refusal: Text | str) -> Reply:
        if isinstance(refusal, str):
            return ReplyParser().line(refusal.encode()) or texts.TEMPORARY
        return refusal.reply(self._front.suffix(self._world.behaviour.suffix, self._world.clock.time()))

    def _forget_transaction(self) -> None:
        self._sender = ""
        self._recipients = []
        self._body = []


def _chunk(event: EndOfChunk) -> Reply:
    return Reply(250, "2.0.0", (texts.CHUNK_OK.format(size=event.size),))


RelaySession.handlers = {
    Ehlo: (Point.EHLO, lambda s, e: s._hello(e)),
    Helo: (Point.EHLO, lambda s, e: s._hello(e)),
    StartTls: (Point.STARTTLS, lambda s, _: s._starttls()),
    Auth: (None, lambda s, e: s._auth(e)),
    AuthResponse: (None, lambda s, e: s._auth_response(e)),
    Mail: (Point.MAIL, lambda s, e: s._mail(e)),
    Rcpt: (Point.RCPT, lambda s, e: s._rcpt(e)),
    Data: (Point.DATA, lambda _s, _e: texts.START_DATA),
    Bdat: (None, lambda _s, _e: None),
    EndOfChunk: (None, lambda _s, e: _chunk(e)),
    EndOfMessage: (Point.END, lambda s, _: s._end_of_message()),
    Refused: (None, lambda s, e: s._refused(e)),
    Rset: (None, lambda s, _: s._rset()),
    Quit: (None, lambda s, _: s._quit()),
    Noop: (None, lambda _s, _e: texts.OK),
    Vrfy: (None, lambda _s, _e: texts.VRFY),
    Help: (None, lambda _s, _e: texts.OK),
    UnknownCommand: (None, lambda _s, _e: texts.UNKNOWN_COMMAND),
}
