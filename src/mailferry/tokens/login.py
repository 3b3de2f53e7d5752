"""Signing a user in: by a code on another device, or by this machine's browser; then keeping what came of it.

Leaves to others: the receiving end of a redirection (loopback), talk with people (cli.login), the protocol (MSAL).
Invariants: what is kept belongs to the tenant, the application and the user that the configuration names, and covers
every permission asked for; anything else is refused in words and keeps nothing. Everything here blocks.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mailferry.tokens.answer import Answer
from mailferry.tokens.api import TokenError, TokenRefused
from mailferry.tokens.credential import Credential
from mailferry.tokens.entra import service
from mailferry.tokens.public_client import public_client, result_of
from mailferry.tokens.vault import Kept


@dataclass(frozen=True, slots=True)
class DeviceCode:
    """What the user is shown. `expires` in seconds from now."""

    user_code: str
    address: str
    expires: float
    interval: float


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What came of it. `aside` is where an unreadable sign-in from before was put."""

    user: str
    tenant_id: str
    scopes: tuple[str, ...]
    aside: Path | None = None


class Login:
    """One sign-in; `scopes` in groups of one resource each. A context manager. Methods raise TokenError."""

    def __init__(self, credential: Credential, scopes: Sequence[tuple[str, ...]]) -> None:
        self._credential = credential
        self._scopes = [list(group) for group in scopes]
        self._answer = Answer()
        self._stack = ExitStack()
        self._flow: dict[str, Any] = {}
        self._client: Any = None

    def __enter__(self) -> Login:
        try:
            self._client = self._stack.enter_context(public_client(self._credential, self._answer))
        except Exception as error:
            raise self._error(error) from None
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    # By a code on another device

    def device(self) -> DeviceCode:
        """Ask for a code."""
        self._flow = self._safe(lambda: self._client.initiate_device_flow(self._scopes[0]))
        if "user_code" not in self._flow:
            raise self._answer.error(service(self._credential), TokenRefused("no code"))
        return DeviceCode(
            str(self._flow["user_code"]),
            str(self._flow["verification_uri"]),
            float(self._flow.get("expires_in", 900)),
            float(self._flow.get("interval", 5)),
        )

    def poll(self) -> tuple[SignedIn | None, float]:
        """Ask once whether the user is done; nothing while not, and by how many seconds to wait longer from now on."""
        self._flow.pop("latest_attempt_at", None)  # MSAL would warn by its own clock; the caller keeps the interval
        result = self._safe(
            lambda: self._client.acquire_token_by_device_flow(self._flow, exit_condition=lambda _: True)
        )
        match result.get("error"):
            case "authorization_pending":
                return None, 0.0
            case "slow_down":  # RFC 8628 section 3.5
                return None, 5.0
        return self._done(result), 0.0

    # By the browser of this machine

    def browser(self, redirect_uri: str) -> tuple[str, str]:
        """The address to open, and the `state` that has to come back."""
        wanted = self._credential.settings.sign_in
        self._flow = self._safe(
            lambda: self._client.initiate_auth_code_flow(
                [scope for group in self._scopes for scope in group],
                redirect_uri=redirect_uri,
                login_hint=wanted.user if wanted else None,
                prompt="select_account",
                response_mode="form_post",  # RFC 9700 section 4.3.1: a code in a query stays in histories
            )
        )
        return str(self._flow["auth_uri"]), str(self._flow["state"])

    def redeem(self, brought: Mapping[str, str]) -> SignedIn:
        """Exchange what the browser brought back; MSAL holds `state`, and the verifier of PKCE."""
        if "error" in brought:
            raise self._refused(brought)
        flow, self._flow = self._flow, {}  # good once
        result = self._safe(
            lambda: self._client.acquire_token_by_auth_code_flow(flow, dict(brought), scopes=self._scopes[0])
        )
        return self._done(result)

    # What came of it

    def _done(self, result: dict[str, Any]) -> SignedIn:
        found = result_of(result, self._answer, service(self._credential))
        claims = found.get("id_token_claims") or {}
        user, tenant_id = str(claims.get("preferred_username", "")), str(claims.get("tid", ""))
        self._check_who(user, tenant_id)
        granted = list(self._covered(found, self._scopes[0]))
        token = found.get("refresh_token")
        if not token:
            raise TokenRefused("the tenant gave no refresh token: a policy forbids that sign-ins are kept")
        for group in self._scopes[1:]:
            more = self._more(str(token), group)
            granted += self._covered(more, group)
            token = more.get("refresh_token") or token
        now = self._credential.vault.clock.time()
        kept = Kept(
            refresh_token=str(token),
            user=user,
            tenant_id=tenant_id,
            client_id=self._credential.settings.client_id,
            scopes=tuple(granted),
            signed_in=now,
            renewed=now,
            id=uuid.uuid4().hex,
        )
        aside = self._credential.vault.save(self._credential.name, kept)
        return SignedIn(user, tenant_id, kept.scopes, aside)

    def _more(self, token: str, group: list[str]) -> dict[str, Any]:
        """A second resource by the same sign-in: proof that its permissions were consented to."""
        result = self._safe(lambda: self._client.acquire_token_by_refresh_token(token, group))
        return result_of(result, self._answer, service(self._credential))

    def _check_who(self, user: str, tenant_id: str) -> None:
        settings = self._credential.settings
        expected = settings.tenant_id.lower()
        if "-" in expected and "." not in expected and tenant_id.lower() != expected:
            raise TokenRefused(f"{user or 'the user'} is of another tenant ({tenant_id}) than {expected}")
        wanted = settings.sign_in.user if settings.sign_in else None
        if wanted is not None and user.lower() != wanted.lower():
            raise TokenRefused(f"{user} signed in, but {wanted} has to; nothing was kept")

    def _covered(self, found: Mapping[str, Any], group: list[str]) -> list[str]:
        """The scopes of `group`, when all of them were granted. Graph's may come without their resource."""
        granted = {scope.lower() for scope in str(found.get("scope", "")).split()}
        lacking = [scope for scope in group if not {scope.lower(), scope.rpartition("/")[2].lower()} & granted]
        if lacking:
            names = ", ".join(scope.rpartition("/")[2] for scope in lacking)
            raise TokenRefused(
                f"the permission {names} was not granted; add it to the app registration (API permissions, delegated) "
                "and consent to it"
            )
        return group

    def _safe(self, act: Any) -> Any:
        try:
            return act()
        except Exception as error:
            failure = self._error(error)
        raise failure  # outside of the handler: no context of the library hangs on it

    def _error(self, error: Exception) -> TokenError:
        return error if isinstance(error, TokenError) else self._answer.error(service(self._credential), error)

    def _refused(self, brought: Mapping[str, str]) -> TokenError:
        """What the browser brought instead of a code. Anybody can send that; it is shown, and nothing follows."""
        seen = Answer(self._answer.secrets)
        seen.told(brought)
        return seen.error(urlsplit(self._credential.authority).netloc, TokenRefused("refused"))
