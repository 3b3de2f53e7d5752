"""Logs of the on-premises Exchange that relays for devices: SMTP receive protocol logs and message tracking logs.

Leaves to others: which messages there are. Sessions interleave, and only session id and sequence number tell them
apart; a protocol log begins anew each day, a tracking log each hour (facts 8.6).
"""

from __future__ import annotations

import csv
import io
from itertools import groupby
from pathlib import Path

from mailferry.sample.events import Day
from mailferry.sample.exports.base import Export, iso_millis, trace_id
from mailferry.sample.values import Message, Via

SERVER, ADDRESS, CONNECTOR = "EXCH01", "10.10.0.25", "EXCH01\\Anonymous Relay"
_RECEIVE = "date-time,connector-id,session-id,sequence-number,local-endpoint,remote-endpoint,event,data,context"
_TRACKING = (
    "date-time,client-ip,client-hostname,server-ip,server-hostname,source-context,connector-id,source,event-id,"
    "internal-message-id,message-id,network-message-id,recipient-address,recipient-status,total-bytes,recipient-count,"
    "related-recipient-address,reference,message-subject,sender-address,return-path,message-info,directionality,"
    "tenant-id,original-client-ip,original-server-ip,custom-data,transport-traffic-type,log-id,schema-version"
)


def _text(kind: str, fields: str, began: float, rows: list[list[str]]) -> bytes:
    buffer = io.StringIO()
    buffer.write("#Software: Microsoft Exchange Server\r\n#Version: 15.02.1544.004\r\n")
    buffer.write(f"#Log-Type: {kind}\r\n#Date: {iso_millis(began)}\r\n#Fields: {fields}\r\n")
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue().encode("utf-8")


class ReceiveLogs(Export):
    """RECVyyyymmdd-1.log, one a day."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def day(self, day: Day) -> None:
        messages = day.messages[Via.ONPREM]
        if not messages:
            return
        lines = sorted(line for message in messages for line in _session(message))
        rows = [row for _, _, row in lines]
        path = self._folder / f"RECV{day.day:%Y%m%d}-1.log"
        path.write_bytes(_text("SMTP Receive Protocol Log", _RECEIVE, lines[0][0], rows))


def _session(message: Message) -> list[tuple[float, int, list[str]]]:
    """One anonymous submission, line by line, with the time and the number by which the log is ordered."""
    client = message.client
    session = f"08DE{int(trace_id(message.message_id)[:8], 16):012X}"
    port = 20_000 + int(session[-4:], 16) % 40_000
    talk = [
        ("+", "", ""),
        (
            "*",
            "SMTPSubmit SMTPAcceptAnySender SMTPAcceptAuthoritativeDomainSender AcceptRoutingHeaders",
            "Set Session Permissions",
        ),
        (">", f"220 {SERVER}.{client.site.domain} Microsoft ESMTP MAIL Service ready", ""),
        ("<", f"EHLO {client.ehlo}", ""),
        (">", f"250  {SERVER}.{client.site.domain} Hello [{client.lan}] SIZE 37748736 PIPELINING DSN", ""),
        ("<", f"MAIL FROM:<{client.sender}> SIZE={message.size}", ""),
        (">", "250 2.1.0 Sender OK", ""),
    ]
    for recipient in message.recipients:
        talk += [("<", f"RCPT TO:<{recipient}>", ""), (">", "250 2.1.5 Recipient OK", "")]
    talk += [
        ("<", "DATA", ""),
        (">", "354 Start mail input; end with <CRLF>.<CRLF>", ""),
        (">", f"250 2.6.0 {message.message_id} [InternalId=1] Queued mail for delivery", ""),
        ("<", "QUIT", ""),
        (">", "221 2.0.0 Service closing transmission channel", ""),
        ("-", "", "Local"),
    ]
    ends = [f"{ADDRESS}:25", f"{client.lan}:{port}"]
    return [
        (
            message.at + index * 0.01,
            index,
            [iso_millis(message.at + index * 0.01), CONNECTOR, session, str(index), *ends, event, data, context],
        )
        for index, (event, data, context) in enumerate(talk)
    ]


class TrackingLogs(Export):
    """MSGTRKyyyymmddhh-1.log, one an hour: the RECEIVE and the SEND of each message."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def day(self, day: Day) -> None:
        for hour, group in groupby(day.messages[Via.ONPREM], lambda message: int(message.at // 3600)):
            messages = list(group)
            rows = [row for message in messages for row in (_tracked(message, "RECEIVE"), _tracked(message, "SEND"))]
            path = self._folder / f"MSGTRK{day.day:%Y%m%d}{hour % 24:02d}-1.log"
            path.write_bytes(_text("Message Tracking Log", _TRACKING, messages[0].at, rows))


def _tracked(message: Message, event: str) -> list[str]:
    client, network = message.client, trace_id(message.message_id)
    received = event == "RECEIVE"
    ends = [client.lan, client.ehlo, ADDRESS, SERVER] if received else [ADDRESS, SERVER, "", ""]
    context = f"08DE{network[:8].upper()};{iso_millis(message.at)};0" if received else ""
    row = [iso_millis(message.at + (0.1 if received else 1.6)), *ends, context]
    row += [CONNECTOR if received else "Outbound to the Internet", "SMTP", event, str(int(network[:8], 16))]
    row += [message.message_id, network, ";".join(message.recipients), "", str(message.size)]
    row += [str(len(message.recipients)), "", "", message.subject, client.sender, client.sender]
    row += ["0I: " if received else "", "Originating", "", client.lan, ADDRESS, ""]
    return [*row, "Email", network, "15.02.1544.004"]
