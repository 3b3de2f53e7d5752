"""The dialogue of client submission: events of the wire core in, replies out. No sockets.

Leaves to others: octets (smtp), TLS and timers (exchange), logins (exchange_login), the fate of a message
(submission). Invariant: one reply per event that needs one; what a fault takes over is not judged as well.
"""

from __future__ import annotations

from typing import Any

from mailferry.sandbox import texts
from mailferry.sandbox.bearer import TokenChecker
from mailferry.sandbox.decide import Stage, retirement
from mailferry.sandbox.exchange_login import MECHANISMS, LoginExchange
from mailferry.sandbox.exchange_talk import Pause, Talk, Then
from mailferry.sandbox.faults import Point
from mailferry.sandbox.hosts import mail_date
from mailferry.sandbox.submission import Login, Recipient, Submission, Submissions
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
from mailferry.smtp.replies import Reply
from mailferry.smtp.sasl import Credentials

_OLD_TLS = frozenset({"SSLv3", "TLSv1", "TLSv1.1"})


class Session(Talk):
    """One connection to client submission."""

    def __init__(
        self, world: World, checker: TokenChecker, submissions: Submissions, surface: str, remote: str
    ) -> None:
        super().__init__(world, surface, remote, MECHANISMS)
        self._checker = checker
        self._submissions = submissions
        self._helo = ""
        self._tls = ""
        self._login: Login | None = None
        self._exchange: LoginExchange | None = None
        self._failed: Text | None = None  # the last refused AUTH, which MAIL is told of again
        self._sender = ""
        self._recipients: list[Recipient] = []

    def tls_started(self, version: str) -> None:
        super().tls_started(version)
        self._tls = version
        self._helo = ""

    def closed(self) -> None:
        super().closed()
        if self._login is not None:
            self._world.throttles.disconnect(self._login.mailbox, self)

    # Commands

    def _greet(self) -> Reply:
        now = self._world.clock.time()
        front = self._front
        greeting = texts.GREETING.format(host=front.greeting_host, date=mail_date(now), session=front.session)
        return Reply(220, "", (greeting,))

    def _hello(self, event: Ehlo | Helo) -> Reply:
        if self._tls in _OLD_TLS and self._surface == "smtp":
            return self._say(texts.TLS_TOO_OLD)
        self._helo = event.domain
        self._forget_transaction()
        address = self._remote.rpartition(":")[0].strip("[]")
        hello = f"{self._front.greeting_host} Hello [{address}]"
        if isinstance(event, Helo):
            return Reply(250, "", (hello,))
        offered = texts.CAPABILITIES_TLS if self._tls else texts.CAPABILITIES_CLEAR
        return Reply(250, "", (hello, *(line.format(size=self._world.behaviour.size) for line in offered)))

    def _starttls(self, _: StartTls) -> Reply:
        self.then = Then.STARTTLS
        return texts.STARTTLS_READY

    def _auth(self, event: Auth) -> Reply | None:
        if event.mechanism not in MECHANISMS or not self._tls:
            return self._say(texts.UNRECOGNIZED_TYPE)
        self._exchange = LoginExchange(self._world, self._checker, event.mechanism)
        return self._auth_step(self._exchange.start(event.initial))

    def _auth_response(self, event: AuthResponse) -> Reply | None:
        if self._exchange is None:
            return texts.CANCELLED
        return self._auth_step(self._exchange.step(event.data))

    def _auth_step(self, step: Reply | Credentials | Text) -> Reply | None:
        exchange = self._exchange
        if not isinstance(step, Credentials) or exchange is None:
            return self._auth_outcome(step) if not isinstance(step, Credentials) else texts.CANCELLED
        self._dialogue.user, self._dialogue.mechanism = exchange.user, exchange.mechanism
        return self._faulty(Point.AUTH, lambda: self._auth_outcome(self._judged(exchange, step)))

    def _judged(self, exchange: LoginExchange, credentials: Credentials) -> Login | Text | Reply:
        """The outcome; a password leaves its trace in the sign-in log."""
        outcome, world = exchange.judge(credentials), self._world
        if credentials.token is None and not isinstance(outcome, Reply):
            world.signins.basic(
                at=world.clock.time(),
                user=credentials.username,
                mailbox=world.tenant.mailbox(credentials.username),
                refused=outcome if isinstance(outcome, Text) else None,
                remote=self._remote,
            )
        return outcome

    def _auth_outcome(self, outcome: Login | Text | Reply) -> Reply:
        if isinstance(outcome, Reply):
            return outcome
        if self._exchange is not None and self._exchange.cause:
            self._note(f"*: {self._exchange.cause}")
        if isinstance(outcome, Text):
            self._failed = outcome
            return self._say(outcome)
        if self._tls in _OLD_TLS and self._world.tenant.allow_legacy_tls_clients is not True:
            return self._say(texts.TLS_TOO_OLD)
        self._login, self._failed = outcome, None
        self._world.throttles.connect(outcome.mailbox, self)
        return texts.AUTHENTICATED

    def _mail(self, event: Mail) -> Reply:
        login, world = self._login, self._world
        if login is None:
            return self._say(_not_authenticated(self._failed))
        if login.mechanism == "LOGIN" and (refusal := self._retired(Stage.MAIL)):
            return self._say(refusal)
        mailbox = world.tenant.mailbox(login.mailbox)
        if mailbox is not None and mailbox.max_send_size and (event.size or 0) > mailbox.max_send_size:
            return self._say(texts.TOO_LARGE)
        if event.unknown:
            return texts.UNSUPPORTED_PARAMETER
        self._forget_transaction()
        self._sender = event.path
        return texts.SENDER_OK

    def _rcpt(self, event: Rcpt) -> Reply:
        world, limit = self._world, self._world.behaviour.envelope_recipients
        if event.unknown:
            return texts.UNSUPPORTED_PARAMETER
        if limit and len(self._recipients) >= limit:
            return self._say(texts.ENVELOPE_RECIPIENTS)
        unknown = world.tenant.is_internal(event.path) and world.tenant.mailbox(event.path) is None
        if unknown and world.behaviour.unknown_recipients == "reject":
            return self._say(texts.UNKNOWN_RECIPIENT.fill(recipient=event.path))
        self._recipients.append(Recipient(event.path, event.notify))
        return texts.RECIPIENT_OK

    def _data(self, _: Data) -> Reply:
        return texts.START_DATA

    def _bdat(self, _: Bdat) -> None:
        return None

    def _end_of_chunk(self, event: EndOfChunk) -> Reply:
        return Reply(250, "2.0.0", (texts.CHUNK_OK.format(size=event.size),))

    def _end_of_message(self, _: EndOfMessage) -> Reply | None:
        login, body = self._login, self._body
        if login is None:
            return self._say(texts.NOT_AUTHENTICATED)
        submission = Submission(
            login=login,
            session=self,
            surface=self._surface,
            front=self._front,
            remote=self._remote,
            helo=self._helo,
            tls=self._tls,
            sender=self._sender,
            recipients=tuple(self._recipients),
            raw=body[0] if len(body) == 1 else b"".join(body),
        )
        self._forget_transaction()
        if login.mechanism == "LOGIN" and (refusal := self._retired(Stage.DATA)):
            return self._say(refusal)
        verdict = self._submissions.judge(submission)
        if verdict.refusal is not None:
            return self._say(verdict.refusal)
        wait = verdict.at - self._world.clock.time()
        if wait > 0:
            self._wait(Pause(wait, machine=False), lambda: self._submissions.take(submission))
            return None
        return self._submissions.take(submission)

    def _refused(self, event: Refused) -> Reply:
        self._note(f"*: {event.reason}")
        self._body.clear()
        if event.close:
            self.then = Then.CLOSE
        return self._say(texts.TOO_LARGE) if event.reply.code == 552 else event.reply

    def _rset(self, _: Rset) -> Reply:
        self._forget_transaction()
        return texts.RESETTING

    def _quit(self, _: Quit) -> Reply:
        self.then = Then.CLOSE
        return texts.CLOSING

    def _facts(self, event: Any) -> dict[str, str]:
        """What a fault's matcher can look at."""
        login = self._login
        facts = {"remote": self._remote, "sender": self._sender}
        if login is not None:
            facts["user"], facts["mechanism"] = login.mailbox, login.mechanism
            facts["client_id"] = login.bearer.app_id if login.bearer else ""
        elif self._exchange is not None:
            facts["user"], facts["mechanism"] = self._exchange.user, self._exchange.mechanism
        if isinstance(event, Mail):
            facts["sender"] = event.path
        if isinstance(event, Rcpt):
            facts["recipient"] = event.path
        elif self._recipients:
            facts["recipient"] = self._recipients[0].path
        return facts

    # Helpers

    def _say(self, text: Text) -> Reply:
        """A refusal with its host suffix."""
        world = self._world
        return text.reply(self._front.suffix(world.behaviour.suffix, world.clock.time()))

    def _retired(self, stage: Stage) -> Text | None:
        world = self._world
        return retirement(world.tenant, world.behaviour, world.today(), stage, world.random.random())

    def _forget_transaction(self) -> None:
        self._sender = ""
        self._recipients = []
        self._body = []


