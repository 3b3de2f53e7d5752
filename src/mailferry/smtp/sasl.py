"""SASL mechanisms of mail submission, both sides: PLAIN, LOGIN, XOAUTH2, OAUTHBEARER. Octets only, no base64.

Leaves to others: the wire form (server, client), checking a password or token (listener.accounts, sandbox), when a
mechanism may be used (policy).
Invariant: a secret is in no repr; what the peer sent appears in no error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from mailferry.smtp.grammar import decode_base64, encode_base64
from mailferry.smtp.replies import Reply, reply


@dataclass(frozen=True, slots=True)
class Challenge:
    """What the server says next; challenge_reply makes the 334 of it."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the client claims. Either `password` or `token` is set. `authzid` is "" unless it asks to act as another."""

    username: str
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    authzid: str = ""
    mechanism: str = ""


@dataclass(frozen=True, slots=True)
class SaslError:
    """The exchange is over without credentials; `reply` is to be sent."""

    reply: Reply
    reason: str = ""


Step = Challenge | Credentials | SaslError

_MALFORMED = SaslError(reply(501, "5.5.2", "Malformed authentication response"), "malformed response")
_CANCELLED = SaslError(reply(501, "5.7.0", "Authentication cancelled"), "cancelled by the client")
_FAILED = SaslError(reply(535, "5.7.8", "Authentication credentials invalid"), "token refused")


def challenge_reply(challenge: Challenge) -> Reply:
    """334 with the challenge in base64 (RFC 4954 section 4)."""
    return Reply(334, "", (encode_base64(challenge.data).decode(),))


def challenge_of(value: Reply) -> bytes:
    """What a 334 asks; b"" when it is no base64 (some servers write prose there)."""
    try:
        return decode_base64(value.text.strip().encode())
    except ValueError:
        return b""


class ServerMechanism(Protocol):
    """One exchange. `start` takes the initial response or None; `step` a response, or None for "*"."""

    def start(self, initial: bytes | None) -> Step: ...

    def step(self, response: bytes | None) -> Step: ...


def _text(octets: bytes) -> str:
    """UTF-8, or what an old device meant by its 8-bit password: Latin-1, which takes anything."""
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("latin-1")


class PlainServer:
    """RFC 4616: authzid NUL authcid NUL password."""

    __slots__ = ()

    def start(self, initial: bytes | None) -> Step:
        return Challenge(b"") if initial is None else self.step(initial)

    def step(self, response: bytes | None) -> Step:
        if response is None:
            return _CANCELLED
        parts = response.split(b"\0")
        if len(parts) != 3:
            return _MALFORMED
        authzid, username, password = map(_text, parts)
        if not username or not (username + authzid).isprintable():
            return _MALFORMED
        return Credentials(username, password, authzid=authzid, mechanism="PLAIN")


class LoginServer:
    """draft-murchison-sasl-login. The prompts are exactly these: a Xerox hangs up on any other."""

    __slots__ = ("_username",)

    def __init__(self) -> None:
        self._username: str | None = None

    def start(self, initial: bytes | None) -> Step:
        return Challenge(b"Username:") if initial is None else self.step(initial)

    def step(self, response: bytes | None) -> Step:
        if response is None:
            return _CANCELLED
        if self._username is not None:
            return Credentials(self._username, _text(response), mechanism="LOGIN")
        username = _text(response)
        if not username or not username.isprintable():
            return _MALFORMED
        self._username = username
        return Challenge(b"Password:")


class _BearerServer:
    """What XOAUTH2 and OAUTHBEARER share: fields between 0x01, and an error in JSON that the client acknowledges."""

    __slots__ = ("_failing",)
    mechanism = ""

    def __init__(self) -> None:
        self._failing = False

    def start(self, initial: bytes | None) -> Step:
        return Challenge(b"") if initial is None else self.step(initial)

    def fail(self, error: bytes = b'{"status":"401","schemes":"bearer","scope":""}') -> Challenge:
        """Refuse the token the way RFC 7628 section 3.2.2 does: the client answers this, then step gives the 535."""
        self._failing = True
        return Challenge(error)

    def step(self, response: bytes | None) -> Step:
        if self._failing:
            return _FAILED
        if response is None:
            return _CANCELLED
        try:
            head, *pairs = response.decode().split("\x01")
            if pairs[-2:] != ["", ""]:
                return _MALFORMED
            fields = dict(pair.split("=", 1) for pair in pairs[:-2])
        except ValueError:
            return _MALFORMED
        username = self._username(head)
        scheme, _, token = fields.get("auth", "").partition(" ")
        token = token.strip(" ")
        if not username.isprintable() or scheme.lower() != "bearer" or not token or not token.isprintable():
            return _MALFORMED
        return Credentials(username, token=token, mechanism=self.mechanism)

    def _username(self, head: str) -> str:
        raise NotImplementedError


