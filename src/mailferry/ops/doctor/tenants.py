"""Each tenant: the clock against the token service, a token, and what is in it against what the routes need.

Leaves to others: whether the service takes the token (routes, graph). Claims are read, never judged valid: that is the
service's business. Invariant: no token is shown.
"""

from __future__ import annotations

import base64
import binascii
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp

from mailferry.clock import utc
from mailferry.config.schema import TenantSettings
from mailferry.m365.errors import ErrorFact, Who, token_error
from mailferry.m365.facts import Text
from mailferry.ops.doctor.finding import NO_TEXT, Finding, Level
from mailferry.ops.doctor.machine import GATEWAY
from mailferry.ops.doctor.patient import Patient
from mailferry.routes.settings import RouteSettings, RouteType
from mailferry.tokens.api import TokenError
from mailferry.tokens.broker import TokenBroker

#: A token is refused as "not yet valid" where clocks differ by more than five minutes (Entra allows about that).
_SKEW, _SKEW_FATAL = 60.0, 300.0
ENTRA = Text(Who.ENTRA.label("en"), Who.ENTRA.label("ja"))
#: The application permission of each type, where permissions are consented to in Entra rather than scoped in Exchange.
_ROLES = {
    RouteType.EXCHANGE_SMTP: "SMTP.SendAsApp",
    RouteType.GRAPH: "Mail.Send",
    RouteType.HVE: "Mail.Send",
}
#: What a user who signed in consents to instead.
_DELEGATED = {RouteType.EXCHANGE_SMTP: "SMTP.Send", RouteType.GRAPH: "Mail.Send"}
#: Types for which a role in Exchange, limited to some mailboxes, does instead.
_SCOPED = frozenset({RouteType.EXCHANGE_SMTP, RouteType.GRAPH})


async def check(patient: Patient) -> AsyncIterator[Finding]:
    for tenant in patient.config.tenants:
        yield await _clock(patient, tenant)
    broker = patient.broker()
    try:
        async for finding in _secrets(patient, broker):
            yield finding
        for route in patient.config.routes:
            if route.tenant and route.password is None:
                async for finding in _token(patient, broker, route):
                    yield finding
    finally:
        await broker.close()


async def _clock(patient: Patient, tenant: TenantSettings) -> Finding:
    url = f"{patient.authority(tenant)}/{tenant.tenant_id}/v2.0/.well-known/openid-configuration"
    try:
        context = ssl.create_default_context(cafile=str(tenant.ca_file) if tenant.ca_file else None)
        timeout = aiohttp.ClientTimeout(total=patient.seconds)
        async with aiohttp.ClientSession(timeout=timeout, trust_env=True) as http, http.get(url, ssl=context) as answer:
            theirs = parsedate_to_datetime(answer.headers["Date"]).timestamp()
    except (aiohttp.ClientError, OSError, TimeoutError, KeyError, ValueError, TypeError) as error:
        what = Text(
            f"the token service could not be asked for the time: {type(error).__name__}",
            f"トークン サービスに時刻を問い合わせできません: {type(error).__name__}",
        )
        return Finding("clock", tenant.name, Level.NOTE, what)
    skew = patient.clock.time() - theirs
    what = Text(
        f"this machine's clock is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} the token service's",
        f"このマシンの時計はトークン サービスより {abs(skew):.0f} 秒{'進んで' if skew > 0 else '遅れて'}います",
    )
    if abs(skew) < _SKEW:
        return Finding("clock", tenant.name, Level.GOOD, what)
    cause = Text(
        "Tokens and certificates seem expired, or not valid yet.",
        "トークンや証明書が期限切れ、または有効期間前と判断されます。",
    )
    cure = Text("Let NTP set the clock (timedatectl).", "NTP で時刻を同期してください（timedatectl）。")
    level = Level.FAILED if abs(skew) >= _SKEW_FATAL else Level.WARNING
    return Finding("clock", tenant.name, level, what, cause, cure, GATEWAY)


async def _secrets(patient: Patient, broker: TokenBroker) -> AsyncIterator[Finding]:
    for expiry in await broker.expiries():
        left = expiry.when - utc(patient.clock.time())
        day = f"{expiry.when:%Y-%m-%d}"
        warn = next(one.warn_days for one in patient.config.tenants if one.name == expiry.credential)
        what = Text(f"{expiry.what}: ends on {day}", f"{expiry.what}: 有効期限 {day}")
        if left >= timedelta(days=warn):
            yield Finding("expiry", expiry.credential, Level.GOOD, what)
            continue
        level = Level.FAILED if left < timedelta(0) else Level.WARNING
        cure = Text(
            "Make a new one in Entra, store it, and keep the old one until it is used.",
            "Entra で新しいものを作成して保存し、切り替わるまで古いものを残してください。",
        )
        yield Finding("expiry", expiry.credential, level, what, cure=cure, who=ENTRA)


