"""Identities without a secret: azure-identity unchanged against the sandbox. And two tenants that never mix."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from mailferry.sandbox.certificates import Keys
from mailferry.sandbox.organisation import SECRET, SECRET_CLIENT_ID
from mailferry.sandbox.organisation_identities import (
    SYSTEM_CLIENT_ID,
    USER_ASSIGNED_CLIENT_ID,
    USER_ASSIGNED_PRINCIPAL,
    USER_ASSIGNED_RESOURCE_ID,
    WORKLOAD_CLIENT_ID,
    WORKLOAD_SERVICE_PRINCIPAL,
    WORKLOAD_SUBJECT,
)
from mailferry.sandbox.serve import Sandbox
from mailferry.sandbox.settings import SandboxSettings
from mailferry.tokens.api import TokenRefused
from mailferry.tokens.broker import TokenBroker
from mailferry.tokens.entra import EntraFetcher
from mailferry.tokens.secret import read_secret
from mailferry.tokens.settings import SecretSource
from support.identities import ERP, SMTP, SMTP_SEND, claims_of, identity, vault_in
from support.lines import Lines
from support.sandbox_lab import BEFORE
from support.sign_in import Person, session

ROOT = Path(__file__).parents[3]


# A workload of a cluster


async def test_a_workload_by_its_token_file(box: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "token"
    credential = identity(box, client_id=WORKLOAD_CLIENT_ID, federated_token={"file": file})
    with pytest.raises(TokenRefused, match="cannot read the federated token"):
        await EntraFetcher().fetch(credential, SMTP)
    file.write_text(box.workloads.token("someone else"))
    with pytest.raises(TokenRefused) as refused:
        await EntraFetcher().fetch(credential, SMTP)
    assert refused.value.code == "AADSTS700213"
    file.write_text(box.workloads.token(WORKLOAD_SUBJECT) + "\n")  # the cluster renews the file
    claims = claims_of((await EntraFetcher().fetch(credential, SMTP)).value)
    assert (claims["oid"], claims["idtyp"]) == (WORKLOAD_SERVICE_PRINCIPAL, "app")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: os.mkfifo(path), "is no file"),  # it would be waited for, for good
        (lambda path: path.mkdir(), "is no file"),
        (lambda path: path.symlink_to("/dev/zero"), "is no file"),
        (lambda path: path.write_bytes(b"x" * (2 << 20)), "is too large"),
        (lambda path: path.write_bytes(b"\xff\xfe\x00"), "is no text"),
        (lambda path: path.write_text(" \n"), "there is no federated token"),
        (lambda path: None, "cannot read the federated token"),
        (lambda path: path.symlink_to(path), "cannot read the federated token"),
    ],
)
def test_a_token_file_that_is_none(make: Callable[[Path], object], words: str, tmp_path: Path) -> None:
    file = tmp_path / "token"
    make(file)
    with pytest.raises(TokenRefused, match=words):
        read_secret(SecretSource(file=file), {}, "contoso", "federated token")


def test_a_token_file_is_followed_where_a_cluster_links_it(tmp_path: Path) -> None:
    """A projected volume changes by its links (Kubernetes)."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "token").write_text(f"token-{name}\n")
    (tmp_path / "data").symlink_to("one")
    (tmp_path / "token").symlink_to("data/token")
    source = SecretSource(file=tmp_path / "token")
    assert read_secret(source, {}, "contoso", "federated token") == "token-one"
    (tmp_path / "next").symlink_to("two")
    (tmp_path / "next").replace(tmp_path / "data")
    assert read_secret(source, {}, "contoso", "federated token") == "token-two"


async def test_an_assertion_shows_in_no_error(box: Sandbox) -> None:
    token = box.workloads.token("someone else")
    credential = identity(box, client_id=WORKLOAD_CLIENT_ID, federated_token={"env": "T"}, environ={"T": token})
    with pytest.raises(TokenRefused) as refused:
        await EntraFetcher().fetch(credential, SMTP)
    assert token not in f"{refused.value!r} {refused.value.cause}"


# Managed identities: the library reads the environment of its process, so each form has a process of its own

_SCRIPT = """
import asyncio, json, os, sys
from mailferry.tokens.api import TokenError
from mailferry.tokens.credential import Credential
from mailferry.tokens.entra import EntraFetcher
from mailferry.tokens.settings import CredentialSettings

async def ask(wanted):
    settings = CredentialSettings.model_validate({"managed_identity": wanted, "timeout": 10})
    try:
        fetched = await EntraFetcher().fetch(Credential("vm", settings, os.environ), sys.argv[2])
        return {"token": fetched.value, "lifetime": fetched.lifetime}
    except TokenError as error:
        return {"refused": type(error).__name__, "cause": error.cause}

async def main():
    print(json.dumps([await ask(wanted) for wanted in json.loads(sys.argv[1])]))

asyncio.run(main())
"""


async def ask(wanted: list[dict[str, str]], **environ: str) -> list[dict[str, Any]]:
    inherited = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", _SCRIPT, json.dumps(wanted), SMTP],
        capture_output=True,
        text=True,
        check=False,
        env={**inherited, "PYTHONPATH": str(ROOT / "src"), **environ},
    )
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


