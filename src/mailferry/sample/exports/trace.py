"""Message trace: what Get-MessageTraceV2 exports, one row a recipient, and the extended report, one row a message.

Leaves to others: which messages there are. FromIP is blank for mail that a mailbox submitted and names the sender of
direct send only; the extended report names the address of either (facts 8.3).
"""

from __future__ import annotations

from pathlib import Path

from mailferry.sample.events import Day
from mailferry.sample.exports.base import Export, Table, iso_millis, trace_id
from mailferry.sample.exports.signin_culture import american, japanese
from mailferry.sample.exports.signin_portal import TENANT
from mailferry.sample.values import Bystander, Message, Via

HEADER = (
    "Received",
    "SenderAddress",
    "RecipientAddress",
    "Subject",
    "Status",
    "FromIP",
    "ToIP",
    "Size",
    "MessageId",
    "MessageTraceId",
)
EXTENDED = (
    "origin_timestamp_utc",
    "sender_address",
    "recipient_status",
    "message_subject",
    "total_bytes",
    "message_id",
    "network_message_id",
    "original_client_ip",
    "directionality",
    "connector_id",
    "delivery_priority",
    "client_ip",
    "client_hostname",
    "server_ip",
    "server_hostname",
    "source_context",
    "source",
    "event_id",
    "internal_message_id",
    "recipient_address",
    "recipient_count",
    "related_recipient_address",
    "reference",
    "return_path",
    "message_info",
    "tenant_id",
    "original_server_ip",
    "custom_data",
)


def _of(day: Day) -> list[Message]:
    """What Exchange Online handled, newest first."""
    found = day.messages[Via.SUBMISSION] + day.messages[Via.DIRECT]
    return sorted(found, key=lambda message: -message.at)


class TraceV2(Export):
    """Written by Export-Csv, so its times are in the machine's culture; UTC all the same."""

    def __init__(self, path: Path, language: str) -> None:
        self._table = Table(path, HEADER, quote_all=True, limit=500_000)
        self._when = japanese if language == "ja" else american

    def day(self, day: Day) -> None:
        for message in _of(day):
            direct = message.client.kind.via is Via.DIRECT
            head = [self._when(message.at), message.client.sender]
            rest = [message.subject, "Delivered", message.ip if direct else "", "", str(message.size)]
            rest += [message.message_id, trace_id(message.message_id)]
            for recipient in message.recipients:
                self._table.write([*head, recipient, *rest])
        for mail in sorted(day.bystanders, reverse=True):
            row = [self._when(mail.at), mail.sender, mail.recipient, mail.subject, "Delivered", mail.ip, ""]
            self._table.write([*row, str(mail.size), mail.message_id, trace_id(mail.message_id)])

    def close(self) -> None:
        self._table.close()


class TraceExtended(Export):
    """The download of the extended report: UTF-16, columns in lower case."""

    def __init__(self, path: Path) -> None:
        self._table = Table(path, EXTENDED, encoding="utf-16-le")

    def day(self, day: Day) -> None:
        for message in _of(day):
            self._table.write(_extended(message))
        for mail in sorted(day.bystanders, reverse=True):
            self._table.write(_passing(mail))

    def close(self) -> None:
        self._table.close()


def _passing(mail: Bystander) -> list[str]:
    """A person's comes from the mailbox store, a stranger's by SMTP."""
    network = trace_id(mail.message_id)
    row = [iso_millis(mail.at), mail.sender, f"{mail.recipient}##Receive, Deliver", mail.subject, str(mail.size)]
    row += [mail.message_id, network, mail.ip, "1" if mail.ip else "2", "", "Normal", mail.ip, "", "", "", ""]
    row += ["SMTP" if mail.ip else "STOREDRIVER", "RECEIVE", str(int(network[:8], 16)), mail.recipient, "1"]
    return [*row, "", "", mail.sender, "", TENANT, "", ""]


def _extended(message: Message) -> list[str]:
    direct = message.client.kind.via is Via.DIRECT
    status = ";".join(f"{recipient}##Receive, Deliver" for recipient in message.recipients)
    network = trace_id(message.message_id)
    row = [iso_millis(message.at), message.client.sender, status, message.subject, str(message.size)]
    row += [message.message_id, network, message.ip, "1" if direct else "2", "", "Normal"]
    row += [message.ip, message.client.ehlo, "", "", "", "SMTP", "RECEIVE", str(int(network[:8], 16))]
    row += [";".join(message.recipients), str(len(message.recipients)), "", "", message.client.sender]
    return [*row, "", TENANT, "", ""]