class XOAuth2Server(_BearerServer):
    """user=<mailbox> ^A auth=Bearer <token> ^A ^A (Microsoft: authenticate an SMTP connection using OAuth)."""

    __slots__ = ()
    mechanism = "XOAUTH2"

    def _username(self, head: str) -> str:
        key, _, username = head.partition("=")
        return username if key == "user" and username else "\0"


class OAuthBearerServer(_BearerServer):
    """RFC 7628: a GS2 header n,a=<mailbox>, then ^A auth=Bearer <token> ^A ^A; the mailbox may be left out."""

    __slots__ = ()
    mechanism = "OAUTHBEARER"

    def _username(self, head: str) -> str:
        flag, _, rest = head.partition(",")
        authzid = rest.removesuffix(",")
        if flag not in ("n", "y") or not rest.endswith(",") or (authzid and not authzid.startswith("a=")):
            return "\0"
        return authzid.removeprefix("a=").replace("=2C", ",").replace("=3D", "=")


_SERVERS: dict[str, Callable[[], ServerMechanism]] = {
    "PLAIN": PlainServer,
    "LOGIN": LoginServer,
    "XOAUTH2": XOAuth2Server,
    "OAUTHBEARER": OAuthBearerServer,
}


def server_mechanism(name: str) -> ServerMechanism | None:
    """A fresh exchange of the mechanism, or None when it is not known."""
    make = _SERVERS.get(name.upper())
    return make() if make else None


def plain(username: str, password: str, authzid: str = "") -> bytes:
    return b"\0".join((authzid.encode(), username.encode(), password.encode()))


def xoauth2(username: str, token: str) -> bytes:
    return f"user={username}\x01auth=Bearer {token}\x01\x01".encode()


def oauthbearer(username: str, token: str) -> bytes:
    name = username.replace("=", "=3D").replace(",", "=2C")
    return f"n,a={name},\x01auth=Bearer {token}\x01\x01".encode()


class ClientMechanism(Protocol):
    """One exchange from the client's side: `initial` for AUTH, then an answer to each challenge."""

    name: str

    def initial(self) -> bytes | None: ...

    def answer(self, challenge: bytes) -> bytes | None:
        """None: nothing sensible can be answered; cancel."""


class OneShotClient:
    """PLAIN: all is in the initial response; it is repeated when the server asks for it with an empty challenge."""

    __slots__ = ("_response", "name")

    def __init__(self, name: str, response: bytes) -> None:
        self.name = name
        self._response = response

    def initial(self) -> bytes | None:
        return self._response

    def answer(self, challenge: bytes) -> bytes | None:
        return None if challenge else self._response


class BearerClient(OneShotClient):
    """XOAUTH2 and OAUTHBEARER: an error in JSON must be acknowledged before the server says 535."""

    __slots__ = ("error",)

    def __init__(self, name: str, response: bytes) -> None:
        super().__init__(name, response)
        self.error = b""  # the JSON with which the server refused the token

    def answer(self, challenge: bytes) -> bytes | None:
        if not challenge:
            return self._response
        self.error = challenge
        # Google: an empty response; RFC 7628 section 3.2.3: one 0x01.
        return b"" if self.name == "XOAUTH2" else b"\x01"


class LoginClient:
    """LOGIN, without initial response: some servers do not take one. Answers in the order of the prompts."""

    __slots__ = ("_password", "_sent", "_username", "name")

    def __init__(self, username: str, password: str) -> None:
        self.name = "LOGIN"
        self._username = username.encode()
        self._password = password.encode()
        self._sent = 0

    def initial(self) -> bytes | None:
        return None

    def answer(self, challenge: bytes) -> bytes | None:
        self._sent += 1
        if self._sent > 2:
            return None
        return self._username if self._sent == 1 else self._password


def plain_client(username: str, password: str) -> ClientMechanism:
    return OneShotClient("PLAIN", plain(username, password))


def xoauth2_client(username: str, token: str) -> BearerClient:
    return BearerClient("XOAUTH2", xoauth2(username, token))


def oauthbearer_client(username: str, token: str) -> BearerClient:
    return BearerClient("OAUTHBEARER", oauthbearer(username, token))
