"""Non-delivery reports that the service writes into the sender's Inbox (RFC 3464).

Leaves to others: when one is due (submission). Invariant: a report has the null reverse path, so it never causes
another.
"""

from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP

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
    message = EmailMessage(policy=SMTP)
    message["From"] = f"Microsoft Outlook <{_FROM}@{domain}>"
    message["To"] = to
    message["Date"] = mail_date(now)
    message["Message-ID"] = f"<{queue_id}@{host}>"
    message["Subject"] = f"Undeliverable: {_plain(header(block, 'Subject') or '')}"
    if original := header(block, "Message-ID"):
        message["In-Reply-To"] = _plain(original)
    message["Auto-Submitted"] = "auto-replied"
    message["X-MS-Exchange-Message-Is-Ndr"] = ""
    lines = [f"Your message to {recipient} couldn't be delivered.\r\n{_said(text)}\r\n" for recipient, text in failures]
    message.set_content("".join(lines))
    message.make_mixed()
    message.set_type("multipart/report")
    message.set_param("report-type", "delivery-status")
    message.attach(_part("message/delivery-status", _status(now, host, failures)))
    message.attach(_part("text/rfc822-headers", block.decode("utf-8", "replace")))
    return message.as_bytes()


def _status(now: float, host: str, failures: tuple[tuple[str, Text], ...]) -> str:
    blocks = [f"Reporting-MTA: dns;{host}\r\nArrival-Date: {mail_date(now)}\r\n"]
    blocks += [
        f"Final-Recipient: rfc822;{recipient}\r\nAction: failed\r\nStatus: {text.enhanced}\r\n"
        f"Diagnostic-Code: smtp;{_said(text)}\r\n"
        for recipient, text in failures
    ]
    return "\r\n".join(blocks)


def _part(kind: str, content: str) -> EmailMessage:
    part = EmailMessage(policy=SMTP)
    part["Content-Type"] = kind
    part.set_payload(content)
    return part


def _said(text: Text) -> str:
    return f"{text.code} {text.enhanced} {text.text}"


def _plain(value: str) -> str:
    return value.replace("\r", " ").replace("\n", " ")
