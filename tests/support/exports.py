"""Exports in small, as text, each the shape of the real thing; and an inventory to put them in."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from mailferry.clock import ManualClock
from mailferry.inventory.database import Share
from mailferry.inventory.merging import Source
from mailferry.inventory.store import Inventory

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
#: Letter for letter, with its blanks and its double (Entra portal, December 2025).
PORTAL = [
    "Date (UTC)",
    "Request ID",
    "User agent",
    "Correlation ID",
    "User ID",
    "User",
    "Username",
    "User type",
    "Incoming token type",
    "Authentication Protocol",
    "Application",
    "Application ID ",
    "Resource",
    "Resource ID ",
    "IP address",
    "Location",
    "Status",
    "Sign-in error code",
    "Failure reason",
    "Client app",
    "Autonomous system  number",
    "Incoming token type",
    "Latency",
]


def text(header: Sequence[str], rows: Iterable[Sequence[object]], delimiter: str = ",", end: str = "\r\n") -> str:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator=end)
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()


def guid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012x}"


def signin(
    number: int,
    user: str = "scan@contoso.com",
    *,
    when: str = "2026-11-20T08:00:00Z",
    ip: str = "203.0.113.7",
    app: str = "Authenticated SMTP",
    code: int = 0,
    agent: str = "BAV2ROPC",
    reason: str = "",
) -> dict[str, str]:
    """A row under PORTAL by name; the double column's first is blank."""
    return {
        "Date (UTC)": when, "Request ID": guid(number), "User agent": agent, "User": "Scanner", "Username": user,
        "Authentication Protocol": "ropc" if agent == "BAV2ROPC" else "none", "IP address": ip, "Client app": app,
        "Status": "Failure" if code else "Success", "Sign-in error code": str(code), "Location": "Tokyo, Tokyo, JP",
        "Failure reason": reason or ("Error validating credentials." if code else "Other."),
    }  # fmt: skip


def portal(rows: Iterable[Mapping[str, str]], delimiter: str = ",") -> str:
    return text(PORTAL, ([row.get(name, "") for name in PORTAL] for row in rows), delimiter)


def eac(rows: Iterable[tuple[str, str, int]], tls: tuple[float, float, float] = (0, 0, 100)) -> str:
    header = (
        "Sender address", "Domain", "Authentication Protocol", "TLS 1.0 (percent)", "TLS 1.1 (percent)",
        "TLS 1.2 (percent)", "Messages sent",
    )  # fmt: skip
    return text(header, ((sender, sender.partition("@")[2], how, *tls, count) for sender, how, count in rows))


TRACE = ("Received", "SenderAddress", "RecipientAddress", "Subject", "Status", "FromIP", "ToIP", "Size", "MessageId",
         "MessageTraceId")  # fmt: skip


def trace(rows: Iterable[tuple[str, str, str, str, int]]) -> str:
    """(when, sender, recipient, from IP, number of the message)."""
    return text(
        TRACE,
        (
            (when, sender, to, "Scan", "Delivered", ip, "", "2048", f"<{number}@d>", guid(number))
            for when, sender, to, ip, number in rows
        ),
    )


def receive(lines: Iterable[tuple[str, str, str]], session: str = "08DE0001", remote: str = "10.1.2.3:50001") -> str:
    """(event, data, context) of one session."""
    head = (
        "#Software: Microsoft Exchange Server\r\n#Version: 15.02.1544.004\r\n#Log-Type: SMTP Receive Protocol Log\r\n"
        "#Date: 2026-11-20T00:00:00.000Z\r\n"
        "#Fields: date-time,connector-id,session-id,sequence-number,local-endpoint,remote-endpoint,event,data,"
        "context\r\n"
    )
    rows = (
        (
            f"2026-11-20T08:00:0{number // 10}.{number % 10}00Z",
            "EX01\\Relay",
            session,
            number,
            "10.1.2.9:25",
            remote,
            *line,
        )
        for number, line in enumerate(lines)
    )
    return head + text((), rows).removeprefix("\r\n")


RELAYED = (
    ("+", "", ""),
    ("<", "EHLO printer7", ""),
    ("<", "MAIL FROM:<scan@contoso.com> SIZE=4096", ""),
    (">", "250 2.1.0 Sender OK", ""),
    ("<", "RCPT TO:<anna@contoso.com>", ""),
    ("<", "RCPT TO:<eve@fabrikam.com>", ""),
    (">", "250 2.6.0 <scan-7@printer7> [InternalId=1] Queued mail for delivery", ""),
    ("-", "", "Local"),
)


@contextmanager
def inventory(state: Path) -> Iterator[Inventory]:
    with Inventory(state, ManualClock(NOW), share=Share(memory="256MB", threads=1)) as opened:
        yield opened


class Desk:
    """Writes exports and imports them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.inventory = Inventory(folder / "state", ManualClock(NOW), share=Share(memory="256MB", threads=1))

    def file(self, content: str | bytes, name: str = "") -> Path:
        target = self.folder / (name or f"export{sum(1 for _ in self.folder.iterdir())}.txt")
        target.write_bytes(content.encode() if isinstance(content, str) else content)
        return target

    def take(self, *contents: str | bytes) -> tuple[Source, ...]:
        return self.inventory.import_paths([self.file(content) for content in contents])
