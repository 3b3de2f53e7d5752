"""Logging in to an upstream: not at all, with a password, or with a token that is renewed once when it is refused.

Leaves to others: where tokens come from (tokens), the mechanisms' octets (smtp.sasl), what a refusal means (classify).
Invariant: a refused login is a fault of the lane; a secret is said only over the connection it was given for, and
appears in no outcome.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from mailferry.routes import classify
from mailferry.routes.classify import Classifier, Stage
from mailferry.routes.connection import Connection
from mailferry.routes.dial import Dialer
from mailferry.routes.discreet import discreet, hide
from mailferry.routes.faults import Unusable
from mailferry.smtp.commands import Auth
from mailferry.smtp.replies import Reply
from mailferry.smtp.sasl import ClientMechanism, LoginClient, challenge_of, plain_client, xoauth2_client
from mailferry.tokens.api import AccessToken, TokenError, TokenSource

#: Learn, troubleshoot-high-volume-email-m365: the token expires soon, or has expired.
_NAMES_TOKEN = frozenset({"5.7.142", "5.7.143"})

Redial = Callable[[], Awaitable[Connection]]


class Login(Protocol):
    """How one route logs in."""

    async def prepare(self) -> None:
        """See, before a connection is opened, that there is something to log in with. Raises Unusable."""
        ...

    async def login(self, connection: Connection, mailbox: str, redial: Redial) -> Connection:
        """Log in as `mailbox`; returns the connection to use, another one where `redial` was needed. Raises Unusable,
        and then the connection is closed."""
        ...


class NoLogin:
    """The upstream knows us by our address or certificate."""

    async def prepare(self) -> None:
        return

    async def login(self, connection: Connection, mailbox: str, redial: Redial) -> Connection:
        return connection


class PasswordLogin:
    """AUTH PLAIN where it is offered, else AUTH LOGIN. `password` reads the secret anew for each login, so that one
    that was replaced is used without a restart; it raises TokenError."""

    __slots__ = ("_classifier", "_password", "_timeout", "_username")

    def __init__(self, username: str, password: Callable[[], str], classifier: Classifier, timeout: float) -> None:
        self._username = username
        self._password = password
        self._classifier = classifier
        self._timeout = timeout

    async def prepare(self) -> None:
        await self._read()

    async def login(self, connection: Connection, mailbox: str, redial: Redial) -> Connection:
        offered, password = connection.core.capabilities.auth, await self._read()
        mechanism: ClientMechanism
        if "PLAIN" in offered:
            mechanism = plain_client(self._username, password)
        elif "LOGIN" in offered:
            mechanism = LoginClient(self._username, password)
        else:
            connection.quit()
            raise Unusable(classify.no_login(f"The upstream offers neither AUTH PLAIN nor LOGIN but {_list(offered)}"))
        answer = await exchange(connection, mechanism, self._timeout)
        return accept(connection, answer, self._classifier)

    async def _read(self) -> str:
        try:
            return await asyncio.to_thread(self._password)  # a file, which may lie on a network
        except TokenError as error:
            raise Unusable(classify.no_login(f"No password for {self._username}: {error.cause}")) from error


class TokenLogin:
    """AUTH XOAUTH2 as the mailbox, or always as `username`, with a token of the route's credential."""

    __slots__ = ("_classifier", "_credential", "_scope", "_timeout", "_tokens", "_username")

    def __init__(
        self,
        tokens: TokenSource,
        credential: str,
        scope: str,
        classifier: Classifier,
        timeout: float,
        username: str = "",
    ) -> None:
        self._tokens = tokens
        self._credential = credential
        self._scope = scope
        self._classifier = classifier
        self._timeout = timeout
        self._username = username

    async def prepare(self) -> None:
        await self._token()

    async def login(self, connection: Connection, mailbox: str, redial: Redial) -> Connection:
        token = await self._token()
        answer = await self._present(connection, mailbox, token)
        if answer is None or not renewal_may_help(answer):
            return accept(connection, answer, self._classifier)
        refused = token
        try:
            token = await self._tokens.refresh(refused, named=names_token(answer))
        except TokenError as error:
            connection.quit()
            raise self._no_token(error) from error
        if token.value == refused.value:  # the token is not what is wrong
            return accept(connection, answer, self._classifier)
        if connection.usable:
            answer = await self._present(connection, mailbox, token)
            if answer is not None:
                return accept(connection, answer, self._classifier)
        # The upstream hung up after its refusal (RFC 4954 section 4 lets it): the new token on a new connection.
        connection = await redial()
        return accept(connection, await self._present(connection, mailbox, token), self._classifier)

    async def _token(self) -> AccessToken:
        try:
            return await self._tokens.token(self._credential, self._scope)
        except TokenError as error:
            raise self._no_token(error) from error

    def _no_token(self, error: TokenError) -> Unusable:
        return Unusable(classify.no_token(f"No token for {self._credential}: {error.cause}", error.retry_after))

    async def _present(self, connection: Connection, mailbox: str, token: AccessToken) -> Reply | None:
        if "XOAUTH2" not in connection.core.capabilities.auth:
            connection.quit()
            offered = _list(connection.core.capabilities.auth)
            raise Unusable(classify.no_login(f"The upstream does not offer AUTH XOAUTH2 but {offered}"))
        return await exchange(connection, xoauth2_client(self._username or mailbox, token.value), self._timeout)


