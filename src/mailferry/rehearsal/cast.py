"""The clients of the demonstration: who they are, how they speak, what they send.

Leaves to others: playing them (demo). Addresses are of the sandbox's organisation.
"""

from __future__ import annotations

from dataclasses import dataclass

from mailferry.rehearsal import dialects
from mailferry.rehearsal.dialects import Dialect
from mailferry.rehearsal.mails import Mail, mail, scan

DOMAIN = "contoso.example"
OUTSIDE = "fabrikam.example"


@dataclass(frozen=True, slots=True)
class Part:
    """One client. `account` is its mailbox and login ("" for a device that logs in nowhere); `mailbox` is where the
    gateway sends its mail from when that is not the sender."""

    client: str
    dialect: Dialect
    mail: Mail
    account: str
    mailbox: str = ""


SMTPLIB = Dialect("smtplib", "Python smtplib, STARTTLS, AUTH PLAIN", dialects.python_smtplib)
CURL = Dialect("curl", "curl --ssl-reqd --user", dialects.curl, program="curl")
SWAKS = Dialect("swaks", "swaks --tls --auth LOGIN", dialects.swaks, program="swaks")
COPIER = Dialect("copier", "auth login in lower case, user name inline", dialects.copier_login)
UPS = Dialect("ups", "port 25, HELO, no TLS, no login", dialects.anonymous_ups)
OLD_SCANNER = Dialect("old-scanner", "TLS 1.0 only, AUTH LOGIN with prompts", dialects.old_scanner)
CONTROLLER = Dialect("controller", "bare line feeds in the text", dialects.bare_line_feeds)
JAVA = Dialect("java", "AUTH PLAIN, whole envelope pipelined", dialects.pipelining_plain)


def address(local: str, domain: str = DOMAIN) -> str:
    return f"{local}@{domain}"


def cast(seed: int) -> list[Part]:
    """Every part, with messages that are the same for the same seed."""
    anna, ben, it, outside = address("anna"), address("ben"), address("it"), address("orders", OUTSIDE)
    scanner, ups, erp, relay = (address(name) for name in ("scanner", "ups", "erp", "relay"))
    dots = b"Totals follow.\r\n.\r\n..two dots\r\n.hidden line\r\nend.\r\n"
    return [
        Part("ERP job", SMTPLIB, mail("erp-totals", erp, (anna,), dots, subject="Totals of the day"), erp),
        Part("backup script", CURL, mail("backup", it, (it, outside), b"Backup finished, 0 errors.\r\n"), it),
        Part("monitoring", SWAKS, mail("disk-full", it, (it,), b"DISK WARNING on srv07: 91% used\r\n"), it),
        Part("copier", COPIER, scan("copier-scan", scanner, (ben,), 60_000, seed), scanner),
        Part("UPS card", UPS, mail("on-battery", ups, (it,), b"UPS 2 is on battery.\r\n"), "", ups),
        Part("scanner of 2008", OLD_SCANNER, scan("old-scan", scanner, (anna,), 20_000, seed + 1), scanner),
        Part("controller", CONTROLLER, mail("plc-alarm", erp, (it,), b"Line 3 stopped.\r\nCode 17.\r\n"), erp),
        Part("scan of 5 MB", SMTPLIB, scan("large-scan", scanner, (anna,), 3_700_000, seed + 2), scanner),
        Part("invoices with Bcc", SMTPLIB, _blind_copies(erp, anna, (ben, address("audit", OUTSIDE))), erp),
        Part("shared sender", JAVA, _other_sender(relay, ben), relay, relay),
        Part("international", SMTPLIB, _international(erp), erp),
        Part("old Japanese program", COPIER, _japanese(relay, anna), relay),
    ]


def _blind_copies(sender: str, to: str, blind: tuple[str, ...]) -> Mail:
    return mail(
        "invoice-bcc", sender, (to, *blind), b"Invoice 4711 attached to the order.\r\n", to=to, subject="Invoice"
    )


def _other_sender(mailbox: str, to: str) -> Mail:
    """The envelope and From name an address that the mailbox has no right to send as."""
    warehouse = address("warehouse")
    text = b"Goods received: 12 pallets.\r\n"
    return mail("goods-received", warehouse, (to,), text, header_from=f"Warehouse <{warehouse}>", subject="Goods")


def _international(sender: str) -> Mail:
    """Addresses and header in UTF-8 (RFC 6531, RFC 6532)."""
    text = "受付の皆様\r\n本日の売上をお送りします。\r\n".encode()
    extra = ("Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit")
    return mail("utf8", sender, (address("受付", OUTSIDE),), text, subject="本日の売上", extra=extra)


def _japanese(sender: str, to: str) -> Mail:
    """ISO-2022-JP, as programs of the nineties write it: seven bits with escape sequences."""
    text = "在庫が不足しています。\r\n".encode("iso2022_jp")
    extra = ("Content-Type: text/plain; charset=iso-2022-jp", "Content-Transfer-Encoding: 7bit")
    return mail("iso-2022-jp", sender, (to,), text, subject="=?iso-2022-jp?B?GyRCOl84SxsoQg==?=", extra=extra)
