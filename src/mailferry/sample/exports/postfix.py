"""Postfix's mail log at a subsidiary, in the traditional syslog form, one file a day as logrotate's dateext leaves it.

Leaves to others: which messages there are. The form has no year, and months in English whatever the locale.
"""

from __future__ import annotations

import time
from pathlib import Path

from mailferry.sample.events import Day
from mailferry.sample.exports.base import Export, trace_id
from mailferry.sample.values import Message, Via

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
RELAY = "mx1"
_NEXT = "smtp.hinode-logi.example.jp[10.13.0.25]:25"


class PostfixLogs(Export):
    """mail.log-yyyymmdd; the server's clock is UTC."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def day(self, day: Day) -> None:
        messages = day.messages[Via.POSTFIX]
        if not messages:
            return
        lines = sorted(line for message in messages for line in _lines(message))
        text = "".join(f"{_stamp(at)} {RELAY} {line}\n" for at, _, line in lines)
        (self._folder / f"mail.log-{day.day:%Y%m%d}").write_bytes(text.encode("utf-8"))


def _stamp(at: float) -> str:
    moment = time.gmtime(at)
    return f"{_MONTHS[moment[1] - 1]} {moment[2]:2d} {moment[3]:02d}:{moment[4]:02d}:{moment[5]:02d}"


def _lines(message: Message) -> list[tuple[float, int, str]]:
    client, digits = message.client, trace_id(message.message_id).replace("-", "").upper()
    queue, process = digits[:11], 1000 + int(digits[11:15], 16) % 30_000
    peer = f"{client.host.lower()}.{client.site.domain}[{client.lan}]"
    daemon = f"postfix/smtpd[{process}]"
    texts = [
        f"{daemon}: connect from {peer}",
        f"{daemon}: {queue}: client={peer}",
        f"postfix/cleanup[{process + 1}]: {queue}: message-id={message.message_id}",
        f"postfix/qmgr[812]: {queue}: from=<{client.sender}>, size={message.size}, "
        f"nrcpt={len(message.recipients)} (queue active)",
        f"{daemon}: disconnect from {peer} ehlo=1 mail=1 rcpt={len(message.recipients)} data=1 quit=1 commands=5",
    ]
    texts += [
        f"postfix/smtp[{process + 2}]: {queue}: to=<{recipient}>, relay={_NEXT}, delay=0.6, "
        f"delays=0.1/0/0.2/0.3, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as {digits[15:26]})"
        for recipient in message.recipients
    ]
    texts.append(f"postfix/qmgr[812]: {queue}: removed")
    return [(message.at + index * 0.02, index, text) for index, text in enumerate(texts)]
