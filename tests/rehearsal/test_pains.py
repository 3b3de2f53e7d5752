"""The pains of other gateways' users that concern a gateway as a whole, each by its number in the survey of issue
threads: real listeners, store, tokens and alarms, and the sandbox behind them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
import smtplib
import socket
import sys
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from mailferry.listener.settings import TlsVersion
from mailferry.listener.tls import CertificateFiles, TlsError, version_works
from mailferry.rehearsal.dialects import old_scanner
from mailferry.rehearsal.mails import mail
from mailferry.rehearsal.wire import Refused, Target
from mailferry.sandbox.certificates import Keys, make_keys
from mailferry.sandbox.mailbox import Folder
from mailferry.sandbox.organisation import SECRET, SECRET_CLIENT_ID, TENANT_ID, password
from mailferry.sandbox.organisation_identities import SIGN_IN_CLIENT_ID
from mailferry.sandbox.serve import Sandbox
from mailferry.sandbox.settings import SandboxSettings
from support.gateway import PLAIN, GatewayProcess, free_port
from support.identities import ERP, SMTP_SEND, identity, vault_in
from support.ledger import Client, Ledger, Sink
from support.listening import hashed
from support.sign_in import Person, session, sign_in
from support.whole import HEAD, Whole, until

pytestmark = pytest.mark.timeout(180)

ANNA, NOBODY_OF_THE_NETWORK = "anna@contoso.example", '\n[[client]]\nname = "ups"\nnetworks = ["192.0.2.0/24"]\n'
EXCHANGE = """
[[route]]
name = "exchange"
type = "exchange-smtp"
tenant = "contoso"
host = "localhost"
port = {port}
ca_file = "{ca}"
"""


@pytest.fixture(scope="module")
def keys() -> Keys:
    return make_keys()


@pytest.fixture
async def box(keys: Keys) -> AsyncIterator[Sandbox]:
    async with Sandbox(SandboxSettings(), keys=keys) as running:
        yield running


def tenant(box: Sandbox, client_id: str, how: str) -> str:
    return (
        f'\n[[tenant]]\nname = "contoso"\nclient_id = "{client_id}"\ntenant_id = "{TENANT_ID}"\n{how}\n'
        f'domains = ["contoso.example"]\nauthority = "{box.entra_url}"\nca_file = "{box.ca_file}"\n'
        + EXCHANGE.format(port=box.smtp_port, ca=box.ca_file)
    )


def account(name: str, word: str) -> str:
    return (
        f'\n[[client]]\nname = "{name}"\npassword = "{hashed(word)}"\nmailbox = "{ERP}"\n'
        f'senders = ["{ERP}"]\nrecipients = "anywhere"\n'
    )


def arrived(box: Sandbox) -> list[str]:
    """The subjects in Anna's inbox."""
    heads = [one.raw.partition(b"\r\n\r\n")[0].decode() for one in box.mail.find(box=ANNA, folder=Folder.INBOX)]
    return sorted(line[9:] for head in heads for line in head.split("\r\n") if line.startswith("Subject: "))


# -- tokens -----------------------------------------------------------------------------------------------------------


