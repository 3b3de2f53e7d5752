"""Tokens of a user who signed in: renewed with the refresh token that the vault keeps.

Leaves to others: signing in (login), keeping (vault), HTTP and the protocol (public_client).
Invariants: a new refresh token is kept, synced, before its access token is given to anybody; until then the old one is
kept, which Entra goes on taking (V v2-oauth2-auth-code-flow.md, "Refresh the access token", 2024-04-08); a token is for
what the user consented to, never for more.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from urllib.parse import urlsplit

from mailferry.m365.clouds import Cloud
from mailferry.tokens.answer import Answer
from mailferry.tokens.api import TokenError, TokenRefused
from mailferry.tokens.credential import Credential
from mailferry.tokens.entra import Fetched, service
from mailferry.tokens.public_client import public_client, result_of
from mailferry.tokens.vault import Kept

_DEFAULT = "/.default"
#: OAuth errors after which only the user can help (V reference-error-codes.md, v2-oauth2-auth-code-flow.md).
_SIGN_IN = frozenset({"invalid_grant", "interaction_required", "consent_required", "login_required"})


def renew(credential: Credential, scope: str, answer: Answer) -> Fetched:
    """A token for `scope`. Blocks. Raises TokenError, and whatever the library raises."""
    kept = credential.kept()
    answer.secrets = (kept.refresh_token,)
    scopes = scopes_for(credential.cloud, scope, kept.scopes)
    if not scopes:
        raise TokenRefused(
            f"the sign-in of {kept.user} does not cover {scope}; sign in again: mailferry login {credential.name}"
        )
    try:
        with public_client(credential, answer) as client:
            result = client.acquire_token_by_refresh_token(kept.refresh_token, list(scopes))
            found = result_of(result, answer, service(credential))
    except TokenRefused as error:
        if answer.name in _SIGN_IN:
            raise TokenRefused(f"{error.cause} Sign in again: mailferry login {credential.name}", error.code) from None
        raise
    trouble = _keep(credential, kept, str(found.get("refresh_token") or kept.refresh_token))
    return Fetched(str(found["access_token"]), answer.lifetime(), trouble)


def scopes_for(cloud: Cloud, scope: str, consented: Iterable[str]) -> tuple[str, ...]:
    """What to ask for where a route asks as an application would: the permissions of that resource that the user
    consented to. A scope that names a permission is taken by its word."""
    if not scope.endswith(_DEFAULT):
        return tuple(one for one in consented if one.lower() == scope.lower())
    wanted = _host(cloud.smtp_send_scope if scope == cloud.smtp_scope else scope)
    return tuple(one for one in consented if _host(one) == wanted)


def _host(scope: str) -> str:
    return urlsplit(scope).netloc.lower()


def _keep(credential: Credential, used: Kept, token: str) -> str:
    """Keep the new refresh token; what went wrong, in words, where that did not succeed."""
    vault = credential.vault
    try:
        vault.replace(credential.name, used, replace(used, refresh_token=token, renewed=vault.clock.time()))
    except TokenError as error:
        return error.cause
    return ""
