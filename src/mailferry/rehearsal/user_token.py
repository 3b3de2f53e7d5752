"""Tokens for clients that sign in by OAuth themselves: of a user who signed in once, fetched from the box's Entra.

Leaves to others: what is done with them (speaker). Invariant: a token comes from the token endpoint by a refresh token,
as a device that was set up months ago gets it; none is made by hand.
"""

from __future__ import annotations

import aiohttp

from mailferry.rehearsal import grants
from mailferry.sandbox.flows import RefreshToken
from mailferry.sandbox.serve import Sandbox

_SMTP = "https://outlook.office.com/SMTP.Send"
_GRAPH = "https://graph.microsoft.com/Mail.Send"


class TokenRefused(Exception):
    """The token endpoint said no; the text is its own."""


class Tokens:
    """Of one box. Each user and resource is asked for once."""

    def __init__(self, box: Sandbox, http: aiohttp.ClientSession) -> None:
        self._box = box
        self._http = http
        self._known: dict[tuple[str, bool], str] = {}

    async def of(self, user: str, *, graph: bool) -> str:
        """A token of `user`. Raises TokenRefused."""
        key = user, graph
        if key not in self._known:
            self._known[key] = await self._fetch(user, _GRAPH if graph else _SMTP)
        return self._known[key]

    async def _fetch(self, user: str, scope: str) -> str:
        form = {
            "client_id": grants.OWN_CLIENT_ID,
            "grant_type": "refresh_token",
            "refresh_token": self._signed_in(user),
            "scope": scope,
        }
        try:
            async with self._http.post(f"{self._box.authority}/oauth2/v2.0/token", data=form) as answer:
                body = await answer.json()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise TokenRefused(str(error)) from error
        if "access_token" not in body:
            raise TokenRefused(str(body.get("error_description", body)))
        return str(body["access_token"])

    def _signed_in(self, user: str) -> str:
        """That the user signed in to the client some time ago is part of the scene."""
        flows, now = self._box.world.flows, self._box.clock.time()
        value = flows.secret("1.")
        flows.refresh[value] = RefreshToken(value, grants.OWN_CLIENT_ID, user.lower(), now, now)
        return value