def _not_authenticated(failed: Text | None) -> Text:
    """530, with the refusal of an earlier AUTH appended (O)."""
    if failed is None:
        return texts.NOT_AUTHENTICATED
    return texts.NOT_AUTHENTICATED_BECAUSE.fill(error=f"{failed.code} {failed.enhanced} {failed.text}")


#: Per event: where a fault can strike, and who answers. AUTH strikes later, when the credentials are known.
Session.handlers = {
    Ehlo: (Point.EHLO, Session._hello),
    Helo: (Point.EHLO, Session._hello),
    StartTls: (Point.STARTTLS, Session._starttls),
    Auth: (None, Session._auth),
    AuthResponse: (None, Session._auth_response),
    Mail: (Point.MAIL, Session._mail),
    Rcpt: (Point.RCPT, Session._rcpt),
    Data: (Point.DATA, Session._data),
    Bdat: (None, Session._bdat),
    EndOfChunk: (None, Session._end_of_chunk),
    EndOfMessage: (Point.END, Session._end_of_message),
    Refused: (None, Session._refused),
    Rset: (None, Session._rset),
    Quit: (None, Session._quit),
    Noop: (None, lambda _session, _event: texts.OK),
    Vrfy: (None, lambda _session, _event: texts.VRFY),
    Help: (None, lambda _session, _event: texts.OK),
    UnknownCommand: (None, lambda _session, _event: texts.UNKNOWN_COMMAND),
}
