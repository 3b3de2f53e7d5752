"""What a route may ask of the token broker.

Leaves to others: where secrets come from (credential), how tokens are fetched (entra), caching (broker).
Invariant: neither a token nor a secret shows in repr, str, a log or an error.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A bearer token; `expires` in seconds since the epoch."""

    value: str = field(repr=False)
    expires: float
    credential: str
    scope: str


class TokenError(Exception):
    """Root. `cause` is one line for people; `code` e.g. "AADSTS7000222" or ""."""

    def __init__(self, cause: str, code: str = "", retry_after: float | None = None) -> None:
        super().__init__(cause)
        self.cause = cause
        self.code = code
        self.retry_after = retry_after


class TokenRefused(TokenError):
    """The token endpoint said no (secret expired, consent missing, application disabled): somebody must act."""


class TokenUnavailable(TokenError):
    """The token endpoint could not be reached or is overloaded: try again later."""


class TokenSource(Protocol):
    """The broker as routes see it."""

    async def token(self, credential: str, scope: str) -> AccessToken:
        """A token that stays good for the credential's margin. Raises TokenError."""
        ...

    async def refresh(self, refused: AccessToken, *, named: bool = False) -> AccessToken:
        """The service refused `refused`: a newer one, or the same where that could not help, and then the refusal
        stands. `named`: the refusal is of the token itself (it has expired, it was revoked), not only of a login with
        it. Raises TokenError."""
        ...