async def test_pain_01_a_devices_password_has_nothing_to_do_with_the_sign_in(box: Sandbox, tmp_path: Path) -> None:
    """Two devices with passwords of their own share one mailbox and one sign-in. A new password, or a restart, asks
    nobody to sign in again; a key that is gone holds the mail, says so and comes back with the key."""
    delegated = {"delegated": {"admin_consented": True, "permissions": ["SMTP.Send"]}}
    box.world.patch({"tenant": {"applications": {SIGN_IN_CLIENT_ID: delegated}}})
    head = HEAD + NOBODY_OF_THE_NETWORK + tenant(box, SIGN_IN_CLIENT_ID, f'sign_in = {{ user = "{ERP}" }}')
    head += '\n[delivery]\nretry = ["1s"]\npause = ["1s", "1s"]\n'
    vault = tmp_path / "state" / "vault"
    await sign_in(box, identity(box, vault=vault_in(vault, box.clock)), [(SMTP_SEND,)], ERP)
    async with Whole(tmp_path, head + account("one", "first") + account("two", "other")) as whole:
        await whole.submit(ERP, ANNA, login=("one", "first"), tag="1")
        await whole.submit(ERP, ANNA, login=("two", "other"), tag="2")
        whole.reload(head + account("one", "changed") + account("two", "other"))
        with pytest.raises(smtplib.SMTPAuthenticationError):
            await whole.submit(ERP, ANNA, login=("one", "first"), tag="refused")
        await whole.submit(ERP, ANNA, login=("one", "changed"), tag="3")
        await until(lambda: arrived(box) == ["1", "2", "3"])
        key = (vault / "key").read_bytes()
        (vault / "key").unlink()
        await whole.restart()
        await whole.submit(ERP, ANNA, login=("one", "changed"), tag="4")
        await until(lambda: any("mailferry login contoso" in each for each in whole.gateway.troubles()))
        assert arrived(box) == ["1", "2", "3"]
        (vault / "key").write_bytes(key)
        await whole.restart()
        await until(lambda: arrived(box) == ["1", "2", "3", "4"])


async def test_pain_05_a_secret_that_ends_is_told_by_another_way_than_the_dead_route(
    box: Sandbox, tmp_path: Path
) -> None:
    """Before its end, from the first start on; and at its end, when no mail could carry the news any more."""
    heard = str(tmp_path / "syslog")
    soon = (datetime.now(UTC) + timedelta(days=5)).date()
    (tmp_path / "secret").write_text(SECRET)
    (tmp_path / "secret").chmod(0o600)
    how = f'secret = {{ file = "{tmp_path / "secret"}" }}\nsecret_expires = {soon}'
    alarm = f'\n[[alarm]]\nname = "siem"\ntype = "syslog"\naddress = "{heard}"\ngather = "0s"\ninterval = "0s"\n'
    text = HEAD + NOBODY_OF_THE_NETWORK + tenant(box, SECRET_CLIENT_ID, how) + account("erp", "pw") + alarm
    ended = {"value": SECRET, "expires": "2020-01-01T00:00:00Z", "key_id": "sandbox-secret-1"}
    with listening(heard) as lines:
        async with Whole(tmp_path, text) as whole:
            assert f"{soon}" in await one_with(lines, "client secret")
            box.world.patch({"tenant": {"applications": {SECRET_CLIENT_ID: {"secrets": [ended]}}}})
            await whole.submit(ERP, ANNA, login=("erp", "pw"))
            assert "contoso" in await one_with(lines, "client secret of the application has expired")
            assert arrived(box) == []
            assert len(await whole.messages()) == 1, "it waits; no report tells of it"


