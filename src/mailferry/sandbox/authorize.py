"""The authorization code flow with PKCE: what /authorize may be asked, and what its code is exchanged for.

Leaves to others: the pages between (sign_in), tokens (user_tokens). Invariant: a code is good once, within minutes, for
the client, redirect address and verifier it was asked with (RFC 6749 section 4.1.3, RFC 7636 section 4.6).
V throughout: entra-docs v2-oauth2-auth-code-flow.md, ms.date 2024-04-08.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any

from mailferry.sandbox import aadsts_sign_in as errors
from mailferry.sandbox import consent
from mailferry.sandbox.aadsts import MISSING_PARAMETER, GrantRefused
from mailferry.sandbox.flows import AuthorizationCode, CodeRequest
from mailferry.sandbox.scopes import one_resource, parse
from mailferry.sandbox.tenant import Application, Tenant
from mailferry.sandbox.user_tokens import UserTokens
from mailferry.sandbox.world import World

#: What a browser reads as this machine in every case: no user, no backslash, no blank or control character, no
#: fragment (RFC 6749 section 3.1.2), and nothing but a path and a query, which do count.
_LOOPBACK = re.compile(r"(http://(?:localhost|127\.0\.0\.1|\[::1\]))(?::\d{1,5})?((?:[/?][!$-;=?-\[\]^_a-z~]*)?)")
_MODES = ("query", "fragment", "form_post")


class CodeGrant:
    """Judges /authorize and answers grant_type=authorization_code."""

    def __init__(self, world: World, tokens: UserTokens) -> None:
        self._world = world
        self._tokens = tokens

    def request(self, query: Mapping[str, str], tenant: Tenant) -> CodeRequest:
        """What may be told by a redirection, for its address is the application's. Raises GrantRefused, which is shown
        on a page: who is sent elsewhere could be anybody."""
        application = consent.application(tenant, query.get("client_id", ""))
        address = query.get("redirect_uri", "")
        if not address:
            raise GrantRefused(MISSING_PARAMETER, name="redirect_uri")
        if not _registered(application, address):
            raise GrantRefused(errors.REDIRECT_MISMATCH, uri=address, client_id=application.client_id)
        mode = query.get("response_mode", "query")
        return CodeRequest(
            client_id=application.client_id,
            redirect_uri=address,
            scope=query.get("scope", ""),
            state=query.get("state", ""),
            nonce=query.get("nonce", ""),
            challenge=query.get("code_challenge", ""),
            method=query.get("code_challenge_method", "plain"),
            response_mode=mode if mode in _MODES else "query",
        )

    def check(self, query: Mapping[str, str], request: CodeRequest, tenant: Tenant) -> None:
        """What is told by a redirection. Raises GrantRefused."""
        kind = query.get("response_type", "")
        if not kind:
            raise GrantRefused(MISSING_PARAMETER, name="response_type")
        if kind != "code":
            raise GrantRefused(errors.UNSUPPORTED_RESPONSE, name=kind)
        if request.challenge and request.method not in ("S256", "plain"):
            raise GrantRefused(errors.PKCE_MISSING, f"code_challenge_method {request.method}")
        parse(request.scope, consent.application(tenant, request.client_id), tenant)

    def code(self, request: CodeRequest, user: str) -> str:
        """A code for who signed in."""
        flows, now = self._world.flows, self._world.clock.time()
        value = flows.secret("0.")
        life = self._world.behaviour.entra.authorization_code_seconds
        flows.codes[value] = AuthorizationCode(value, request, user, now, now + life)
        return value

    def grant(self, form: Mapping[str, str], tenant: Tenant) -> dict[str, Any]:
        """Raises GrantRefused."""
        application = consent.public(tenant, form.get("client_id", ""))
        if not form.get("code"):
            raise GrantRefused(MISSING_PARAMETER, name="code")
        code = self._world.flows.codes.get(form["code"])
        if code is None or code.request.client_id.lower() != application.client_id.lower():
            raise GrantRefused(errors.CODE_INVALID)
        if code.redeemed:
            raise GrantRefused(errors.CODE_REDEEMED)
        if self._world.clock.time() >= code.expires:
            raise GrantRefused(errors.CODE_EXPIRED)
        if form.get("redirect_uri", "") != code.request.redirect_uri:
            raise GrantRefused(errors.CODE_INVALID, "another redirect_uri")
        _verify(code.request, form.get("code_verifier", ""))
        user = consent.user(tenant, code.user)
        asked = parse(code.request.scope, application, tenant)
        text = form.get("scope") or code.request.scope
        wanted = parse(text, application, tenant) if form.get("scope") else asked.of(asked.resource)
        answer = self._tokens.answer(
            tenant,
            application,
            user,
            one_resource(wanted, text),
            signed_in=code.signed_in,
            nonce=code.request.nonce,
        )
        code.redeemed = True
        return answer


def _registered(application: Application, address: str) -> bool:
    """As registered, letter by letter; of http://localhost and loopback addresses the port does not count (V
    reply-url.md "Localhost exceptions", RFC 8252 section 7.3)."""
    known = application.delegated.redirect_uris if application.delegated is not None else ()
    return _portless(address) in map(_portless, known)


def _portless(address: str) -> str:
    """A loopback address without its port, in one spelling; any other as it is."""
    found = _LOOPBACK.fullmatch(address)
    return f"{found[1]}{found[2] or '/'}" if found is not None else address


def _verify(request: CodeRequest, verifier: str) -> None:
    """RFC 7636 section 4.6. Raises GrantRefused."""
    if not request.challenge:
        return
    if not verifier:
        raise GrantRefused(errors.PKCE_MISSING)
    made = verifier
    if request.method == "S256":
        made = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    if not hmac.compare_digest(made.encode(), request.challenge.encode()):
        raise GrantRefused(errors.PKCE_MISMATCH)
