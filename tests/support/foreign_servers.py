"""Foreign servers as smarthosts: each offers STARTTLS, demands nothing, refuses recipients that begin with "refused",
and keeps what it takes to be read back."""

from __future__ import annotations

import ssl
import warnings
from pathlib import Path

from support.foreign_programs import OpenSmtpd, Postfix
from support.foreign_server import ForeignServer, Kept, Tool

with warnings.catch_warnings():  # aiosmtpd's own use of what Python deprecates
    warnings.simplefilter("ignore")
    from aiosmtpd.controller import Controller
    from aiosmtpd.smtp import SMTP, Envelope, Session


class Aiosmtpd(ForeignServer):
    """In a thread of this process."""

    def __init__(self, certificate: Path, tool: Tool) -> None:
        super().__init__(certificate, tool)
        self._kept: list[Kept] = []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self._controller = Controller(
            self, hostname="127.0.0.1", port=self.port, tls_context=context, enable_SMTPUTF8=True
        )

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]):
        if address.startswith("refused"):
            return "550 5.1.1 No such person here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope):
        data = bytes(envelope.content or b"")
        sender = (envelope.mail_from or "").removeprefix("<").removesuffix(">")  # the null sender comes as <>
        self._kept += [Kept(sender, recipient, session.ssl is not None, data) for recipient in envelope.rcpt_tos]
        return "250 2.0.0 taken"

    def start(self) -> None:
        self._controller.start()

    def stop(self) -> None:
        self._controller.stop()

    def kept(self) -> list[Kept]:
        return list(self._kept)


SERVERS: dict[str, type[ForeignServer]] = {"postfix": Postfix, "opensmtpd": OpenSmtpd, "aiosmtpd": Aiosmtpd}
NEED_ROOT = frozenset({"postfix", "opensmtpd"})
