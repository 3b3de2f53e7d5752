"""The mail of a notice, and what a listener answers to it."""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import trustme

from mailferry.bulletin.compose import compose
from mailferry.bulletin.letter import NotSent, letter, submit
from mailferry.bulletin.notice import Reader
from mailferry.bulletin.settings import MailSettings
from mailferry.clock import ManualClock
from support.announcements import ERROR, announcement
from support.gateway import free_port

with warnings.catch_warnings():  # aiosmtpd's own use of what Python deprecates
    warnings.simplefilter("ignore")
    from aiosmtpd.controller import Controller
    from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

CLOCK = ManualClock(datetime(2026, 11, 24, 9, 0, tzinfo=UTC))
NOTICE = compose(announcement(), Reader.OWNERS, "ja")
ACCOUNT, PASSWORD = "bulletin", "correct horse"


def mail(*recipients: str) -> EmailMessage:
    return letter(NOTICE, "it@example.com", "情報システム部", recipients or ("all@example.com",), CLOCK)


class Listener:
    """A listener with STARTTLS and a login, that refuses some recipients."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.taken: list[Envelope] = []
        options: dict[str, Any] = {"tls_context": context, "require_starttls": True, "auth_required": True}
        self.controller = Controller(self, hostname="127.0.0.1", port=free_port(), authenticator=self._login, **options)

    def _login(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        known = isinstance(data, LoginPassword) and (data.login, data.password) == (ACCOUNT.encode(), PASSWORD.encode())
        return AuthResult(success=known, handled=False)

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]):
        if address.endswith("@elsewhere.example"):
            return "550 5.7.1 Not for this client"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.taken.append(envelope)
        return "250 2.0.0 queued as 1"


@pytest.fixture
def authority(tmp_path: Path) -> trustme.CA:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return authority


@pytest.fixture
def listener(authority: trustme.CA) -> Iterator[Listener]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    running = Listener(context)
    running.controller.start()
    yield running
    running.controller.stop()


def settings(listener: Listener, tmp_path: Path, **more: Any) -> MailSettings:
    port = listener.controller.server.sockets[0].getsockname()[1]
    values = {
        "host": "127.0.0.1",
        "port": port,
        "account": ACCOUNT,
        "password": {"env": "X"},
        "ca_file": tmp_path / "ca.pem",
    }
    return MailSettings.model_validate(values | more)


def test_a_mail_is_text_with_a_page_beside_it() -> None:
    data = mail().as_bytes()
    assert data.isascii(), "any server takes it"
    read = message_from_bytes(data, policy=policy.default)
    assert read["Subject"] == NOTICE.title
    assert str(read["From"]) == "情報システム部 <it@example.com>"
    assert read["To"] == "all@example.com"
    assert read["Date"] == "Tue, 24 Nov 2026 09:00:00 +0000"
    assert read["Auto-Submitted"] == "auto-generated"
    assert read["Message-ID"].endswith("@example.com>")
    text, page = (part.get_content() for part in read.iter_parts())
    assert "設定は変更しないでください" in text
    assert "設定は変更しないでください" in page
    assert ERROR in text
    assert page.startswith("<!DOCTYPE html>")
    assert all(len(line) <= 998 for line in data.splitlines())


def test_recipients_do_not_see_each_other() -> None:
    assert "two@example.com" not in mail("one@example.com", "two@example.com").as_string()


def test_the_listener_takes_it(listener: Listener, tmp_path: Path) -> None:
    recipients = ("one@example.com", "x@elsewhere.example", "two@example.com")
    sent = submit(mail(*recipients), "it@example.com", recipients, settings(listener, tmp_path), PASSWORD)
    assert sent.accepted == ("one@example.com", "two@example.com")
    assert sent.refused == {"x@elsewhere.example": "550 5.7.1 Not for this client"}
    (envelope,) = listener.taken
    assert (envelope.mail_from, envelope.rcpt_tos) == ("it@example.com", ["one@example.com", "two@example.com"])


def test_what_goes_wrong_is_said(listener: Listener, tmp_path: Path) -> None:
    known = settings(listener, tmp_path)

    def refused(recipient: str, known: MailSettings, password: str) -> str:
        with pytest.raises(NotSent) as error:
            submit(mail(), "it@example.com", (recipient,), known, password)
        assert error.value.hint
        assert PASSWORD not in f"{error.value}{error.value.hint}"
        return str(error.value)

    assert "takes no recipient: 550 5.7.1 Not for this client" in refused("x@elsewhere.example", known, PASSWORD)
    assert "refuses the login: 535" in refused("one@example.com", known, "wrong")
    untrusting = known.model_copy(update={"ca_file": None})
    assert "is not trusted" in refused("one@example.com", untrusting, PASSWORD)
    anonymous = known.model_copy(update={"account": ""})
    assert "answers 530" in refused("one@example.com", anonymous, "")
    assert listener.taken == []


def test_nobody_listens(tmp_path: Path, listener: Listener) -> None:
    known = settings(listener, tmp_path, port=free_port())
    with pytest.raises(NotSent, match="cannot be reached"):
        submit(mail(), "it@example.com", ("one@example.com",), known, PASSWORD)