async def _token(patient: Patient, broker: TokenBroker, route: RouteSettings) -> AsyncIterator[Finding]:
    scope, name = patient.scope(route), f"{route.tenant}, {route.name}"
    try:
        token = await broker.token(route.tenant or "", scope)
    except TokenError as error:
        yield no_token(name, error)
        return
    claims = read_claims(token.value)
    minutes = (token.expires - patient.clock.time()) / 60
    whose, whose_ja = _enterprise(claims)
    what = Text(
        f"a token for {claims.get('aud', scope)}, good for {minutes:.0f} min{whose}",
        f"{claims.get('aud', scope)} 用のトークン（残り {minutes:.0f} 分{whose_ja}）",
    )
    yield Finding("token", name, Level.GOOD, what)
    if (finding := permission(route, name, claims)) is not None:
        yield finding


def _enterprise(claims: Mapping[str, Any]) -> tuple[str, str]:
    """Who the token says it is. The app registration has another object id, and Exchange, told that one, answers as it
    does to a stranger."""
    if "oid" not in claims or "scp" in claims:
        return "", ""
    return (
        f"; the object id to register in Exchange (New-ServicePrincipal) is {claims['oid']}",
        f"、Exchange に登録するオブジェクト ID (New-ServicePrincipal) は {claims['oid']}",
    )


def no_token(name: str, error: TokenError) -> Finding:
    what = Text(
        f"no token: {error.cause} {error.code}".rstrip(), f"トークンを取得できません: {error.code or error.cause}"
    )
    return Finding("token", name, Level.FAILED, what, *explained(token_error(error.code)))


def permission(route: RouteSettings, name: str, claims: Mapping[str, Any]) -> Finding | None:
    """What the claims say of the right to send; None where nothing can be said."""
    wanted = _ROLES.get(route.type)
    if wanted is None or not claims:
        return None
    has = set(claims.get("roles") or ()) | set(str(claims.get("scp") or "").split())
    if wanted in has or _DELEGATED.get(route.type) in has:
        return _wide(route, name, wanted, has)
    given = ", ".join(sorted(has)) or "-"
    if route.type in _SCOPED:
        what = Text(
            f"no {wanted} in the token: it may send only where Exchange has a role for it (the preferred way)",
            f"トークンに {wanted} がありません。Exchange の役割の範囲でのみ送信できます（推奨構成）",
        )
        return Finding("permission", name, Level.NOTE, what)
    what = Text(
        f"the permission {wanted} is missing; the token has: {given}",
        f"アクセス許可 {wanted} がありません（トークンの許可: {given}）",
    )
    cure = Text(
        f"Consent to the application permission {wanted}; `mailferry setup {route.type.value}` writes the commands.",
        f"許可 {wanted} に同意してください。`mailferry setup {route.type.value}` がコマンドを出力します。",
    )
    return Finding("permission", name, Level.FAILED, what, cure=cure, who=ENTRA)


def _wide(route: RouteSettings, name: str, wanted: str, has: set[str]) -> Finding:
    what = Text(f"the token permits: {', '.join(sorted(has))}", f"トークンの許可: {', '.join(sorted(has))}")
    if route.type is not RouteType.GRAPH or wanted not in has:
        return Finding("permission", name, Level.GOOD, what)
    cause = Text(
        "Consented to in Entra, Mail.Send reaches every mailbox of the tenant, whatever scope Exchange has.",
        "Entra で同意した Mail.Send は、Exchange のスコープに関係なくテナントの全メールボックスに及びます。",
    )
    cure = Text(
        "Take the consent away and scope the application in Exchange: `mailferry setup graph`.",
        "同意を取り消し、Exchange でアプリケーションの範囲を制限してください: `mailferry setup graph`",
    )
    return Finding("permission", name, Level.WARNING, what, cause, cure, ENTRA)


def read_claims(token: str) -> dict[str, Any]:
    """The claims of a JSON Web Token, {} for a token of another make."""
    try:
        part = token.split(".")[1]
        found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (IndexError, binascii.Error, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def explained(fact: ErrorFact | None) -> tuple[Text, Text, Text]:
    """Cause, cure and who of what is published."""
    if fact is None:
        return NO_TEXT, NO_TEXT, ENTRA
    return fact.cause, fact.cure, Text(fact.who.label("en"), fact.who.label("ja"))