@contextlib.contextmanager
def listening(path: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(path)
        server.setblocking(False)
        yield server


async def one_with(server: socket.socket, words: str) -> str:
    """The next line that holds `words`."""
    async with asyncio.timeout(60):
        while words not in (line := (await asyncio.get_running_loop().sock_recv(server, 8192)).decode()):
            pass
    return line


# -- clients and the process ------------------------------------------------------------------------------------------


OLD = """
[[listener]]
name = "old"
address = "127.0.0.1:0"
tls = "starttls"
minimum_tls = "1.0"
"""


async def test_pain_10_a_device_of_tls_1_0_sends_and_the_others_listener_keeps_its_floor(
    keys: Keys, tmp_path: Path
) -> None:
    """Where this OpenSSL speaks TLS 1.0 at all; where not, the gateway says so at start."""
    user, word = "scanner@contoso.example", password("scanner")
    head = HEAD.replace('tls = "none"', 'tls = "starttls"').replace("allow_plaintext_auth = true\n", "")
    client = account("scanner", word).replace(ERP, user) + f'account = "{user}"\n'
    async with Sandbox(SandboxSettings(at=date(2027, 1, 5)), keys=keys) as box:
        text = (
            head + OLD + NOBODY_OF_THE_NETWORK + tenant(box, SECRET_CLIENT_ID, 'secret = { env = "SECRET" }') + client
        )
        whole = Whole(tmp_path, text, {"SECRET": SECRET})
        if not version_works(TlsVersion.V1_0, CertificateFiles(box.application_certificate, None)):
            with pytest.raises(TlsError, match=r"asks for TLS 1\.0"):
                await whole.gateway.start()
            return
        scan = mail("old-scan", user, (ANNA,), b"%PDF\r\n", subject="scan of 2008")

        async def speak(port: int) -> str:
            return await asyncio.to_thread(old_scanner, Target("localhost", 0, 0, port, box.ca_file), scan, user, word)

        with pytest.raises(Refused):
            await speak(box.smtp_legacy_port)
        async with whole:
            with pytest.raises(Refused, match="TLS handshake failed"):
                await speak(whole.port)
            old = whole.gateway.listeners.addresses("old")[0][1]
            assert (await speak(old)).startswith("250 2.0.0 queued")
            await until(lambda: arrived(box) == ["scan of 2008"])


RELAY = """
[[client]]
name = "konica"
networks = ["127.0.0.0/8"]
recipients = "anywhere"

[[route]]
name = "relay"
type = "smarthost"
host = "relay..invalid"
tls = "none"
"""


async def test_pain_14_a_name_that_cannot_be_resolved_stops_no_listener(tmp_path: Path) -> None:
    async with Whole(tmp_path, HEAD + RELAY) as whole:
        for number in range(3):
            await whole.submit("konica@contoso.example", ANNA, tag=str(number))
        await until(lambda: any("relay..invalid" in str(fields) for _, _, fields in whole.events))
        await whole.submit("konica@contoso.example", ANNA, tag="after")
        waiting = await whole.messages()
        assert len(waiting) == 4
        assert not whole.gateway.trouble()


async def test_pain_14_sessions_of_every_ending_leave_nothing_behind(tmp_path: Path) -> None:
    """Whole ones, and ones that break off in the greeting, the envelope and the text: four times fifty, and neither
    connections nor descriptors nor tasks nor memory grow with them."""
    async with Whole(tmp_path, HEAD + RELAY) as whole:
        endings = (b"", b"EHLO k\r\n", b"EHLO k\r\nMAIL FROM:<k@contoso.example>\r\n", LETTER[:-20], LETTER)

        async def fifty() -> tuple[int, int]:
            for number in range(50):
                await broken(whole.port, endings[number % len(endings)])
            await until(lambda: whole.gateway.listeners.connections == 0)
            return len(os.listdir("/proc/self/fd")), len(asyncio.all_tasks())

        before = await fifty()
        tracemalloc.start()
        try:
            await fifty()
            level = tracemalloc.get_traced_memory()[0]
            await fifty()
            after = await fifty()
            grown = tracemalloc.get_traced_memory()[0] - level
        finally:
            tracemalloc.stop()
        assert after[0] <= before[0] + 3, "descriptors"
        assert after[1] <= before[1] + 3, "tasks"
        assert grown < 1_000_000, f"{grown} octets after a hundred sessions more"


LETTER = (
    b"EHLO k\r\nMAIL FROM:<k@contoso.example>\r\nRCPT TO:<anna@contoso.example>\r\nDATA\r\n"
    b"From: k@contoso.example\r\nSubject: x\r\n\r\n" + b"0123456789abcdef\r\n" * 200 + b".\r\nQUIT\r\n"
)


async def broken(port: int, said: bytes) -> None:
    """Say it line by line, as far as it goes, and cut the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await reader.readline()
    head, data, text = said.partition(b"DATA\r\n")
    for line in [*head.splitlines(keepends=True), *([data] if data else [])]:
        writer.write(line)
        while (await reader.readline())[3:4] == b"-":
            pass
    writer.write(text)
    if text.endswith(b"QUIT\r\n"):
        await reader.read()
    writer.transport.abort()


# -- running it -------------------------------------------------------------------------------------------------------


PATIENCE = 'pause = ["1s", "1s"]'


def test_pain_20_the_queue_is_in_the_volume_and_the_container_may_go(tmp_path: Path) -> None:
    """Killed with mail waiting, its own directory deleted, built anew beside the same volume: everything arrives."""
    ledger, volume = Ledger(), tmp_path / "volume"
    template = PLAIN.replace("{state}", str(volume))
    first = GatewayProcess(tmp_path / "first", upstream=free_port(), template=template, extra=PATIENCE)
    sink = Sink(ledger)
    try:
        first.start()
        client = Client("c", first.port, ledger)
        client.start()
        wait_for(lambda: len(ledger.acknowledged) >= 5)
        first.kill()
        client.enough.set()
        client.join(60)
        shutil.rmtree(tmp_path / "first")
        second = GatewayProcess(tmp_path / "second", upstream=sink.port, template=template, extra=PATIENCE)
        try:
            second.start()
            wait_for(lambda: not ledger.missing)
        finally:
            second.stop()
        assert not ledger.damaged
        assert not ledger.strangers
    finally:
        first.stop()
        sink.stop()


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


async def test_pain_38_and_14_without_a_screen_under_a_supervisor_that_watches(box: Sandbox, tmp_path: Path) -> None:
    """As a service or container starts it: no terminal, no home, no browser, another working directory. Somebody signs
    in elsewhere by a code; the supervisor hears when it is ready, that it is alive, and why it is silent."""
    delegated = {"delegated": {"admin_consented": True, "permissions": ["SMTP.Send"]}}
    box.world.patch({"tenant": {"applications": {SIGN_IN_CLIENT_ID: delegated}}})
    box.world.tune(entra={"device_interval": 1})
    heard = str(tmp_path / "notify")
    bare = {"PATH": os.environ["PATH"], "NOTIFY_SOCKET": heard, "WATCHDOG_USEC": "100000"}
    gateway = GatewayProcess(tmp_path, upstream=0, environment=bare, cwd=Path("/"))
    head = HEAD.replace("{state}", "state").replace("127.0.0.1:0", f"127.0.0.1:{gateway.port}")
    client = RELAY[: RELAY.index("[[route]]")] + f'mailbox = "{ERP}"\nrewrite_from = true\n'
    gateway.config.write_text(head + client + tenant(box, SIGN_IN_CLIENT_ID, f'sign_in = {{ user = "{ERP}" }}'))
    await sign_in_by_command(box, gateway.config, bare)
    told: list[str] = []
    with listening(heard) as lines:
        asyncio.get_running_loop().add_reader(lines, lambda: told.append(lines.recv(4096).decode()))
        try:
            await asyncio.to_thread(gateway.start)
            assert gateway.process is not None
            await until(lambda: "READY=1" in told)
            await asyncio.to_thread(deliver, gateway.port)
            await until(lambda: arrived(box) == ["headless"])
            told.clear()
            await until(lambda: told.count("WATCHDOG=1") >= 3)
            gateway.process.send_signal(signal.SIGHUP)
            await until(lambda: "RELOADING=1" in told and "READY=1" in told[told.index("RELOADING=1") :])
        finally:
            status = await asyncio.to_thread(gateway.stop)
            asyncio.get_running_loop().remove_reader(lines)
        assert (status, "STOPPING=1" in told) == (0, True)


def deliver(port: int) -> None:
    with smtplib.SMTP("127.0.0.1", port, "device", 20) as link:
        link.sendmail("konica@contoso.example", [ANNA], f"To: {ANNA}\r\nSubject: headless\r\n\r\nx\r\n")


async def sign_in_by_command(box: Sandbox, config: Path, environment: dict[str, str]) -> None:
    """`mailferry login` at one machine, the person at another."""
    command = [str(Path(sys.executable).parent / "mailferry"), "login", "contoso", "--device-code"]
    process = await asyncio.create_subprocess_exec(
        *command, "--config", str(config), stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE, env=environment, cwd="/",
    )  # fmt: skip
    assert process.stderr is not None
    said = ""
    while (code := re.search(r"\n +([A-Z]{9})\n", said)) is None:
        line = await process.stderr.readline()
        assert line, said
        said += line.decode()
    async with session(box) as http:
        await Person(box, http).approve_device(code[1], ERP)
    await process.communicate()
    assert process.returncode == 0
