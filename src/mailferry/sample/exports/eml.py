"""One message of each product, as it lies in a recipient's mailbox: what identifies its sender is in its header.

Leaves to others: recognising it (clients). Lines end with CRLF; the text is in the charset of its time.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Iterable
from email.header import Header
from pathlib import Path
from random import Random

from mailferry.sample.letters import Letters
from mailferry.sample.seeds import seeded
from mailferry.sample.values import Client, Via

_CRLF = "\r\n"
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def write(folder: Path, clients: Iterable[Client], letters: Letters, at: float, seed: int, language: str) -> int:
    """The first client of each product that is what it seems writes one; how many there are."""
    seen: set[str] = set()
    for client in clients:
        if client.product.id not in seen and not client.disguise:
            seen.add(client.product.id)
            rng = seeded(seed, "eml", client.product.id)
            (folder / f"{client.product.id}.eml").write_bytes(_message(client, letters, at, rng, language))
    return len(seen)


def _message(client: Client, letters: Letters, at: float, rng: Random, language: str) -> bytes:
    product = client.product
    subject = letters.subject(client, at, rng)
    lines = [
        f"Received: from {client.ehlo} ([{client.lan}]) ({client.public[0]})",
        *_received(client, at),
        f"From: {client.sender}",
        f"To: {', '.join(letters.recipients(client, rng)[:3])}",
        f"Subject: {Header(subject, 'utf-8', 70, 'Subject').encode(linesep=_CRLF)}",
        f"Date: {_date(at)}",
        f"Message-ID: {letters.message_id(client, at, rng)}",
        "MIME-Version: 1.0",
    ]
    if product.x_mailer:
        lines.append(f"X-Mailer: {product.x_mailer}")
    lines += [letters.fill(header, client, at, rng) for header in product.headers]
    return _CRLF.join([*lines, *_body(client, letters, at, rng, language), ""]).encode("utf-8")


def _received(client: Client, at: float) -> list[str]:
    """How the first server says that it took it (facts 8.8)."""
    if client.kind.via is Via.POSTFIX:
        return [f" by mx1.{client.site.domain} (Postfix) with ESMTP id 4FzY2d0K1Zz; {_date(at)}"]
    server = f"EXCH01.{client.site.domain}" if client.kind.via is Via.ONPREM else "TYCPR01CA0001.outlook.office365.com"
    cipher = "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384" if client.tls == "1.2" else "TLS_RSA_WITH_AES_256_CBC_SHA"
    tls = "" if client.tls == "none" else f" (version=TLS{client.tls.replace('.', '_')}, cipher={cipher})"
    return [f" by {server} with Microsoft SMTP Server", f"{tls} id 15.20.9000.1 via Frontend Transport; {_date(at)}"]


def _body(client: Client, letters: Letters, at: float, rng: Random, language: str) -> list[str]:
    words = f"{client.name.of(language)}\n{client.sender}\n".encode()
    text = ["Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: base64", ""]
    text.append(base64.b64encode(words).decode())
    if not client.product.boundary:
        return text
    boundary = letters.fill(client.product.boundary, client, at, rng)
    page = base64.b64encode(b"%PDF-1.4\n" + rng.randbytes(48)).decode()
    return [
        f'Content-Type: multipart/mixed; boundary="{boundary}"',
        "",
        f"--{boundary}",
        *text,
        f"--{boundary}",
        'Content-Type: application/pdf; name="scan.pdf"',
        "Content-Transfer-Encoding: base64",
        "",
        page,
        f"--{boundary}--",
    ]


def _date(at: float) -> str:
    moment = time.gmtime(at)
    clock = f"{moment[3]:02d}:{moment[4]:02d}:{moment[5]:02d}"
    return f"{_WEEKDAYS[moment[6]]}, {moment[2]:02d} {_MONTHS[moment[1] - 1]} {moment[0]} {clock} +0000"
