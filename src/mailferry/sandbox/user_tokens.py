"""The answer to whoever signed in: access token, id token, refresh token.

Leaves to others: whether it is due (device, authorize, refresh). Invariant: a refresh token is given only where
offline_access was asked for, and an id token where openid was (V: v2-oauth2-device-code.md 2024-01-10).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from mailferry.sandbox import consent
from mailferry.sandbox.flows import RefreshToken
from mailferry.sandbox.graph_access import user_id
from mailferry.sandbox.scopes import Scopes
from mailferry.sandbox.signer import Signer
from mailferry.sandbox.tenant import Application, Mailbox, Tenant
from mailferry.sandbox.world import World


class UserTokens:
    """Issues them. `base_url` says where the sandbox listens."""

    def __init__(
        self, world: World, signer: Signer, machine_time: Callable[[], float], base_url: Callable[[], str]
    ) -> None:
        self._world = world
        self._signer = signer
        self._machine_time = machine_time
        self._base_url = base_url

    def answer(
        self,
        tenant: Tenant,
        application: Application,
        user: Mailbox,
        scopes: Scopes,
        *,
        signed_in: float,
        nonce: str = "",
    ) -> dict[str, Any]:
        """The JSON body. Raises GrantRefused where consent is missing."""
        consent.require(self._world.flows, application, user, scopes)
        object_id = user_id(tenant, user)
        issued = self._signer.issue_user(
            application=application,
            tenant_id=tenant.tenant_id,
            audience=scopes.resource,
            permissions=scopes.names,
            user=user,
            object_id=object_id,
            now=self._world.clock.time(),
        )
        body: dict[str, Any] = {
            "token_type": "Bearer",
            "scope": scopes.granted,
            "expires_in": issued.lifetime,
            "ext_expires_in": issued.lifetime,
            "access_token": issued.token,
        }
        if "offline_access" in scopes.oidc:
            body["refresh_token"] = self._refresh_token(application, user, signed_in)
        if "openid" in scopes.oidc:
            body["id_token"] = self._signer.id_token(
                application=application,
                tenant_id=tenant.tenant_id,
                issuer=f"{self._base_url()}/{tenant.tenant_id}/v2.0",
                user=user,
                object_id=object_id,
                nonce=nonce,
                now=self._machine_time(),
            )
            body["client_info"] = _client_info(object_id, tenant.tenant_id)  # O: what MSAL makes an account id of
        return body

    def _refresh_token(self, application: Application, user: Mailbox, signed_in: float) -> str:
        flows = self._world.flows
        value = flows.secret("1.")
        now = self._world.clock.time()
        flows.refresh[value] = RefreshToken(value, application.client_id.lower(), user.address.lower(), now, signed_in)
        return value


def _client_info(object_id: str, tenant_id: str) -> str:
    text = json.dumps({"uid": object_id, "utid": tenant_id})
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()
