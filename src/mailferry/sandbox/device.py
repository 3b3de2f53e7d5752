"""The device code flow: the code that is shown, and the polling for what its user decides.

Leaves to others: the pages where the user decides (sign_in), tokens (user_tokens). Invariant: a device code is good
once, for the application that asked for it, until it expires on the sandbox's clock.
V throughout: entra-docs v2-oauth2-device-code.md, ms.date 2024-01-10.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mailferry.sandbox import aadsts_sign_in as errors
from mailferry.sandbox import consent
from mailferry.sandbox.aadsts import MISSING_PARAMETER, GrantRefused
from mailferry.sandbox.flows import Decision, DeviceCode
from mailferry.sandbox.scopes import one_resource, parse
from mailferry.sandbox.tenant import Tenant
from mailferry.sandbox.user_tokens import UserTokens
from mailferry.sandbox.world import World

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
#: RFC 8628 section 3.5: slow_down adds five seconds to the interval.
_SLOWER = 5.0


class DeviceFlow:
    """Answers /devicecode and grant_type=device_code."""

    def __init__(self, world: World, tokens: UserTokens) -> None:
        self._world = world
        self._tokens = tokens

    def start(self, form: Mapping[str, str], tenant: Tenant, address: str) -> dict[str, Any]:
        """A code for the user, who enters it at `address`. Raises GrantRefused."""
        application = consent.public(tenant, form.get("client_id", ""))
        text = form.get("scope", "")
        one_resource(parse(text, application, tenant), text)
        flows, behaviour = self._world.flows, self._world.behaviour.entra
        code = DeviceCode(
            device_code=flows.secret("D"),
            user_code=flows.user_code(),
            client_id=application.client_id,
            scope=text,
            expires=self._world.clock.time() + behaviour.device_code_seconds,
            interval=behaviour.device_interval,
        )
        flows.devices[code.device_code] = code
        return {
            "user_code": code.user_code,
            "device_code": code.device_code,
            "verification_uri": address,
            "expires_in": behaviour.device_code_seconds,
            "interval": behaviour.device_interval,
            "message": f"To sign in, use a web browser to open the page {address} and enter the code"
            f" {code.user_code} to authenticate.",
        }

    def grant(self, form: Mapping[str, str], tenant: Tenant) -> dict[str, Any]:
        """Raises GrantRefused, while the user has not decided too."""
        application = consent.public(tenant, form.get("client_id", ""))
        value = form.get("device_code") or form.get("code") or ""  # MSAL sends both
        if not value:
            raise GrantRefused(MISSING_PARAMETER, name="device_code")
        code = self._world.flows.devices.get(value)
        if code is None or code.redeemed or code.client_id.lower() != application.client_id.lower():
            raise GrantRefused(errors.BAD_VERIFICATION_CODE)
        self._check(code)
        user = consent.user(tenant, code.user)
        scopes = parse(code.scope, application, tenant)
        answer = self._tokens.answer(tenant, application, user, scopes, signed_in=code.signed_in)
        code.redeemed = True
        return answer

    def _check(self, code: DeviceCode) -> None:
        """Raises GrantRefused until the user has approved. Someone who polls too fast is measured by the machine's
        patience: a clock that stands would call every poll too fast."""
        now = self._world.clock.time()
        if now >= code.expires:
            raise GrantRefused(errors.DEVICE_CODE_EXPIRED)
        hasty = code.polled is not None and self._world.clock.running and now - code.polled < code.interval * 0.9
        code.polled = now
        if code.decision is Decision.DECLINED:
            raise GrantRefused(errors.AUTHORIZATION_DECLINED)
        if code.decision is Decision.APPROVED:
            return
        if hasty and self._world.behaviour.entra.device_slow_down:
            code.interval += _SLOWER
            raise GrantRefused(errors.SLOW_DOWN)
        raise GrantRefused(errors.AUTHORIZATION_PENDING)
