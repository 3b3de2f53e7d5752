"""A device that keeps its password, from end to end: real sockets, the sandbox as Exchange Online."""

from __future__ import annotations

import asyncio
import json
import smtplib
import ssl
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mailferry.alarms.api import Alarm, Code
from mailferry.app.enrolment import build_enrolment
from mailferry.app.gateway import Gateway
from mailferry.cli.main import app
from mailferry.clients.enrolled import Enrolled, Register, Status
from mailferry.clock import SystemClock, utc
from mailferry.config.load import load_config
from mailferry.listener.accounts import hash_password
from mailferry.obs.maillog import MailLog
from mailferry.obs.metrics import Metrics
from mailferry.sandbox.serve import Sandbox
from mailferry.sandbox.settings import SandboxSettings

SCAN = "erp@contoso.example"
CONFIG = """
[gateway]
hostname = "localhost"
state = "{state}"
[guard]
delay = "0s"
[[listener]]
name = "in"
address = "127.0.0.1:0"
[[enrolment]]
name = "move"
networks = ["127.0.0.0/8"]
opens = "{opens}"
closes = "{closes}"
host = "localhost"
port = {port}
ca_file = "{ca}"
{more}
[[tenant]]
name = "contoso"
tenant_id = "contoso.example"
client_id = "a1"
secret = {{ env = "SECRET" }}
domains = ["contoso.example"]
[[route]]
name = "relay"
type = "smarthost"
host = "127.0.0.1"
port = 1
"""


class Office:
    """A sandbox and a gateway whose devices still log in with their old passwords."""

    def __init__(self, box: Sandbox, directory: Path) -> None:
        self.box = box
        self.file = directory / "mailferry.toml"
        self.gateway: Gateway | None = None
        self.events: list[str] = []
        self._directory = directory

    async def start(self, more: str = "") -> None:
        now = utc(SystemClock().time())
        self.file.write_text(
            CONFIG.format(
                state=self._directory / "state",
                opens=(now - timedelta(hours=1)).isoformat(),
                closes=(now + timedelta(hours=1)).isoformat(),
                port=self.box.smtp_port,
                ca=self.box.ca_file,
                more=more,
            )
        )
        log = MailLog(lambda level, event, fields: self.events.append(event), Metrics())
        self.gateway = Gateway(load_config(self.file), SystemClock(), log, {})
        await self.gateway.start()

    async def stop(self) -> None:
        if self.gateway is not None:
            await self.gateway.stop(0)
            self.gateway = None

    async def login(self, password: str = "", sender: str = SCAN) -> tuple[int, int]:
        """The codes of AUTH and of MAIL."""
        assert self.gateway is not None
        [(host, port)] = self.gateway.listeners.addresses("in")
        return await asyncio.to_thread(self._talk, host, port, password or self.password, sender)

    @property
    def password(self) -> str:
        return self.box.tenant.mailboxes[SCAN].password

    @staticmethod
    def _talk(host: str, port: int, password: str, sender: str) -> tuple[int, int]:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with smtplib.SMTP(host, port, timeout=25) as client:
            client.starttls(context=context)
            try:
                code, _ = client.login(SCAN, password)
            except smtplib.SMTPAuthenticationError as error:
                return error.smtp_code, 0
            return code, client.mail(sender)[0]


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    box = Sandbox(SandboxSettings(at=date(2026, 11, 24), directory=tmp_path / "sandbox"))
    await box.start()
    made = Office(box, tmp_path)
    yield made
    await made.stop()
    await box.stop()


async def test_the_device_keeps_its_password(office: Office) -> None:
    await office.start()
    assert (await office.login("wrong"))[0] == 535
    assert await office.login() == (235, 250)
    assert await office.login(sender="boss@contoso.example") == (235, 550)
    assert office.events.count("enrolled") == 1
    await office.stop()
    office.box.world.patch({"tenant": {"mailboxes": {SCAN: {"password": "changed over there"}}}})
    await office.start()
    assert await office.login(office.password) == (535, 0), "the gateway has its own copy now"
    assert (await office.login("wrong"))[0] == 535


def test_accounts_that_enrolled_are_looked_for_without_any_section(tmp_path: Path) -> None:
    """Somebody has to hear that their devices are locked out; where nobody ever enrolled there is nothing to do."""
    start, end = CONFIG.index("[[enrolment]]"), CONFIG.index("[[tenant]]")
    file = tmp_path / "m.toml"
    hashed = hash_password("secret")
    client = f'[[client]]\nname = "fax"\npassword = "{hashed}"\n'
    file.write_text((CONFIG[:start] + CONFIG[end:]).format(state=tmp_path / "state") + client)
    config, clock, told = load_config(file), SystemClock(), Told()
    log = MailLog(lambda *_: None, Metrics())
    assert build_enrolment(config, clock, log, told) is None
    record = Enrolled(SCAN, hashed, "move", "10.1.2.3", "verified", clock.time(), Status.ACTIVE)
    Register(tmp_path / "state" / "enrolled").put(record)
    made = build_enrolment(config, clock, log, told)
    assert made is not None
    made.refresh()
    assert [alarm.key for alarm in told.alarms] == ["window move"]


class Told:
    """Hears of alarms."""

    def __init__(self) -> None:
        self.alarms: list[Alarm] = []

    def raise_(self, alarm: Alarm) -> None:
        self.alarms.append(alarm)

    def resolve(self, code: Code, key: str) -> None: ...


async def test_after_basic_has_ended_nobody_can_be_verified(office: Office) -> None:
    office.box.world.patch({"tenant": {"smtp_client_authentication_disabled": True}})
    await office.start()
    assert await office.login() == (454, 0)
    assert "enrolment refused" in office.events


async def test_an_administrator_approves_and_revokes(office: Office) -> None:
    await office.start("approve = true")
    assert await office.login() == (454, 0)
    words = ["-c", str(office.file)]
    listed = json.loads((await _run("account", "list", "--json", *words)).stdout)
    assert [(one["account"], one["status"], one["proof"]) for one in listed] == [(SCAN, "pending", "verified")]
    assert SCAN in (await _run("account", "list", *words)).stdout
    assert (await _run("account", "approve", SCAN, *words)).exit_code == 0
    assert office.gateway is not None
    await office.gateway._look_around()
    assert await office.login() == (235, 250)
    assert (await _run("account", "revoke", SCAN, *words)).exit_code == 0
    await office.gateway._look_around()
    assert (await office.login())[0] == 535
    assert (await _run("account", "revoke", "nobody@contoso.example", *words)).exit_code == 1


async def _run(*words: str):  # type: ignore[no-untyped-def]
    return await asyncio.to_thread(CliRunner().invoke, app, list(words))
