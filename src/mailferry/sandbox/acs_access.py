"""Who calls Azure Communication Services by REST: the holder of an access key, by HMAC, or an Entra application.

Leaves to others: what is asked (acs_rest). Invariants: a signature covers method, path with query, date, host and body
(V tutorials/hmac-header); keys are compared in constant time and each time, so that a renewed one is refused at once.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import unquote

from mailferry.sandbox import acs_refusals as refusals
from mailferry.sandbox.acs_refusals import AcsRefused
from mailferry.sandbox.acs_smtp import AUDIENCE
from mailferry.sandbox.bearer import TokenChecker, TokenRejected
from mailferry.sandbox.world import World

#: "greater than the allowed margin of 5 minutes" (O).
_MARGIN = 300.0
_SIGNED = "x-ms-date;host;x-ms-content-sha256"
_HMAC = re.compile(r"HMAC-SHA256 SignedHeaders=([^&]+)&Signature=(\S+)\Z")


@dataclass(frozen=True, slots=True)
class Caller:
    """`name` of the resource or of the application; `mechanism` "HMAC" or "Bearer"."""

    name: str
    mechanism: str
    client_id: str = ""


@dataclass(frozen=True, slots=True)
class Signed:
    """What a signature is over. `target` is path and query as they came."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


def caller_of(world: World, checker: TokenChecker, request: Signed, now: float) -> Caller:
    """Raises AcsRefused. `now` is the machine's time: a signature bears the date of the machine that made it, and the
    sandbox's own date is part of the play."""
    authorization = request.headers.get("Authorization", "")
    if authorization.lower().startswith("bearer "):
        return _bearer(world, checker, authorization.partition(" ")[2].strip())
    found = _HMAC.match(authorization)
    if found is None or found[1].lower() != _SIGNED:
        raise AcsRefused(refusals.DENIED, "no signature and no token")
    return _hmac(world, request, found[2], now)


def _bearer(world: World, checker: TokenChecker, token: str) -> Caller:
    try:
        tenant_id = world.tenant.tenant_id
        bearer = checker.check(token, now=world.clock.time(), tenant_id=tenant_id, audiences=(AUDIENCE,))
    except TokenRejected as error:
        raise AcsRefused(refusals.DENIED, str(error)) from error
    application = world.tenant.applications.get(bearer.app_id.lower())
    owners = world.tenant.communication.owners
    if application is None or not application.enabled or application.service_principal not in owners:
        raise AcsRefused(refusals.FORBIDDEN, "the application has no role on the resource")
    return Caller(application.name, "Bearer", application.client_id)


def _hmac(world: World, request: Signed, signature: str, now: float) -> Caller:
    date, host = request.headers.get("x-ms-date", ""), request.headers.get("Host", "")
    told = request.headers.get("x-ms-content-sha256", "")
    digest = base64.b64encode(hashlib.sha256(request.body).digest()).decode()
    if not hmac.compare_digest(told.encode(), digest.encode()):
        raise AcsRefused(refusals.CONTENT_HASH)
    try:
        at = parsedate_to_datetime(date).timestamp()
    except (TypeError, ValueError) as error:
        raise AcsRefused(refusals.DENIED, f"x-ms-date is no date: {date!r}") from error
    if abs(now - at) > _MARGIN:
        raise AcsRefused(refusals.CLOCK, f"{now - at:.0f} s")
    # Clients sign what they ask for before it is encoded for the way.
    targets = dict.fromkeys((request.target, unquote(request.target)))
    texts = [f"{request.method}\n{target}\n{date};{host};{digest}".encode() for target in targets]
    for key in world.tenant.communication.access_keys:
        for text in texts:
            if hmac.compare_digest(sign(key, text).encode(), signature.encode("utf-8", "replace")):
                return Caller(world.tenant.communication.resource, "HMAC")
    raise AcsRefused(refusals.DENIED, "the signature is of no key of the resource")


def sign(key: str, text: bytes) -> str:
    """base64(HMAC-SHA256(base64decode(key), text)); V tutorials/includes/hmac-header-python.md."""
    try:
        secret = base64.b64decode(key, validate=True)
    except binascii.Error:
        return ""
    return base64.b64encode(hmac.new(secret, text, hashlib.sha256).digest()).decode()
