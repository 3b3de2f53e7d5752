"""`mailferry login` as a process, against the sandbox: what people read, what is kept, what is refused."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mailferry.sandbox.certificates import make_keys
from mailferry.sandbox.organisation import TENANT_ID
from mailferry.sandbox.organisation_identities import SIGN_IN_CLIENT_ID
from mailferry.sandbox.serve import Sandbox
from mailferry.sandbox.settings import SandboxSettings
from support.identities import ERP, vault_in
from support.sign_in import Person, session

ROOT = Path(__file__).parents[3]
CONFIG = """
[gateway]
hostname = "gateway.contoso.example"
state = "state"

[[listener]]
name = "devices"
address = "127.0.0.1:2525"
tls = "none"
authentication = "none"
networks = ["127.0.0.0/8"]

[[client]]
name = "erp"
networks = ["127.0.0.0/8"]
senders = ["*@contoso.example"]

[[tenant]]
name = "contoso"
client_id = "{client}"
tenant_id = "{tenant}"
sign_in = {{ user = "erp@contoso.example" }}
domains = ["contoso.example"]
authority = "{authority}"
ca_file = "{ca}"

[[tenant]]
name = "other"
client_id = "{client}"
tenant_id = "{tenant}"
secret = {{ env = "SECRET" }}

[[route]]
name = "exchange"
type = "exchange-smtp"
tenant = "contoso"
"""


@pytest.fixture
async def box() -> AsyncIterator[Sandbox]:
    async with Sandbox(SandboxSettings(), keys=make_keys()) as running:
        running.world.tune(entra={"device_interval": 1})
        yield running


@pytest.fixture
def config(box: Sandbox, tmp_path: Path) -> Path:
    text = CONFIG.format(client=SIGN_IN_CLIENT_ID, tenant=TENANT_ID, authority=box.entra_url, ca=box.ca_file)
    (tmp_path / "mailferry.toml").write_text(text)
    return tmp_path / "mailferry.toml"


class Process:
    """The command under way; `err` is what it has said so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.err = ""

    async def until(self, pattern: str) -> str:
        """What fits `pattern` in its talk, as soon as it is there."""
        assert self._process.stderr is not None
        while (found := re.search(pattern, self.err)) is None:
            line = await self._process.stderr.readline()
            assert line, f"{pattern} was not said: {self.err}"
            self.err += line.decode()
        return found[1]

    async def end(self) -> tuple[int, str]:
        out, err = await self._process.communicate()
        self.err += err.decode()
        return self._process.returncode or 0, out.decode()


async def run(config: Path, *words: str) -> Process:
    environ = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME")}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from mailferry.cli import main; main()",
        "login",
        "--config",
        str(config),
        *words,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**environ, "PYTHONPATH": str(ROOT / "src"), "SECRET": "x", "LANG": "C.UTF-8"},
    )
    return Process(process)


async def test_by_a_code_on_another_device(box: Sandbox, config: Path) -> None:
    process = await run(config, "contoso", "--device-code")
    code = await process.until(r"\n +([A-Z]{9})\n")
    assert f"{box.entra_url}/devicelogin" in process.err
    async with session(box) as http:
        await Person(box, http).approve_device(code, ERP)
    status, out = await process.end()
    assert status == 0, process.err
    assert out == "erp@contoso.example is signed in for contoso: SMTP.Send.\n"
    kept = vault_in(config.parent / "state" / "vault").load("contoso")
    assert kept.user == ERP
    assert kept.refresh_token not in process.err + out


async def test_by_the_browser_in_japanese_and_json(box: Sandbox, config: Path) -> None:
    process = await run(config, "contoso", "--lang", "ja", "--json")
    address = await process.until(r"\n(https://\S+)\n")
    redirect = re.search(r"redirect_uri=([^&]+)", address)
    assert redirect is not None
    async with session(box) as http:
        person = Person(box, http)
        await person.approve(address, ERP)
        target = redirect[1].replace("%3A", ":").replace("%2F", "/")
        assert await person.post(target, person.hidden) == 200
    status, out = await process.end()
    assert status == 0, process.err
    assert "サインインを待っています" in process.err
    expected = {"tenant": "contoso", "user": ERP, "tenant_id": TENANT_ID, "permissions": ["SMTP.Send"]}
    assert json.loads(out) == expected


async def test_another_account_is_refused(box: Sandbox, config: Path) -> None:
    process = await run(config, "contoso", "--device-code")
    code = await process.until(r"\n +([A-Z]{9})\n")
    async with session(box) as http:
        await Person(box, http).approve_device(code, "ups@contoso.example")
    status, out = await process.end()
    assert (status, out) == (1, "")
    assert "ups@contoso.example signed in, but erp@contoso.example has to" in process.err


async def test_a_refusal_is_explained_with_its_cure(box: Sandbox, config: Path) -> None:
    delegated = {"delegated": {"public_client": False}}
    box.world.patch({"tenant": {"applications": {SIGN_IN_CLIENT_ID: delegated}}})
    process = await run(config, "contoso", "--device-code")
    status, _ = await process.end()
    assert status == 1
    assert "AADSTS7000218" in process.err
    assert "hint:" in process.err
    assert "Allow public client flows" in process.err


@pytest.mark.parametrize(
    ("tenant", "said", "hint"),
    [
        ("fabrikam", 'there is no tenant "fabrikam"', "there are: contoso, other"),
        ("other", 'tenant "other" does not need a sign-in: its identity is proved by secret', "sign_in = {}"),
    ],
)
async def test_which_tenants_sign_in(config: Path, tenant: str, said: str, hint: str) -> None:
    process = await run(config, tenant)
    status, _ = await process.end()
    assert status == 2
    assert said in process.err
    assert hint in process.err


async def test_a_broken_configuration(tmp_path: Path) -> None:
    (tmp_path / "mailferry.toml").write_text("[gateway]\n")
    process = await run(tmp_path / "mailferry.toml", "contoso")
    status, _ = await process.end()
    assert status == 3
    assert "mailferry check" in process.err
