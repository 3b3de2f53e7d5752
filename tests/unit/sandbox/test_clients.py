"""Foreign clients over sockets: smtplib through STARTTLS with LOGIN and XOAUTH2, old TLS, cut connections."""

from __future__ import annotations

import asyncio
import smtplib
import socket
import ssl
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from mailferry.sandbox.certificates import Keys
from mailferry.sandbox.faults import Fault
from mailferry.sandbox.mailbox import Folder
from mailferry.sandbox.organisation import CERTIFICATE_CLIENT_ID, SECRET_CLIENT_ID, password
from mailferry.sandbox.serve import Sandbox
from mailferry.sandbox.settings import SandboxSettings
from mailferry.sandbox.signer import Signer
from support.sandbox_lab import AFTER

T = TypeVar("T")

SCANNER, IT = "scanner@contoso.example", "it@contoso.example"
MESSAGE = b"From: scanner@contoso.example\r\nMessage-ID: <1@scanner>\r\n\r\n.dot\r\n\xc3\xa9\r\n"


def token(box: Sandbox, client_id: str = SECRET_CLIENT_ID) -> str:
    application = box.tenant.applications[client_id]
    return (
        Signer(box.keys.signing_key, box.world.random)
        .issue(
            application=application,
            tenant_id=box.tenant.tenant_id,
            audience="https://outlook.office365.com",
            roles=application.app_roles,
            by="1",
            now=box.clock.time(),
        )
        .token
    )


def connect(box: Sandbox, context: ssl.SSLContext | None = None, *, legacy: bool = False) -> smtplib.SMTP:
    client = smtplib.SMTP("localhost", box.smtp_legacy_port if legacy else box.smtp_port, timeout=25)
    try:
        client.starttls(context=context or ssl.create_default_context(cafile=str(box.ca_file)))
        client.ehlo()
    except BaseException:
        client.close()
        raise
    return client


def by_login(box: Sandbox, client: smtplib.SMTP | None = None) -> smtplib.SMTP:
    client = client or connect(box)
    client.user, client.password = SCANNER, password("scanner")
    return authenticated(client, "LOGIN", client.auth_login)


def by_token(box: Sandbox, value: str) -> smtplib.SMTP:
    return authenticated(connect(box), "XOAUTH2", lambda _=None: f"user={SCANNER}\x01auth=Bearer {value}\x01\x01")


def authenticated(client: smtplib.SMTP, mechanism: str, step: Callable[..., str]) -> smtplib.SMTP:
    try:
        client.auth(mechanism, step)  # type: ignore[arg-type]
    except BaseException:
        client.close()
        raise
    return client


def send(client: smtplib.SMTP) -> None:
    try:
        client.sendmail(SCANNER, [IT, "buyer@fabrikam.example"], MESSAGE)
        client.quit()
    finally:
        client.close()


async def in_thread(act: Callable[[], T]) -> T:
    return await asyncio.to_thread(act)


async def test_login_before_the_cut_off(box: Sandbox) -> None:
    await in_thread(lambda: send(by_login(box)))
    (copy,) = box.mail.find(box=IT)
    assert copy.raw == MESSAGE
    assert (copy.received.mechanism, copy.received.tls) == ("LOGIN", "TLSv1.3")
    assert {m.folder for m in box.mail} == {Folder.INBOX, Folder.SENT, Folder.EXTERNAL}


async def test_login_after_the_cut_off(box: Sandbox) -> None:
    box.clock.set(AFTER)
    with pytest.raises(smtplib.SMTPSenderRefused) as refused:
        await in_thread(lambda: send(by_login(box)))
    expected = b"5.7.30 Basic authentication is not supported for Client Submission."
    assert (refused.value.smtp_code, refused.value.smtp_error) == (550, expected)


@pytest.mark.parametrize("client_id", [SECRET_CLIENT_ID, CERTIFICATE_CLIENT_ID])
@pytest.mark.parametrize("late", [False, True])
async def test_token_on_both_sides_of_the_cut_off(box: Sandbox, client_id: str, late: bool) -> None:
    if late:
        box.clock.set(AFTER)
    value = token(box, client_id)
    await in_thread(lambda: send(by_token(box, value)))
    (copy,) = box.mail.find(box=IT)
    assert (copy.received.mechanism, copy.received.client_id) == ("XOAUTH2", client_id)


async def test_refused_token(box: Sandbox) -> None:
    with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
        await in_thread(lambda: by_token(box, "no.good.token"))
    assert refused.value.smtp_code == 535
    assert refused.value.smtp_error.startswith(b"5.7.3 Authentication unsuccessful [")


