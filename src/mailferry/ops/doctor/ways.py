"""Each route: its name, then connect, TLS, login and sender for SMTP, or a harmless request for Graph.

Leaves to others: tokens by themselves (tenants), Azure Communication Services by REST (acs), what an answer means
(m365.errors, delivery's texts).
Invariants: what could not be asked is no proof of least privilege; no mail is sent: SMTP ends with RSET after MAIL, and
Graph gets a message that is not one, which the documentation answers with 400 where the caller may send and with 403
where not.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from urllib.parse import quote

import aiohttp

from mailferry.delivery.verdict import texts
from mailferry.m365 import errors
from mailferry.m365.errors import Who
from mailferry.m365.facts import Text
from mailferry.ops.doctor import acs
from mailferry.ops.doctor.finding import NO_TEXT, Finding, Level
from mailferry.ops.doctor.patient import Patient
from mailferry.ops.doctor.tenants import explained
from mailferry.routes import presets
from mailferry.routes.connection import Connection
from mailferry.routes.faults import Fault, Unusable
from mailferry.routes.graph_build import graph_context
from mailferry.routes.settings import RouteSettings, RouteType, Tls
from mailferry.smtp.commands import Mail, Rset
from mailferry.smtp.replies import Reply
from mailferry.tokens.api import TokenError
from mailferry.tokens.broker import TokenBroker

NETWORK = Text(Who.NETWORK.label("en"), Who.NETWORK.label("ja"))
EXCHANGE = Text(Who.EXCHANGE.label("en"), Who.EXCHANGE.label("ja"))
#: Refusals that say nothing of the scope: they would meet a mailbox inside of it as well.
_OTHER_REASONS = ("smtp-auth-disabled", "basic-", "auth-temporary", "auth-mechanism", "legacy", "starttls", "security")
#: A MIME body that is no base64: nothing can be sent from it.
_NO_MESSAGE = b"!"


async def check(patient: Patient) -> AsyncIterator[Finding]:
    broker = patient.broker()
    try:
        for route in patient.config.routes:
            finding = await _name(patient, route)
            yield finding
            if finding.level is Level.FAILED:
                continue
            boxes = patient.mailboxes(route)
            if route.needs_mailbox and not boxes:
                yield _nobody(route)
            seen: list[Finding] = []
            for mailbox in boxes or ([] if route.needs_mailbox else [""]):
                tried = await _try(patient, broker, route, mailbox, seen)
                for step in (*seen, tried):
                    yield step
                seen = []
            if patient.outside and route.type in (RouteType.EXCHANGE_SMTP, RouteType.GRAPH):
                yield _turned(patient, route, await _try(patient, broker, route, patient.outside, []))
    finally:
        await broker.close()


def _where(patient: Patient, route: RouteSettings) -> tuple[str, int]:
    if route.type in (RouteType.GRAPH, RouteType.ACS_REST):
        host, _, port = (
            presets.endpoint(route, patient.cloud(route)).partition("://")[2].partition("/")[0].partition(":")
        )
        return host, int(port or 443)
    return presets.host(route, patient.cloud(route)), presets.port(route, patient.cloud(route))


async def _name(patient: Patient, route: RouteSettings) -> Finding:
    host, port = _where(patient, route)
    try:
        found = await patient.resolve(host, port)
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or "no such name"
        what = Text(f"{host} has no address: {why}", f"{host} の名前を解決できません: {why}")
        cure = Text(
            "Check the name, and the DNS that this machine asks.",
            "ホスト名と、このマシンの DNS 設定を確認してください。",
        )
        return Finding("name", route.name, Level.FAILED, what, cure=cure, who=NETWORK)
    shown = ", ".join(found[:3]) + (" …" if len(found) > 3 else "")
    return Finding("name", route.name, Level.GOOD, Text(f"{host} is {shown}", f"{host} は {shown} です"))


def _nobody(route: RouteSettings) -> Finding:
    what = Text(
        "no client or route names a mailbox, so that no sender can be tried",
        "クライアントにも経路にもメールボックスの指定がないため、送信者を確認できません",
    )
    return Finding("send", route.name, Level.NOTE, what)


async def _try(
    patient: Patient, broker: TokenBroker, route: RouteSettings, mailbox: str, seen: list[Finding]
) -> Finding:
    """`seen` gets the steps before."""
    subject = f"{route.name}/{mailbox}" if mailbox else route.name
    if route.type is RouteType.ACS_REST:
        return await acs.check(patient, broker, route)
    if route.type is RouteType.GRAPH:
        return await _graph(patient, broker, route, mailbox, subject)
    return await _smtp(patient, broker, route, mailbox, subject, seen)


async def _smtp(
    patient: Patient, broker: TokenBroker, route: RouteSettings, mailbox: str, subject: str, seen: list[Finding]
) -> Finding:
    try:
        connection = await patient.opener(route, broker)(mailbox)
    except Unusable as unusable:
        return _failed(subject, unusable.outcome.lane_fault or "", unusable.outcome.reply)
    except OSError as error:
        what = Text(f"certificates cannot be read: {error}", f"証明書を読み込めません: {error}")
        return Finding("send", subject, Level.FAILED, what)
    try:
        seen += _steps(patient, route, subject, connection)
        reply = await connection.command(Mail(mailbox), patient.seconds)
        if reply is None or reply.code != 250:
            return _failed(subject, Fault.SENDER, reply)
        await connection.command(Rset(), patient.seconds)
    finally:
        connection.quit()
        await connection.wait_closed()
    what = Text("the sender is accepted", "送信者が受け入れられました")
    return Finding("send", subject, Level.GOOD, what)


def _steps(patient: Patient, route: RouteSettings, subject: str, connection: Connection) -> list[Finding]:
    """What went well before MAIL: the connection, its TLS, the login."""
    host, port = _where(patient, route)
    found = [Finding("connect", subject, Level.GOOD, Text(f"{host}:{port} answers", f"{host}:{port} に接続できました"))]
    layer = connection.encryption
    if layer is not None:
        found.append(_tls(patient, subject, layer))
    elif route.type is not RouteType.SMARTHOST or route.tls_mode is not Tls.NONE:
        what = Text("the connection is not encrypted", "接続は暗号化されていません")
        found.append(Finding("tls", subject, Level.WARNING, what, who=NETWORK))
    if route.password is not None:
        what = Text("the password is accepted", "パスワードでログインできました")
        found.append(Finding("login", subject, Level.GOOD, what))
    elif route.type is not RouteType.SMARTHOST:
        what = Text("XOAUTH2 is accepted", "XOAUTH2 でログインできました")
        found.append(Finding("login", subject, Level.GOOD, what))
    return found


def _tls(patient: Patient, subject: str, layer: ssl.SSLObject) -> Finding:
    """Version and, where the certificate was checked, whose it is and how long for."""
    certificate = layer.getpeercert() or {}
    end = str(certificate.get("notAfter", ""))
    if not end:
        version = layer.version()
        what = Text(f"{version}; the certificate is not checked", f"{version}（証明書は検証していません）")
        return Finding("tls", subject, Level.NOTE, what)
    days = (parsedate_to_datetime(end).timestamp() - patient.clock.time()) / 86400
    what = Text(
        f"{layer.version()}; the certificate is trusted, and good for {days:.0f} days",
        f"{layer.version()}（証明書は信頼済み、残り {days:.0f} 日）",
    )
    return Finding("tls", subject, Level.GOOD, what)


def _failed(subject: str, kind: str, reply: Reply | None) -> Finding:
    cause, cure = texts(kind, reply)
    fact = errors.match(reply.code, str(reply)) if reply is not None else None
    network = kind in (Fault.CONNECTION, Fault.TLS)
    who = explained(fact)[2] if fact is not None else NETWORK if network else EXCHANGE
    answer = str(reply)[:300] if reply is not None else "no answer"
    refused = kind in (Fault.LOGIN, Fault.SENDER) and not (fact and fact.id.startswith(_OTHER_REASONS))
    return Finding("send", subject, Level.FAILED, Text(answer, answer), _alone(cause), cure, who, refused)


def _alone(cause: Text) -> Text:
    """Without the answer, which stands beside it."""
    return Text(cause.en.partition(" Answer: ")[0], cause.ja.partition(" 応答: ")[0])


async def _graph(patient: Patient, broker: TokenBroker, route: RouteSettings, mailbox: str, subject: str) -> Finding:
    endpoint = presets.endpoint(route, patient.cloud(route))
    try:
        token = await broker.token(route.tenant or "", patient.scope(route))
        headers = {"Authorization": f"Bearer {token.value}", "Content-Type": "text/plain"}
        timeout = aiohttp.ClientTimeout(total=patient.seconds)
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=endpoint.startswith("https:")) as http,
            http.post(
                f"{endpoint}/v1.0/users/{quote(mailbox, safe='@')}/sendMail", data=_NO_MESSAGE, headers=headers,
                ssl=graph_context(route, endpoint) or True,
            ) as answer,
        ):  # fmt: skip
            return _judged(subject, answer.status, await answer.json(content_type=None))
    except TokenError as error:
        cause, cure = texts(Fault.TOKEN, None)
        return Finding("send", subject, Level.FAILED, Text(error.cause, error.cause), cause, cure)
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        why = getattr(error, "certificate_error", None) or _unreached(endpoint, error) or type(error).__name__
        cause, cure = texts(Fault.TLS if isinstance(error, aiohttp.ClientSSLError) else Fault.CONNECTION, None)
        return Finding("send", subject, Level.FAILED, Text(str(why), str(why)), cause, cure, NETWORK)


def _unreached(endpoint: str, error: Exception) -> str:
    return f"Cannot reach {endpoint}: {error.strerror}" if isinstance(error, aiohttp.ClientConnectorError) else ""


def _judged(subject: str, status: int, body: object) -> Finding:
    error = body.get("error", {}) if isinstance(body, dict) else {}
    code, text = str(error.get("code", "")), str(error.get("message", ""))[:200]
    if status == 400 and "Mime" in code:
        what = Text("the mailbox may be sent from", "このメールボックスから送信できます")
        return Finding("send", subject, Level.GOOD, what)
    answer = f"HTTP {status} {code}: {text}"
    fact = next(iter(errors.explain(f"{code}: {text}")), None)
    cause, cure, _ = explained(fact)
    return Finding("send", subject, Level.FAILED, Text(answer, answer), cure=cure, cause=cause, who=EXCHANGE,
                   refused=status == 403)  # fmt: skip


def _turned(patient: Patient, route: RouteSettings, tried: Finding) -> Finding:
    """The proof of least privilege: what must be refused."""
    subject = f"{route.name}/{patient.outside}"
    if tried.level is Level.FAILED and not tried.refused:
        what = Text(f"nothing is proved: {tried.what.en}", f"確認できませんでした: {tried.what.ja}")
        cure = Text(
            "Name a mailbox that is there, may use this way, and lies outside the application's scope.",
            "実在し、この方法で送信でき、アプリケーションの範囲外にあるメールボックスを指定してください。",
        )
        return Finding("least privilege", subject, Level.WARNING, what, cure=cure, who=EXCHANGE)
    if tried.level is Level.FAILED:
        what = Text(f"refused, as it must be: {tried.what.en}", f"想定どおり拒否されました: {tried.what.ja}")
        return Finding("least privilege", subject, Level.GOOD, what)
    what = Text(
        "the application can send from this mailbox, which is outside its scope",
        "アプリケーションが、範囲外のこのメールボックスからも送信できます",
    )
    cure = Text(
        "Remove consents in Entra and look at the scope: Test-ServicePrincipalAuthorization; `mailferry setup`.",
        "Entra の同意を取り消し、スコープを確認してください: Test-ServicePrincipalAuthorization、`mailferry setup`",
    )
    return Finding("least privilege", subject, Level.FAILED, what, NO_TEXT, cure, EXCHANGE)
