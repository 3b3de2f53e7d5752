"""Logging in: the SASL exchange of one connection, from AUTH to 235, 535 or the end.

Leaves to others: the mechanisms' octets (smtp.sasl), hashes (accounts), counting (guard), whose account it is
(identity). Invariants: no credential is asked for or looked at in clear unless the listener allows it; every failure
takes the same time and gets the same reply, whatever its cause; the cause is in the log, the credential never.
"""

from __future__ import annotations

from asyncio import Future
from typing import TYPE_CHECKING

from mailferry.listener import policy
from mailferry.listener.accounts import Overloaded
from mailferry.listener.enrolment import Outcome
from mailferry.listener.identity import within
from mailferry.listener.policy import Identity
from mailferry.listener.profile import MECHANISMS
from mailferry.smtp.commands import Auth
from mailferry.smtp.events import AuthResponse
from mailferry.smtp.replies import Reply, reply
from mailferry.smtp.sasl import Challenge, Credentials, ServerMechanism, Step, challenge_reply, server_mechanism

if TYPE_CHECKING:  # login and session are two files of one room: a session has a login and is told of its end
    from mailferry.listener.session import Session

# RFC 4954 sections 4 and 6
SUCCESS = reply(235, "2.7.0", "Authentication successful")
FAILED = reply(535, "5.7.8", "Authentication credentials invalid")
CANCELLED = reply(501, "5.7.0", "Authentication cancelled")
UNKNOWN_MECHANISM = reply(504, "5.5.4", "Unrecognized authentication mechanism")
NOT_AVAILABLE = reply(502, "5.5.1", "Authentication is not available here")
OVERLOADED = reply(454, "4.7.0", "Too many logins at a time, try again later")
TOO_MANY = reply(421, "4.7.0", "Too many failed logins, try again later")

#: Mechanisms that clients ask for and the log may name.
_OTHERS = frozenset(
    {"ANONYMOUS", "CRAM-MD5", "DIGEST-MD5", "EXTERNAL", "GSSAPI", "NTLM", "OAUTHBEARER", "SCRAM-SHA-1", "SCRAM-SHA-256"}
)


class Login:
    """The logins tried on one connection. Made at the first AUTH."""

    __slots__ = ("_failures", "_mechanism", "_server", "_session", "_started")

    def __init__(self, session: Session) -> None:
        self._session = session
        self._server: ServerMechanism | None = None
        self._mechanism = ""
        self._failures = 0
        self._started = 0.0

    def begin(self, event: Auth) -> Reply | None:
        session, profile = self._session, self._session.profile
        if not profile.logs_in:
            return session.refuse("auth", NOT_AVAILABLE)
        if session.tls is None and not profile.clear_auth:
            return session.refuse("auth", policy.ENCRYPTION_REQUIRED)
        server = server_mechanism(event.mechanism) if event.mechanism in MECHANISMS else None
        if server is None:
            known = event.mechanism in _OTHERS  # what is no mechanism may be a password
            return session.refuse("auth", UNKNOWN_MECHANISM, f"mechanism {event.mechanism}" if known else "")
        self._mechanism, self._server = event.mechanism, server
        return self._step(server.start(event.initial))

    def respond(self, event: AuthResponse) -> Reply | None:
        server = self._server
        if server is None:
            return self._session.refuse("auth", CANCELLED)
        return self._step(server.step(event.data))

    def _step(self, step: Step) -> Reply | None:
        if isinstance(step, Challenge):
            return challenge_reply(step)
        self._server = None
        if isinstance(step, Credentials):
            return self._check(step)
        return self._session.refuse("auth", step.reply, step.reason)

    def _check(self, credentials: Credentials) -> Reply | None:
        session, site = self._session, self._session.profile.site
        # An XOAUTH2 client cannot be told from here which tokens exist: its bearer token is the account's password.
        account, secret = credentials.username, credentials.password or credentials.token or ""
        self._started = site.clock.time()
        if site.guard.locked(session.address, account):
            self._fail(account, "locked", last=True)
            return None
        if credentials.authzid and credentials.authzid.casefold() != account.casefold():
            self._fail(account, "asks to act for another account")
            return None
        if site.accounts.remembered(account, secret):
            return self._accept(account)
        if self._enrolling(account, credentials.password or ""):
            return None
        try:
            verifying = site.accounts.verify(account, secret)
        except Overloaded:
            return session.refuse("auth", OVERLOADED)
        session.wait()
        verifying.add_done_callback(lambda done: self._verified(done, account))
        return None

    def _enrolling(self, account: str, password: str) -> bool:
        """Whether an account that is no client gets its answer from enrolment."""
        session, site = self._session, self._session.profile.site
        if site.enrolment is None or site.identities.by_account(account) is not None:
            return False
        outcome = site.enrolment.offer(account, password, session.address)
        if outcome is None:
            return False
        session.wait()
        outcome.add_done_callback(lambda done: self._enrolled(done, account))
        return True

    def _enrolled(self, done: Future[Outcome], account: str) -> None:
        session = self._session
        failed = done.cancelled() or done.exception() is not None
        outcome = None if failed else done.result()
        if session.closed:
            if outcome is not None and outcome.wrong:
                self._count(account, outcome.reason)
        elif outcome is None or (outcome.identity is None and not outcome.wrong):
            session.answer(session.refuse("auth", OVERLOADED, outcome.reason if outcome else "enrolment failed to run"))
        elif outcome.identity is None:
            self._fail(account, outcome.reason)
        elif answer := self._accept(account, outcome.identity):
            session.answer(answer)

    def _verified(self, done: Future[bool], account: str) -> None:
        session = self._session
        if session.closed:
            if not done.cancelled() and done.exception() is None and not done.result():
                self._count(account, "wrong password or unknown account; the client did not wait")
            return
        if done.cancelled() or done.exception() is not None:
            session.answer(session.refuse("auth", OVERLOADED, "verification failed to run"))
            return
        if not done.result():
            self._fail(account, "wrong password or unknown account")
        elif answer := self._accept(account):
            session.answer(answer)

    def _accept(self, account: str, identity: Identity | None = None) -> Reply | None:
        session, site = self._session, self._session.profile.site
        identity = identity or site.identities.by_account(account)
        if identity is None:
            self._fail(account, "no client has this account")
            return None
        allowed = identity.client.login_from
        if allowed and not within(session.address, allowed):
            self._fail(account, "outside the networks of login_from")
            return None
        site.guard.succeeded(session.address, account)
        site.log.login(session.profile.name, session.address, identity.client.account, self._mechanism)
        session.logged_in(identity)
        return SUCCESS

    def _fail(self, account: str, reason: str, *, last: bool = False) -> None:
        """Count it and answer after the same time for every cause."""
        session, site = self._session, self._session.profile.site
        self._failures += 1
        locked = self._count(account, reason, last=last)
        end = last or locked > 0 or self._failures >= site.guarding.per_connection
        left = self._started + site.guarding.delay - site.clock.time()
        session.wait()
        session.later(max(0.0, min(left, site.guarding.delay)), lambda: self._answer_failure(end))

    def _count(self, account: str, reason: str, *, last: bool = False) -> float:
        """Log the failure and let the guard count it, unless it is locked already; the seconds of a new lock."""
        session, site = self._session, self._session.profile.site
        site.log.login_failed(session.profile.name, session.address, account[:256], self._mechanism, reason)
        return 0.0 if last else site.guard.failed(session.address, account)

    def _answer_failure(self, end: bool) -> None:
        if end:
            self._session.turn_away(TOO_MANY)
        else:
            self._session.answer(FAILED)
