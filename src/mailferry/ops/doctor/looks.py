"""What a route needs to look after the mail that it has handed over (`lookup`, `bounces`): rights to read.

Leaves to others: the rights to send (tenants, ways), asking (routes.look_build). Invariants: what is asked for changes
nothing: a message that nobody has sent is looked for, and the reports since now are read; what could not be asked is no
proof of least privilege.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any
from uuid import uuid4

from mailferry.m365 import errors
from mailferry.m365.clouds import cloud
from mailferry.m365.facts import Text
from mailferry.ops.doctor.finding import NO_TEXT, Finding, Level
from mailferry.ops.doctor.patient import Patient
from mailferry.ops.doctor.tenants import ENTRA, explained, no_token, read_claims
from mailferry.routes.look_build import build_finder, build_inbox
from mailferry.routes.look_settings import Lookup, looks
from mailferry.routes.returned import Unread
from mailferry.routes.settings import RouteSettings, RouteType
from mailferry.routes.sighting import CannotTell
from mailferry.tokens.api import TokenError
from mailferry.tokens.broker import TokenBroker

CHECK = "look"
_PRIVILEGE = "least privilege (reading)"
TRACE = "ExchangeMessageTrace.Read.All"
#: Permissions that read a mailbox. The basic ones read neither the MIME nor extended properties, which reports take
#: (Learn, permissions reference, 2026-01).
_READ = frozenset({"Mail.Read", "Mail.ReadWrite"})
_BASIC = frozenset({"Mail.ReadBasic", "Mail.ReadBasic.All"})


async def check(patient: Patient) -> AsyncIterator[Finding]:
    broker = patient.broker()
    try:
        for route in patient.config.routes:
            if looks(route) and route.tenant:
                async for finding in _route(patient, broker, route):
                    yield finding
    finally:
        await broker.close()


async def _route(patient: Patient, broker: TokenBroker, route: RouteSettings) -> AsyncIterator[Finding]:
    try:
        token = await broker.token(route.tenant or "", cloud(patient.cloud(route)).graph_scope)
    except TokenError as error:
        yield no_token(f"{route.tenant}, {route.name}", error)
        return
    for finding in rights(route, read_claims(token.value)):
        yield finding
    if route.type is RouteType.EXCHANGE_SMTP and route.lookup is Lookup.GRAPH:
        yield _copies(route)
    places = [(route, mailbox) for mailbox in patient.mailboxes(route)]
    if route.lookup is Lookup.TRACE:  # it is the organisation's, and asked once
        inside = route.model_copy(update={"lookup": Lookup.NONE})
        places = [(route.model_copy(update={"bounces": False}), ""), *((inside, mailbox) for _, mailbox in places)]
        route = inside
    for one, mailbox in places:
        for finding in await _looked(patient, broker, one, mailbox):
            yield finding
    if patient.outside:
        for finding in await _looked(patient, broker, route, patient.outside):
            yield _turned(finding)


# -- what the token says ----------------------------------------------------------------------------------------------


def rights(route: RouteSettings, claims: Mapping[str, Any]) -> list[Finding]:
    """What the claims say of the rights to read; nothing of a token whose claims cannot be read."""
    if not claims:
        return []
    has = set(claims.get("roles") or ()) | set(str(claims.get("scp") or "").split())
    subject, found = f"{route.tenant}, {route.name}", []
    if route.lookup is Lookup.TRACE:
        found.append(_held(subject, TRACE) if TRACE in has else _missing(subject, TRACE, route, has))
    if route.bounces or route.lookup is Lookup.GRAPH:
        held = sorted(has & (_READ if route.bounces else _READ | _BASIC))
        if not held and "scp" in claims:  # a user's consent is all there is
            found.append(_missing(subject, "Mail.Read", route, has))
        elif not held:
            found.append(_scoped(subject))
        else:
            found.append(_held(subject, *held) if "scp" in claims else _wide(subject, held, route))
    return found


def _held(subject: str, *names: str) -> Finding:
    listed = ", ".join(names)
    return Finding(CHECK, subject, Level.GOOD, Text(f"the token permits {listed}", f"トークンの許可: {listed}"))


def _scoped(subject: str) -> Finding:
    what = Text(
        "no Mail.Read in the token: it may read only where Exchange has a role for it (the preferred way)",
        "トークンに Mail.Read がありません。Exchange の役割の範囲でのみ読み取れます（推奨構成）",
    )
    return Finding(CHECK, subject, Level.NOTE, what)


def _wide(subject: str, held: list[str], route: RouteSettings) -> Finding:
    listed = ", ".join(held)
    what = Text(f"the token permits {listed}", f"トークンの許可: {listed}")
    cause = Text(
        "Consented to in Entra, it reads every mailbox of the tenant, whatever scope Exchange has.",
        "Entra で同意した許可は、Exchange のスコープに関係なくテナントの全メールボックスに及びます。",
    )
    cure = Text(
        f"Take the consent away and give the role with a scope in Exchange: `mailferry setup {route.name}`.",
        f"同意を取り消し、Exchange で範囲を限った役割を付与してください: `mailferry setup {route.name}`",
    )
    return Finding(CHECK, subject, Level.WARNING, what, cause, cure, ENTRA)


def _missing(subject: str, name: str, route: RouteSettings, has: set[str]) -> Finding:
    given = ", ".join(sorted(has)) or "-"
    what = Text(
        f"the permission {name} is missing; the token has: {given}",
        f"アクセス許可 {name} がありません（トークンの許可: {given}）",
    )
    cure = Text(
        f"Consent to {name}; `mailferry setup {route.name}` writes the commands. A new token takes some minutes.",
        f"{name} に同意してください。`mailferry setup {route.name}` がコマンドを出力します。反映に数分かかります。",
    )
    return Finding(CHECK, subject, Level.FAILED, what, cure=cure, who=ENTRA)


def _copies(route: RouteSettings) -> Finding:
    """No permission tells it: Graph does not show the setting."""
    what = Text(
        "Sent Items knows what was submitted by SMTP only where copies are kept: with Get-Mailbox, "
        "MessageCopyForSMTPClientSubmissionEnabled must be True; where it is not, use lookup = \"trace\"",
        "SMTP で送信したメールが送信済みアイテムに残るのは、Get-Mailbox の "
        "MessageCopyForSMTPClientSubmissionEnabled が True の場合だけです（False なら lookup = \"trace\" を使用）",
    )  # fmt: skip
    return Finding(CHECK, route.name, Level.NOTE, what)


# -- what the service says --------------------------------------------------------------------------------------------


async def _looked(patient: Patient, broker: TokenBroker, route: RouteSettings, mailbox: str) -> list[Finding]:
    """One look of each kind that the route is to make; after a refusal no other, which would meet the same."""
    subject, found = f"{route.name}/{mailbox}" if mailbox else route.name, []
    own, now = route.model_copy(update={"mailbox": "", "timeouts": patient.timeouts(route)}), patient.clock.time()
    try:
        finder = build_finder(own, patient.cloud(route), broker)
        inbox = build_inbox(own, patient.cloud(route), broker)
    except OSError as error:
        what = Text(f"certificates cannot be read: {error}", f"証明書を読み込めません: {error}")
        return [Finding(CHECK, subject, Level.FAILED, what)]
    if finder is not None:
        seen = await finder.find(f"<doctor-{uuid4()}@{patient.config.gateway.hostname}>", mailbox, now - 60, now)
        await finder.close()
        found.append(_judged(subject, seen.reason if isinstance(seen, CannotTell) else "", _LOOKED[route.lookup]))
    if inbox is not None and any(one.refused for one in found):
        await inbox.close()
    elif inbox is not None:
        try:
            await inbox.reports(mailbox, now, ())
            found.append(_judged(subject, "", _REPORTS))
        except Unread as unread:
            found.append(_judged(subject, unread.reason, _REPORTS))
        finally:
            await inbox.close()
    return found


_LOOKED = {
    Lookup.GRAPH: Text(
        "a lost answer can be looked for in Sent Items", "応答が失われた場合、送信済みアイテムを検索できます"
    ),
    Lookup.TRACE: Text(
        "a lost answer can be looked for in the trace", "応答が失われた場合、メッセージ追跡を検索できます"
    ),
}
_REPORTS = Text("non-delivery reports can be read", "配信不能レポートを読み取れます")


def _judged(subject: str, problem: str, good: Text) -> Finding:
    if not problem:
        return Finding(CHECK, subject, Level.GOOD, good)
    fact = next(iter(errors.explain(problem)), None)
    refused = "Microsoft Graph: 403" in problem
    return Finding(CHECK, subject, Level.FAILED, Text(problem, problem), *explained(fact), refused=refused)


def _turned(tried: Finding) -> Finding:
    """The proof of least privilege: reading must be refused as well."""
    if tried.level is Level.FAILED and tried.refused:
        what = Text(f"refused, as it must be: {tried.what.en}", f"想定どおり拒否されました: {tried.what.ja}")
        return Finding(_PRIVILEGE, tried.subject, Level.GOOD, what)
    if tried.level is Level.FAILED:
        what = Text(f"nothing is proved: {tried.what.en}", f"確認できませんでした: {tried.what.ja}")
        return Finding(_PRIVILEGE, tried.subject, Level.WARNING, what, NO_TEXT, tried.cure, tried.who)
    what = Text(
        "the application can read this mailbox, which is outside its scope",
        "アプリケーションが、範囲外のこのメールボックスも読み取れます",
    )
    cure = Text(
        "Remove the consent to Mail.Read in Entra and look at the scope: Test-ServicePrincipalAuthorization.",
        "Entra の Mail.Read への同意を取り消し、スコープを確認してください: Test-ServicePrincipalAuthorization",
    )
    return Finding(_PRIVILEGE, tried.subject, Level.FAILED, what, NO_TEXT, cure, ENTRA)
