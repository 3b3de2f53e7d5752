"""One AUTH exchange at client submission: LOGIN or XOAUTH2, to a login, a refusal or the next challenge.

Leaves to others: the dialogue around it (exchange_session) and the rules (decide, bearer). Invariant: a password or
token is compared or verified here and kept nowhere.
"""

from __future__ import annotations

import hmac

from mailferry.sandbox import texts
from mailferry.sandbox.bearer import Bearer, TokenChecker, TokenRejected
from mailferry.sandbox.decide import basic_login, token_login
from mailferry.sandbox.submission import Login
from mailferry.sandbox.texts import Text
from mailferry.sandbox.world import World
from mailferry.smtp.replies import Reply
from mailferry.smtp.sasl import Challenge, Credentials, LoginServer, SaslError, Step, XOAuth2Server, challenge_reply

#: Exchange Online offers no others (O: transcript of 2025-11-23).
MECHANISMS = ("LOGIN", "XOAUTH2")


class LoginExchange:
    """Drives one mechanism. `user` and `cause` are for the recorder and for faults; the client is not told `cause`."""

    def __init__(self, world: World, checker: TokenChecker, mechanism: str) -> None:
        self._world = world
        self._checker = checker
        self._server = LoginServer() if mechanism == "LOGIN" else XOAuth2Server()
        self._refused: Text | None = None  # waits for the client's answer to the JSON challenge
        self.mechanism = mechanism
        self.user = ""
        self.cause = ""

    def start(self, initial: bytes | None) -> Reply | Credentials | Text:
        return self._next(self._server.start(initial))

    def step(self, response: bytes | None) -> Reply | Credentials | Text:
        if self._refused is not None and response is not None:
            return self._refused
        return self._next(self._server.step(response))

    def _next(self, step: Step) -> Reply | Credentials | Text:
        match step:
            case Challenge():
                return challenge_reply(step)
            case SaslError():
                self.cause = step.reason
                return step.reply
            case Credentials():
                self.user = step.username
                return step

    def judge(self, credentials: Credentials) -> Login | Text | Reply:
        """Whether these credentials open a mailbox now."""
        outcome = self._password(credentials) if credentials.token is None else self._token(credentials)
        challenges = self._world.behaviour.xoauth2_failure == "challenge"
        if challenges and isinstance(outcome, Text) and isinstance(self._server, XOAuth2Server):
            self._refused = outcome
            return challenge_reply(self._server.fail())
        return outcome

    def _password(self, credentials: Credentials) -> Login | Text:
        world = self._world
        mailbox = world.tenant.mailbox(credentials.username)
        expected, given = mailbox.password if mailbox else "", credentials.password or ""
        refusal = basic_login(
            world.tenant,
            world.behaviour,
            world.today(),
            mailbox,
            password_correct=hmac.compare_digest(expected.encode(), given.encode("utf-8", "surrogateescape")),
            draw=world.random.random(),
        )
        if refusal is not None or mailbox is None:
            return refusal or texts.AUTHENTICATION_UNSUCCESSFUL
        return Login(mailbox.address, "LOGIN")

    def _token(self, credentials: Credentials) -> Login | Text:
        world = self._world
        try:
            bearer = self._bearer(credentials.token or "")
        except TokenRejected as error:
            self.cause = str(error)
            return texts.AUTHENTICATION_UNSUCCESSFUL
        mailbox = world.tenant.mailbox(credentials.username)
        refusal = token_login(world.tenant, bearer, mailbox)
        if refusal is not None or mailbox is None:
            self.cause = "no such mailbox" if mailbox is None else "no grant, or SMTP AUTH is switched off"
            return refusal or texts.AUTHENTICATION_UNSUCCESSFUL
        return Login(mailbox.address, "XOAUTH2", bearer)

    def _bearer(self, token: str) -> Bearer:
        """Raises TokenRejected. Which names of the resource are taken differs between applications and users."""
        world = self._world
        ours, users = world.behaviour.token_audiences, world.behaviour.entra.user_audiences
        bearer = self._checker.check(
            token, now=world.clock.time(), tenant_id=world.tenant.tenant_id, audiences=(*ours, *users)
        )
        if bearer.audience.rstrip("/") not in {audience.rstrip("/") for audience in (users if bearer.user else ours)}:
            raise TokenRejected(f"audience {bearer.audience}")
        return bearer