WANTED: list[dict[str, str]] = [
    {},
    {"client_id": USER_ASSIGNED_CLIENT_ID},
    {"object_id": USER_ASSIGNED_PRINCIPAL},
    {"resource_id": USER_ASSIGNED_RESOURCE_ID},
    {"client_id": "00000000-0000-0000-0000-000000000009"},
]


@pytest.mark.parametrize("form", ["imds", "app service"])
async def test_managed_identities(box: Sandbox, form: str) -> None:
    if form == "imds":
        environ = {"AZURE_POD_IDENTITY_AUTHORITY_HOST": box.imds_url}
    else:
        found = box.endpoints()
        environ = {
            "IDENTITY_ENDPOINT": str(found["identity_endpoint"]),
            "IDENTITY_HEADER": str(found["identity_header"]),
        }
    system, *named, unknown = await ask(WANTED, **environ)
    assert claims_of(system["token"])["appid"] == SYSTEM_CLIENT_ID
    assert {claims_of(one["token"])["appid"] for one in named} == {USER_ASSIGNED_CLIENT_ID}
    assert all(3590 <= one["lifetime"] <= 5400 for one in (system, *named))
    assert unknown["refused"] == "TokenRefused"
    assert "Identity not found" in unknown["cause"] or "No User Assigned" in unknown["cause"]


async def _rogue(take: Callable[[web.Request], web.StreamResponse]) -> tuple[web.AppRunner, str]:
    app = web.Application()

    async def answer(request: web.Request) -> web.StreamResponse:
        return take(request)

    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}"


@pytest.mark.parametrize("form", ["imds", "app service"])
async def test_no_proxy_and_no_redirection_sees_the_key_or_the_token(box: Sandbox, form: str) -> None:
    """Both go in clear, for they do not leave the machine."""
    seen: list[web.Request] = []

    def takes(request: web.Request) -> web.Response:
        seen.append(request)
        return web.json_response({"access_token": "stolen", "expires_in": "3600", "token_type": "Bearer"})

    proxy, address = await _rogue(takes)
    away, moved = await _rogue(lambda request: web.Response(status=302, headers={"Location": f"{address}/token"}))
    try:
        found = box.endpoints()
        header = {} if form == "imds" else {"IDENTITY_HEADER": str(found["identity_header"])}
        name = "AZURE_POD_IDENTITY_AUTHORITY_HOST" if form == "imds" else "IDENTITY_ENDPOINT"
        where = box.imds_url if form == "imds" else str(found["identity_endpoint"])
        proxies = dict.fromkeys(("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"), address)
        [good] = await ask([{}], **{name: where}, **header, **proxies)
        assert claims_of(good["token"])["appid"] == SYSTEM_CLIENT_ID
        [sent_away] = await ask([{}], **{name: moved}, **header)
        assert sent_away["refused"] == "TokenUnavailable"
        assert seen == []
    finally:
        await proxy.cleanup()
        await away.cleanup()


async def test_a_machine_without_that_service() -> None:
    [outcome] = await ask([{}], AZURE_POD_IDENTITY_AUTHORITY_HOST="http://127.0.0.1:1")
    assert outcome["refused"] == "TokenUnavailable"
    assert outcome["cause"].startswith("cannot reach the managed identity service of this machine")


# Several tenants at once


async def test_tokens_of_two_tenants_never_mix(box: Sandbox, person: Person, keys: Keys, tmp_path: Path) -> None:
    """Two sandboxes; a secret and a sign-in in each; one vault, one broker, everything asked for at once."""
    other_id = "5a4db0c5-0000-4000-8000-000000000002"
    vault = vault_in(tmp_path, box.clock)
    async with Sandbox(SandboxSettings(at=BEFORE, running=False), keys=keys) as other:
        other.world.patch({"tenant": {"tenant_id": other_id}})
        secret = {"secret": {"env": "S"}, "environ": {"S": SECRET}, "client_id": SECRET_CLIENT_ID}
        credentials = {
            "contoso": identity(box, "contoso", vault),
            "contoso-app": identity(box, "contoso-app", **secret),
            "fabrikam": identity(other, "fabrikam", vault, tenant_id=other_id),
            "fabrikam-app": identity(other, "fabrikam-app", tenant_id=other_id, **secret),
        }
        async with session(other) as http:
            for who, credential in ((person, credentials["contoso"]), (Person(other, http), credentials["fabrikam"])):
                await signed_in(who, credential)
        broker = TokenBroker(credentials, EntraFetcher(), box.clock, Lines().log)
        for _ in range(3):
            asked = [name for name in credentials for _ in range(5)]
            tokens = await asyncio.gather(*(broker.token(name, SMTP) for name in asked))
            for name, token in zip(asked, tokens, strict=True):
                claims = claims_of(token.value)
                expected = other_id if name.startswith("fabrikam") else box.tenant.tenant_id
                assert (claims["tid"], "scp" in claims) == (expected, not name.endswith("app"))
            box.clock.advance(7200)
            other.clock.advance(7200)
        await broker.close()
    assert vault.load("contoso").tenant_id != vault.load("fabrikam").tenant_id


async def signed_in(person: Person, credential: Any) -> None:
    from mailferry.tokens.login import Login

    flow = Login(credential, ((SMTP_SEND,),))
    await asyncio.to_thread(flow.__enter__)
    try:
        code = await asyncio.to_thread(flow.device)
        await person.approve_device(code.user_code, ERP)
        assert (await asyncio.to_thread(flow.poll))[0] is not None
    finally:
        flow.__exit__()
