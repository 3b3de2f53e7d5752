"""A dialogue with a login: AUTH LOGIN and XOAUTH2 over TLS, and no mail without it.

Leaves to others: whether credentials are good (hve, acs_smtp), the dialogue besides (relay_session).
Invariant: a password or token is judged here and kept nowhere.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from mailferry.sandbox import texts
from mailferry.sandbox.exchange_login import MECHANISMS
from mailferry.sandbox.faults import Point
from mailferry.sandbox.relay_session import RelaySession
from mailferry.sandbox.texts import Text
from mailferry.sandbox.world import World
from mailferry.smtp.commands import Auth, Mail
from mailferry.smtp.events import AuthResponse
from mailferry.smtp.replies import Reply
from mailferry.smtp.sasl import Challenge, Credentials, LoginServer, SaslError, Step, XOAuth2Server, challenge_reply


@dataclass(frozen=True, slots=True)
class Account:
    """Who is logged in. `client_id` is that of the application, where there is one."""

    user: str
    mechanism: str
    client_id: str = ""


class LoginSession(RelaySession):
    """See the module."""

    def __init__(self, world: World, surface: str, remote: str, *, size: int) -> None:
        super().__init__(world, surface, remote, size=size, mechanisms=MECHANISMS)
        self._account: Account | None = None
        self._server: LoginServer | XOAuth2Server | None = None
        self._failed: Text | None = None
        self._trying = ("", "")

    # Hooks

    @abstractmethod
    def _login(self, credentials: Credentials) -> Account | Text:
        """Whether these credentials are good now."""

    def _malformed(self, response: bytes) -> Text | None:
        """What an XOAUTH2 argument that cannot be read is answered with, where it is not RFC 4954's 501."""
        return None

    def _unauthenticated(self) -> Text:
        """What MAIL is answered with before a login (O: the refusal of an earlier AUTH is appended)."""
        if self._failed is None:
            return texts.NOT_AUTHENTICATED
        error = f"{self._failed.code} {self._failed.enhanced} {self._failed.text}"
        return texts.NOT_AUTHENTICATED_BECAUSE.fill(error=error)

    # The exchange

    @property
    def _user(self) -> tuple[str, str, str]:
        if self._account is None:
            return *self._trying, ""
        return self._account.user, self._account.mechanism, self._account.client_id

    def _auth(self, event: Auth) -> Reply | None:
        if event.mechanism not in MECHANISMS or not self._tls:
            return self._refuse(texts.UNRECOGNIZED_TYPE)
        self._server = LoginServer() if event.mechanism == "LOGIN" else XOAuth2Server()
        return self._step(self._server.start(event.initial), event.initial)

    def _auth_response(self, event: AuthResponse) -> Reply | None:
        if self._server is None:
            return texts.CANCELLED
        return self._step(self._server.step(event.data), event.data)

    def _step(self, step: Step, response: bytes | None) -> Reply | None:
        if isinstance(step, Challenge):
            return challenge_reply(step)
        by_token = isinstance(self._server, XOAuth2Server)
        self._server = None
        if isinstance(step, SaslError):
            self._note(f"*: {step.reason}")
            told = self._malformed(response) if by_token and response is not None else None
            return step.reply if told is None else self._refuse(told)
        self._trying = (step.username, step.mechanism)
        self._dialogue.user, self._dialogue.mechanism = self._trying
        return self._faulty(Point.AUTH, lambda: self._outcome(step))

    def _outcome(self, credentials: Credentials) -> Reply:
        outcome = self._login(credentials)
        if isinstance(outcome, Text):
            self._failed = outcome
            return self._refuse(outcome)
        self._account, self._failed = outcome, None
        return texts.AUTHENTICATED

    def _mail(self, event: Mail) -> Reply:
        return self._refuse(self._unauthenticated()) if self._account is None else super()._mail(event)