class Opener:
    """Connections that are logged in: what the pool asks for."""

    __slots__ = ("_dialer", "_login")

    def __init__(self, dialer: Dialer, login: Login) -> None:
        self._dialer = dialer
        self._login = login

    async def __call__(self, mailbox: str) -> Connection:
        await self._login.prepare()
        connection = await self._dialer.dial()
        try:
            return await self._login.login(connection, mailbox, self._dialer.dial)
        except BaseException:
            if not connection.quitting:
                connection.fail("given up while logging in")
            raise


async def exchange(
    connection: Connection,
    mechanism: ClientMechanism,
    timeout: float,  # noqa: ASYNC109 - handed to the connection's deadline
) -> Reply | None:
    """One AUTH exchange; its last reply, None when the connection was lost without one."""
    response = mechanism.initial()
    said = [response or b""]
    try:
        answer = await connection.command(Auth(mechanism.name, response), timeout)
        while answer is not None and answer.code == 334:
            response = mechanism.answer(challenge_of(answer))
            said.append(response or b"")
            answer = await connection.auth_data(response, timeout)
    except BaseException:
        connection.fail("given up while logging in")
        raise
    if connection.lost is not None:
        connection.lost = hide(connection.lost, said)
    return discreet(answer, said) if answer is not None else None


def accept(connection: Connection, answer: Reply | None, classifier: Classifier) -> Connection:
    """The connection when the login succeeded, else Unusable."""
    if answer is None:
        raise Unusable(classify.lost(f"Connection lost while logging in: {connection.lost}"))
    if answer.code != 235:
        connection.quit()
        raise Unusable(classifier.fault(Stage.AUTH, answer))
    return connection


def renewal_may_help(answer: Reply) -> bool:
    """Whether a new token could change the answer. A switch that is off stays off: Exchange Online says so to good
    tokens too (facts: "SmtpClientAuthentication is disabled for the Mailbox", measured with XOAUTH2)."""
    return answer.code == 535 and "is disabled" not in answer.text


def names_token(answer: Reply) -> bool:
    """Whether the refusal is of the token itself. Exchange Online's 535 5.7.3 may mean the mailbox, its grants or the
    token; High Volume Email has a status for each (facts 5: 5.7.142 close to its end, 5.7.143 over it)."""
    return answer.enhanced in _NAMES_TOKEN


def _list(offered: frozenset[str]) -> str:
    return ", ".join(sorted(offered)) or "no AUTH"
