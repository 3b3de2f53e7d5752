"""Messages that tell whether every octet arrives: each with a recipient of its own to be found by."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field
from enum import StrEnum

_numbers = itertools.count(1)

DOTS = """\
. a first line with a dot
.
..
...three
text
.hidden
 .blank before a dot
end.
.
"""


class Kind(StrEnum):
    SMALL = "small"
    UTF8 = "utf8"
    DOTS = "dots"
    LARGE = "25mb"


@dataclass(frozen=True, slots=True)
class Letter:
    """A message with CRLF line ends and its envelope."""

    subject: str
    sender: str
    recipients: tuple[str, ...]
    body: bytes = field(repr=False)
    charset: str = "us-ascii"

    @property
    def header(self) -> bytes:
        to = ",\r\n ".join(self.recipients)
        return (
            f"Date: Tue, 24 Nov 2026 09:00:00 +0900\r\nFrom: {self.sender}\r\nTo: {to}\r\n"
            f"Subject: {self.subject}\r\nMessage-ID: <{self.recipients[0]}>\r\nMIME-Version: 1.0\r\n"
            f'Content-Type: text/plain; charset="{self.charset}"\r\nContent-Transfer-Encoding: 8bit\r\n'
        ).encode()

    @property
    def data(self) -> bytes:
        return self.header + b"\r\n" + self.body

    @property
    def eight_bit(self) -> bool:
        return not self.data.isascii()

    @property
    def smtputf8(self) -> bool:
        """Whether an address of its envelope goes beyond ASCII."""
        return not "".join((self.sender, *self.recipients)).isascii()


def letter(kind: Kind, *, addresses: bool = False, recipients: int = 1) -> Letter:
    """A new message of its kind. `addresses`: UTF-8 in its addresses too, for those who speak SMTPUTF8."""
    number = next(_numbers)
    to = tuple(f"to-{number}-{place}@fabrikam.example" for place in range(recipients))
    sender = f"from-{number}@contoso.example"
    if kind is Kind.UTF8:
        if addresses:
            to = tuple(f"宛先-{address}" for address in to)
            sender = f"スキャナー-{number}@contoso.example"
        body = "スキャンした文書を送ります。\r\n.点から始まる行\r\nGrüße aus Köln ☃\r\n".encode()
        return Letter("第三会議室の複合機 – Übersicht", sender, to, body, "utf-8")
    if kind is Kind.LARGE:
        return Letter("25 MB", sender, to, large(25_000_000, number))
    body = DOTS.replace("\n", "\r\n").encode() if kind is Kind.DOTS else b"A short text.\r\n\r\nIn two parts.\r\n"
    return Letter(f"{kind} {number}", sender, to, body)


def large(size: int, seed: int) -> bytes:
    """About `size` octets of lines of text with dots where they hurt."""
    chance = random.Random(seed)
    block = b"".join(
        chance.choice((b"", b"", b"", b".", b"..")) + chance.randbytes(chance.randint(0, 38)).hex().encode() + b"\r\n"
        for _ in range(2000)
    )
    # The counter makes every block differ, so that a lost, doubled or moved one shows.
    blocks = (f"block {number}\r\n".encode() + block for number in range(size // len(block) + 1))
    return b"".join(blocks)
