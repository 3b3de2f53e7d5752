"""The refresh token grant.

Leaves to others: tokens (user_tokens), consent. Invariant: a refresh token serves the application and the user it was
given to, until it was out of use too long or the user's sessions were revoked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mailferry.clock import utc
from mailferry.sandbox import aadsts_sign_in as errors
from mailferry.sandbox import consent
from mailferry.sandbox.aadsts import MISSING_PARAMETER, GrantRefused
from mailferry.sandbox.flows import RefreshToken
from mailferry.sandbox.scopes import one_resource, parse
from mailferry.sandbox.tenant import Mailbox, Tenant
from mailferry.sandbox.user_tokens import UserTokens
from mailferry.sandbox.world import World

_DAY = 86400.0


class RefreshGrant:
    """Answers grant_type=refresh_token."""

    def __init__(self, world: World, tokens: UserTokens) -> None:
        self._world = world
        self._tokens = tokens

    def grant(self, form: Mapping[str, str], tenant: Tenant) -> dict[str, Any]:
        """Raises GrantRefused. V: the refresh token is good for whatever was consented to, of any resource."""
        application = consent.public(tenant, form.get("client_id", ""))
        if not form.get("refresh_token"):
            raise GrantRefused(MISSING_PARAMETER, name="refresh_token")
        held = self._world.flows.refresh.get(form["refresh_token"])
        if held is None or held.client_id != application.client_id.lower():
            raise GrantRefused(errors.REFRESH_UNKNOWN)
        user = consent.user(tenant, held.user)
        self._check(held, user)
        text = form.get("scope", "")
        scopes = one_resource(parse(text, application, tenant), text)
        answer = self._tokens.answer(tenant, application, user, scopes, signed_in=held.signed_in)
        held.used = True
        return answer

    def _check(self, held: RefreshToken, user: Mailbox) -> None:
        behaviour, now = self._world.behaviour.entra, self._world.clock.time()
        since = user.sessions_valid_from
        if since is not None and held.signed_in < since.timestamp():
            raise GrantRefused(errors.REFRESH_REVOKED, issued=_stamp(held.issued), valid_from=_stamp(since.timestamp()))
        if now - held.issued >= behaviour.refresh_token_days * _DAY:
            days = f"{behaviour.refresh_token_days:g}"
            raise GrantRefused(errors.REFRESH_INACTIVE, issued=_stamp(held.issued), days=days)
        if held.used and behaviour.used_refresh_tokens == "refuse":
            raise GrantRefused(errors.CODE_INVALID, "the refresh token was used before")


def _stamp(moment: float) -> str:
    return f"{utc(moment):%Y-%m-%dT%H:%M:%S.0000000Z}"
