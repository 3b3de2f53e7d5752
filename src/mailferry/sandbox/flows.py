"""Sign-ins under way and what came of them: device codes, authorization codes, refresh tokens, consents.

Leaves to others: their rules (device, authorize, refresh, consent). Invariant: every secret here is drawn from the
sandbox's own seed; what was used up stays known, so that a second use is told from a wrong value.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from random import Random

#: No vowels and nothing to be confused, so that no word and no error comes out; length as at Entra (O: BPPVYQZMA).
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"


class Decision(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    DECLINED = "declined"


@dataclass(slots=True)
class DeviceCode:
    """One device waiting for its user."""

    device_code: str = field(repr=False)
    user_code: str
    client_id: str
    scope: str
    expires: float
    polled: float | None = None
    interval: float = 5.0
    decision: Decision = Decision.PENDING
    user: str = ""
    signed_in: float = 0.0
    redeemed: bool = False


@dataclass(frozen=True, slots=True)
class CodeRequest:
    """What /authorize was asked."""

    client_id: str
    redirect_uri: str
    scope: str
    state: str
    nonce: str
    challenge: str
    method: str
    response_mode: str


@dataclass(slots=True)
class AuthorizationCode:
    value: str = field(repr=False)
    request: CodeRequest
    user: str
    signed_in: float
    expires: float
    redeemed: bool = False


@dataclass(slots=True)
class RefreshToken:
    value: str = field(repr=False)
    client_id: str
    user: str
    issued: float
    signed_in: float  # when the user did; a password changed after that ends it
    used: bool = False


@dataclass(slots=True)
class Pending:
    """A person at the pages: for a device, or on the way to a redirect."""

    client_id: str
    scope: str
    device: DeviceCode | None = None
    request: CodeRequest | None = None
    hint: str = ""


class Flows:
    """Everything of that kind in one sandbox."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.devices: dict[str, DeviceCode] = {}
        self.codes: dict[str, AuthorizationCode] = {}
        self.refresh: dict[str, RefreshToken] = {}
        self.pending: dict[str, Pending] = {}
        self.consents: set[tuple[str, str, str]] = set()  # client id, user, permission

    def clear(self) -> None:
        for kept in (self.devices, self.codes, self.refresh, self.pending, self.consents):
            kept.clear()

    def secret(self, prefix: str = "") -> str:
        """An opaque value."""
        return f"{prefix}{self._random.getrandbits(320):080x}"

    def user_code(self) -> str:
        """A code that no device waits under."""
        while True:
            code = "".join(self._random.choice(_LETTERS) for _ in range(9))
            if self.by_user_code(code) is None:
                return code

    def by_user_code(self, code: str) -> DeviceCode | None:
        wanted = code.strip().upper().replace("-", "")
        return next((one for one in self.devices.values() if one.user_code == wanted), None)

    def open(self, pending: Pending) -> str:
        """Keep a person's way through the pages; its name."""
        name = self.secret()
        self.pending[name] = pending
        return name
