"""A test message by each route, to whom the administrator names: what no question short of sending can tell.

Leaves to others: sending (routes), whether it arrives (the person who was named). Invariants: without a name no mail is
sent; one message for each mailbox of each route, by the route's own transport, around the queue of the gateway.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator

from mailferry.app.build import build_transports
from mailferry.delivery.verdict import texts
from mailferry.m365 import errors
from mailferry.m365.facts import Text
from mailferry.mail.address import domain_of
from mailferry.mail.body import BytesBody
from mailferry.mail.envelope import Envelope, Origin, Recipient
from mailferry.mail.headers import format_date
from mailferry.mail.message import IdSource, Message
from mailferry.mail.outcome import Deferred, Delivered
from mailferry.obs.maillog import MailLog
from mailferry.obs.metrics import Metrics
from mailferry.ops.doctor.finding import NO_TEXT, Finding, Level
from mailferry.ops.doctor.patient import Patient
from mailferry.ops.doctor.tenants import explained
from mailferry.routes.api import Transport
from mailferry.routes.settings import RouteSettings

#: A message is several answers, and Communication Services takes a while to say what became of one.
_PATIENCE = 3.0
_TEXT = (
    "From: <{sender}>\r\nTo: <{to}>\r\nDate: {date}\r\nMessage-ID: {id}\r\n"
    "Subject: Mailferry test: {route}\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
    "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    "A test by `mailferry doctor` on {host}, by route {route}.\r\n"
    "`mailferry doctor` によるテストです（{host}、経路 {route}）。\r\n"
)


async def check(patient: Patient) -> AsyncIterator[Finding]:
    if not patient.send_to:
        return
    broker = patient.broker()
    log = MailLog(lambda *_: None, Metrics())
    transports = build_transports(patient.config, patient.environ, broker, log, patient.clock)
    try:
        for route in patient.config.routes:
            for mailbox in patient.mailboxes(route) or ([] if route.needs_mailbox else [""]):
                yield await _send(patient, route, transports[route.name], mailbox)
    finally:
        for transport in transports.values():
            await transport.close()
        await broker.close()


async def _send(patient: Patient, route: RouteSettings, transport: Transport, mailbox: str) -> Finding:
    subject = f"{route.name}/{mailbox}" if mailbox else route.name
    reach = patient.config.reach.get(route.name)
    if reach is not None and domain_of(patient.send_to) not in reach:
        what = Text("not tried: this route reaches the organisation only", "未実施: この経路は組織内宛て専用です")
        return Finding("test message", subject, Level.NOTE, what)
    sender = mailbox or _sender(patient)
    if not sender:
        what = Text("not tried: no client names a sender", "未実施: 送信者を指定したクライアントがありません")
        return Finding("test message", subject, Level.NOTE, what)
    message, body = _message(patient, route, mailbox, sender)
    try:
        async with asyncio.timeout(_PATIENCE * patient.seconds):
            outcome = (await transport.deliver(message, body, message.envelope.recipients)).outcomes[0]
    except TimeoutError:
        what = Text("no final answer in time; it may arrive", "時間内に結果が得られません（届く可能性があります）")
        return Finding("test message", subject, Level.WARNING, what)
    if isinstance(outcome, Delivered):
        what = Text(
            f"taken for {patient.send_to} ({message.header_id}); look whether it arrives",
            f"{patient.send_to} 宛てに受け付けられました（{message.header_id}）。着信を確認してください",
        )
        return Finding("test message", subject, Level.GOOD, what)
    answer = str(outcome.reply)[:300]
    fact = errors.match(outcome.reply.code, str(outcome.reply))
    cause, cure, who = explained(fact) if fact is not None else (NO_TEXT, NO_TEXT, NO_TEXT)
    if fact is None and isinstance(outcome, Deferred) and outcome.lane_fault:
        cause, cure = texts(outcome.lane_fault, None)
    return Finding("test message", subject, Level.FAILED, Text(answer, answer), cause, cure, who)


def _sender(patient: Patient) -> str:
    """For a route that sends as whoever its clients are: one of them, or the postmaster."""
    config = patient.config
    named = [one for client in config.clients for one in (client.mailbox or "", *client.senders)]
    inside = (one for one in named if one and "*" not in one and domain_of(one) in config.accepted_domains)
    return next(inside, config.gateway.postmaster or "")


def _message(patient: Patient, route: RouteSettings, mailbox: str, sender: str) -> tuple[Message, BytesBody]:
    host, now = patient.config.gateway.hostname, patient.clock.time()
    header_id = f"<doctor.{secrets.token_hex(8)}@{host}>"
    text = _TEXT.format(
        sender=sender, to=patient.send_to, date=format_date(now), id=header_id, route=route.name, host=host
    )
    body = BytesBody(text.encode())
    recipient = Recipient(patient.send_to)
    origin = Origin("doctor", "", host, None, None, "")
    number = IdSource(patient.clock, patient.config.gateway.node).next()
    return Message(number, Envelope(sender, (recipient,)), origin, body.size, now, mailbox, header_id), body