async def test_rate_holds_the_answer_until_the_clock_is_moved(box: Sandbox) -> None:
    box.world.tune(messages_per_minute=1)
    await in_thread(lambda: send(by_login(box)))
    second = asyncio.create_task(asyncio.to_thread(lambda: send(by_login(box))))
    while not any("octets" in line for d in list(box.recorder.dialogues)[1:] for line in d.lines):  # noqa: ASYNC110
        await asyncio.sleep(0)  # until the other thread's message has come in
    assert box.mail.accepted == 1
    box.clock.advance(60)
    await second
    assert box.mail.accepted == 2


def old_tls(box: Sandbox) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(str(box.ca_file))
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
    return context


async def test_tls_1_0_is_accepted_only_to_be_refused(box: Sandbox) -> None:
    """O: 421 4.7.66 quoted from blog 2659652."""

    def speak() -> tuple[int, bytes]:
        client = smtplib.SMTP("localhost", box.smtp_port, timeout=25)
        try:
            client.starttls(context=old_tls(box))
            return client.ehlo()
        finally:
            client.close()

    code, text = await in_thread(speak)
    assert (code, text[:40]) == (421, b"4.7.66 TLS 1.0 and 1.1 are not supported")


async def test_tls_1_0_works_on_the_legacy_host(box: Sandbox) -> None:
    box.world.patch({"tenant": {"allow_legacy_tls_clients": True}})

    def speak() -> None:
        send(by_login(box, connect(box, old_tls(box), legacy=True)))

    await in_thread(speak)
    received = box.mail.find(box=IT)[0].received
    assert (received.surface, received.tls) == ("smtp-legacy", "TLSv1")


async def test_cut_after_the_dot(box: Sandbox) -> None:
    fault = {"surface": "smtp", "at": "end", "action": "take-and-drop", "count": 1}
    box.faults.add(Fault.model_validate(fault))
    with pytest.raises(smtplib.SMTPServerDisconnected):
        await in_thread(lambda: send(by_login(box)))
    assert len(box.mail.find(box=IT)) == 1
    await in_thread(lambda: send(by_login(box)))
    assert len(box.mail.find(box=IT)) == 2


async def test_connection_cut_at_once(box: Sandbox) -> None:
    box.faults.add(Fault.model_validate({"surface": "smtp", "at": "connect", "action": "drop"}))
    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
        await in_thread(lambda: connect(box))


async def test_plain_text_behind_starttls_is_never_read(box: Sandbox) -> None:
    """CVE-2011-0411: what was sent in clear must not count as sent inside TLS."""

    def speak() -> bytes:
        with socket.create_connection(("localhost", box.smtp_port), 10) as client:
            client.recv(1000)
            client.sendall(b"EHLO x\r\n")
            client.recv(4000)
            client.sendall(b"STARTTLS\r\nNOOP\r\n")
            return client.recv(4000)

    assert (await in_thread(speak)).startswith(b"503")


async def test_client_that_fails_the_handshake(box: Sandbox) -> None:
    def speak() -> bytes:
        with socket.create_connection(("localhost", box.smtp_port), 10) as client:
            client.recv(1000)
            client.sendall(b"EHLO x\r\n")
            client.recv(4000)
            client.sendall(b"STARTTLS\r\n")
            client.recv(1000)
            client.sendall(b"this is no ClientHello\r\n")
            return b"".join(iter(lambda: client.recv(4000), b""))

    await in_thread(speak)
    await in_thread(lambda: send(by_login(box)))


async def test_stop_with_clients_connected(keys: Keys) -> None:
    async with Sandbox(keys=keys) as box:
        directory = box.directory
        client = await in_thread(lambda: by_login(box))
    client.close()
    assert not directory.exists()
    await box.stop()
    with pytest.raises(RuntimeError, match="not been started"):
        _ = box.ca_file


async def test_directory_is_kept_when_given(keys: Keys, tmp_path: Path) -> None:
    settings = SandboxSettings(directory=tmp_path)
    async with Sandbox(settings, keys=keys):
        pass
    async with Sandbox(settings) as again:
        assert again.keys == keys
        assert (tmp_path / "signing.key").stat().st_mode & 0o077 == 0
    assert again.ca_file.exists()


async def test_port_that_is_taken(box: Sandbox, keys: Keys) -> None:
    other = Sandbox(SandboxSettings(control_port=box.control_port), keys=keys)
    with pytest.raises(OSError, match="address already in use"):
        await other.start()
    assert not other._endpoints
