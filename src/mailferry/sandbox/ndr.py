"""Non-delivery reports that the service writes into the sender's Inbox (RFC 3464).

Leaves to others: when one is due (submission). Invariant: a report has the null reverse path, so it never causes
another; of the message it carries the headers, never the body.
"""

from __future__ import annotations

from mailferry.sandbox.hosts import mail_date
from mailferry.sandbox.mailbox import header, header_block
from mailferry.sandbox.texts import Text

#: The address Exchange Online writes reports from, local part as seen in the field (O).
_FROM = "MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e"


def report(
    *, now: float, domain: str, host: str, queue_id: str, to: str, failures: tuple[tuple[str, Text], ...], raw: bytes
) -> bytes:
    """The report as bytes; `failures` are recipients with what is said of each."""
    block = header_block(raw)
    boundary = f"_sandbox_{queue_id}_"
    head = [
        f"From: Microsoft Outlook <{_FROM}@{domain}>",
        f"To: <{to}>",
        f"Date: {mail_date(now)}",
        f"Message-ID: <{queue_id}@{host}>",
        f"Subject: Undeliverable: {header(block, 'Subject') or ''}",
        "Auto-Submitted: auto-replied",
        "X-MS-Exchange-Message-Is-Ndr:",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type="delivery-status"; boundary="{boundary}"',
    ]
    if original := header(block, "Message-ID"):
        head.insert(4, f"In-Reply-To: {original}")
    notes = [f"Your message to {recipient} couldn't be delivered.\r\n{_said(text)}\r\n" for recipient, text in failures]
    parts = (
        ("text/plain; charset=utf-8", "\r\n".join(notes)),
        ("message/delivery-status", _status(now, host, failures)),
        ("text/rfc822-headers", block.decode("utf-8", "replace")),
    )
    body = "".join(f"--{boundary}\r\nContent-Type: {kind}\r\n\r\n{content}\r\n" for kind, content in parts)
    return ("\r\n".join(head) + f"\r\n\r\n{body}--{boundary}--\r\n").encode()


def _status(now: float, host: str, failures: tuple[tuple[str, Text], ...]) -> str:
    blocks = [f"Reporting-MTA: dns;{host}\r\nArrival-Date: {mail_date(now)}\r\n"]
    blocks += [
        f"Final-Recipient: rfc822;{recipient}\r\nAction: failed\r\nStatus: {text.enhanced}\r\n"
        f"Diagnostic-Code: smtp;{_said(text)}\r\n"
        for recipient, text in failures
    ]
    return "\r\n".join(blocks)


def _said(text: Text) -> str:
    return f"{text.code} {text.enhanced} {text.text}"
