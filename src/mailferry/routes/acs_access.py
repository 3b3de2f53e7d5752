"""What lets a request into a Communication Services resource: its access key, or a token of the broker, in the shapes
that the official client takes.

Leaves to others: signing and the Authorization field (the client), where secrets lie (tokens.secret).
Invariant: neither key nor token shows in repr, a log or an error; a key that was renewed is used with the next request.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from mailferry.tokens.api import AccessToken, TokenRefused, TokenSource

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken as SdkToken


class Access(Protocol):
    """One kind of credential."""

    def credential(self) -> Any:
        """What the client is built with."""
        ...

    async def ready(self) -> None:
        """Before each request. Raises TokenError."""
        ...

    async def renewed(self) -> bool:
        """After a 401: whether another try makes sense. Raises TokenError."""
        ...


class KeyAccess:
    """HMAC with an access key, which may be given as the connection string that Azure shows."""

    __slots__ = ("_credential", "_read")

    def __init__(self, read: Callable[[], str]) -> None:
        self._read = read
        self._credential: Any = None

    def credential(self) -> Any:
        from azure.core.credentials import AzureKeyCredential

        self._credential = AzureKeyCredential("AA==")  # ready() puts the key in its place
        return self._credential

    async def ready(self) -> None:
        key = key_of(await asyncio.to_thread(self._read))
        if key != self._credential.key:
            self._credential.update(key)

    async def renewed(self) -> bool:
        """The key was read for the request; the same one would be refused again."""
        return False


class TokenAccess:
    """A token for each request: the broker keeps it, renews it early, and asks for it once."""

    __slots__ = ("_credential", "_latest", "_scope", "_tokens")

    def __init__(self, tokens: TokenSource, credential: str, scope: str) -> None:
        self._tokens = tokens
        self._credential = credential
        self._scope = scope
        self._latest: AccessToken | None = None

    def credential(self) -> TokenAccess:
        return self

    async def ready(self) -> None:
        self._latest = await self._tokens.token(self._credential, self._scope)

    async def renewed(self) -> bool:
        refused = self._latest
        if refused is None:
            return False
        self._latest = await self._tokens.refresh(refused, named=True)
        return self._latest.value != refused.value

    # What the client calls (azure.core.credentials_async.AsyncTokenCredential)

    async def get_token(self, *_scopes: str, **_options: Any) -> SdkToken:
        """The scope is the route's own: the client's names the resource with a second slash. The token is told to have
        expired, so that the client keeps none: whether it is still good is for the broker to know."""
        from azure.core.credentials import AccessToken as SdkToken

        if self._latest is None:
            await self.ready()
        assert self._latest is not None  # noqa: S101 - ready() has set it
        return SdkToken(self._latest.value, 0)

    async def close(self) -> None:
        """Nothing is held."""

    async def __aenter__(self) -> TokenAccess:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None


def key_of(secret: str) -> str:
    """The key in `secret`, which is a key or a connection string. Raises TokenRefused, which never quotes it."""
    key = secret
    if "=" in secret and ";" in secret:
        parts = dict(part.partition("=")[::2] for part in secret.split(";"))
        key = next((value for name, value in parts.items() if name.strip().lower() == "accesskey"), "")
    try:
        good = bool(base64.b64decode(key, validate=True))
    except (binascii.Error, ValueError):
        good = False
    if not good:
        raise TokenRefused(
            "the access key is neither a key nor a connection string of a Communication Services resource"
        )
    return key
