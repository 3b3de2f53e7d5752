"""The messages that the clients of a demonstration send: real-shaped, seeded, each with a tag to find it by.

Invariant: `text` is exactly what must arrive after the header, octet for octet.
"""

from __future__ import annotations

import base64
import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mail:
    """`header` and `text` as octets with CRLF line ends; `recipients` are those of RCPT, `tag` stands in the header."""

    tag: str
    sender: str
    recipients: tuple[str, ...]
    header: bytes
    text: bytes

    @property
    def octets(self) -> bytes:
        return self.header + b"\r\n" + self.text


def mail(
    tag: str,
    sender: str,
    recipients: tuple[str, ...],
    text: bytes,
    *,
    header_from: str = "",
    to: str = "",
    subject: str = "",
    extra: tuple[str, ...] = (),
) -> Mail:
    """A message of header lines and `text`; `to` defaults to the recipients."""
    lines = [
        f"From: {header_from or sender}",
        f"To: {to or ', '.join(recipients)}",
        f"Subject: {subject or tag}",
        f"X-Rehearsal: {tag}",
        "MIME-Version: 1.0",
        *extra,
    ]
    return Mail(tag, sender, recipients, "".join(f"{line}\r\n" for line in lines).encode(), text)


def scan(tag: str, sender: str, recipients: tuple[str, ...], octets: int, seed: int) -> Mail:
    """A scan to mail: a short text and one PDF-like attachment of `octets`, base64, in multipart/mixed."""
    random_bytes = random.Random(seed).randbytes(octets)  # noqa: S311 - content, not a secret
    encoded = base64.encodebytes(b"%PDF-1.4\n" + random_bytes).replace(b"\n", b"\r\n")
    boundary = f"scan-{seed:08x}"
    text = (
        f"--{boundary}\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\nScanned document attached.\r\n"
        f"--{boundary}\r\nContent-Type: application/pdf; name=scan.pdf\r\n"
        "Content-Disposition: attachment; filename=scan.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    ).encode()
    text += encoded + f"--{boundary}--\r\n".encode()
    return mail(tag, sender, recipients, text, extra=(f'Content-Type: multipart/mixed; boundary="{boundary}"',))
