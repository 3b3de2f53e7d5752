"""A user signs in, and tokens are renewed: MSAL unchanged against the sandbox's pages and token endpoint."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web

from mailferry.m365.clouds import cloud, clouds
from mailferry.sandbox.faults import Fault
from mailferry.sandbox.organisation_identities import SIGN_IN_CLIENT_ID
from mailferry.sandbox.serve import Sandbox
from mailferry.tokens.api import TokenError, TokenRefused, TokenUnavailable
from mailferry.tokens.credential import Credential
from mailferry.tokens.delegated import scopes_for
from mailferry.tokens.entra import EntraFetcher
from mailferry.tokens.login import Login, SignedIn
from mailferry.tokens.loopback import Loopback
from support.identities import ERP, GRAPH, MAIL_SEND, SMTP, SMTP_SEND, UPS, claims_of, identity, vault_in
from support.sign_in import Person

Scopes = Sequence[tuple[str, ...]]


@pytest.fixture
def credential(box: Sandbox, tmp_path: Path) -> Credential:
    return identity(box, vault=vault_in(tmp_path / "vault", box.clock))


@asynccontextmanager
async def login(credential: Credential, scopes: Scopes) -> AsyncIterator[Login]:
    """The sandbox answers in this thread, so nothing of a login may block it."""
    flow = Login(credential, scopes)
    await asyncio.to_thread(flow.__enter__)
    try:
        yield flow
    finally:
        flow.__exit__()


async def by_device(
    credential: Credential, person: Person, user: str = ERP, scopes: Scopes = ((SMTP_SEND,),)
) -> SignedIn:
    async with login(credential, scopes) as flow:
        code = await asyncio.to_thread(flow.device)
        assert (await asyncio.to_thread(flow.poll))[0] is None
        await person.approve_device(code.user_code, user)
        signed_in, _ = await asyncio.to_thread(flow.poll)
        assert signed_in is not None
        return signed_in


async def failure(credential: Credential, scope: str = SMTP) -> TokenError:
    with pytest.raises(TokenError) as caught:
        await EntraFetcher().fetch(credential, scope)
    assert caught.value.__context__ is None
    return caught.value


async def test_device_code_then_tokens(credential: Credential, person: Person) -> None:
    signed_in = await by_device(credential, person)
    assert (signed_in.user, signed_in.scopes) == (ERP, (SMTP_SEND,))
    fetched = await EntraFetcher().fetch(credential, SMTP)
    claims = claims_of(fetched.value)
    assert (claims["upn"], claims["scp"], claims["aud"]) == (ERP, "SMTP.Send", "https://outlook.office.com")
    assert 3599 <= fetched.lifetime <= 5399


async def test_each_renewal_keeps_the_new_refresh_token(credential: Credential, person: Person, box: Sandbox) -> None:
    await by_device(credential, person)
    box.world.tune(entra={"used_refresh_tokens": "refuse"})  # a server that takes each one once
    seen = {credential.kept().refresh_token}
    for _ in range(3):
        box.clock.advance(3600)
        await EntraFetcher().fetch(credential, SMTP)
        seen.add(credential.kept().refresh_token)
    assert len(seen) == 4
    assert credential.kept().renewed == box.clock.time()


async def test_two_resources_by_one_sign_in(credential: Credential, person: Person, box: Sandbox) -> None:
    """An administrator consented, for a device code asks for one resource only."""
    delegated = {"delegated": {"admin_consented": True}}
    box.world.patch({"tenant": {"applications": {SIGN_IN_CLIENT_ID: delegated}}})
    signed_in = await by_device(credential, person, scopes=((SMTP_SEND,), (MAIL_SEND,)))
    assert signed_in.scopes == (SMTP_SEND, MAIL_SEND)
    graph = claims_of((await EntraFetcher().fetch(credential, GRAPH)).value)
    assert (graph["aud"], graph["scp"]) == ("https://graph.microsoft.com", "Mail.Send")
    assert claims_of((await EntraFetcher().fetch(credential, SMTP)).value)["scp"] == "SMTP.Send"


async def test_without_that_consent_nothing_is_kept(credential: Credential, person: Person) -> None:
    with pytest.raises(TokenRefused) as refused:
        await by_device(credential, person, scopes=((SMTP_SEND,), (MAIL_SEND,)))
    assert refused.value.code == "AADSTS65001"
    assert not credential.vault.file("contoso").exists()


# The browser


async def by_browser(
    credential: Credential, person: Person, user: str = ERP, decision: str = "accept", scopes: Scopes = ((SMTP_SEND,),)
) -> SignedIn:
    async with Loopback() as loopback, login(credential, scopes) as flow:
        address, state = await asyncio.to_thread(flow.browser, loopback.redirect_uri)
        assert "code_challenge_method=S256" in address
        assert "response_mode=form_post" in address
        loopback.expect(state)
        await person.approve(address, user, decision)
        forged = await person.post(loopback.redirect_uri, {**person.hidden, "state": "forged"})
        assert forged == 400
        assert await person.post(loopback.redirect_uri, person.hidden) == 200
        assert await person.post(loopback.redirect_uri, person.hidden) == 400, "taken once"
        return await asyncio.to_thread(flow.redeem, await loopback.received())


async def test_the_browser_brings_a_code_back(credential: Credential, person: Person) -> None:
    signed_in = await by_browser(credential, person, scopes=((SMTP_SEND,), (MAIL_SEND,)))
    assert signed_in.scopes == (SMTP_SEND, MAIL_SEND), "one consent for both"
    assert claims_of((await EntraFetcher().fetch(credential, GRAPH)).value)["scp"] == "Mail.Send"


async def test_whoever_declines_is_told(credential: Credential, person: Person) -> None:
    with pytest.raises(TokenRefused) as refused:
        await by_browser(credential, person, decision="cancel")
    assert refused.value.code == "AADSTS65004"
    assert not credential.vault.file("contoso").exists()


async def test_other_addresses_of_the_receiving_end(person: Person) -> None:
    async with Loopback() as loopback:
        assert await person.post(loopback.redirect_uri, {"state": ""}) == 400, "before a state is expected"
        assert await person.post(f"{loopback.redirect_uri}/favicon.ico", {}) == 404


async def test_the_receiving_end_shares_its_port_with_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A browser that takes "localhost" for ::1 must not bring the answer to another user's program."""
    taken: list[int] = []
    start = web.TCPSite.start

    async def started(site: web.TCPSite) -> None:
        if site._host == "::1" and not taken:
            taken.append(site._port or 0)
            raise OSError(errno.EADDRINUSE, "in use")
        await start(site)

    monkeypatch.setattr(web.TCPSite, "start", started)
    async with Loopback() as loopback:
        assert taken
        assert not loopback.redirect_uri.endswith(f":{taken[0]}")


# Who signs in


async def test_another_account_is_turned_away(box: Sandbox, person: Person, tmp_path: Path) -> None:
    wanted = identity(box, vault=vault_in(tmp_path), sign_in={"user": UPS})
    with pytest.raises(TokenRefused, match=f"{ERP} signed in, but {UPS} has to; nothing was kept"):
        await by_device(wanted, person)
    assert not wanted.vault.file("contoso").exists()


async def test_a_device_code_that_was_declined_or_has_expired(
    credential: Credential, person: Person, box: Sandbox
) -> None:
    async with login(credential, ((SMTP_SEND,),)) as flow:
        code = await asyncio.to_thread(flow.device)
        await person.approve_device(code.user_code, ERP, "cancel")
        with pytest.raises(TokenRefused) as refused:
            await asyncio.to_thread(flow.poll)
        assert "declined" in refused.value.cause
        await asyncio.to_thread(flow.device)
        box.clock.advance(900)
        with pytest.raises(TokenRefused) as late:
            await asyncio.to_thread(flow.poll)
        assert late.value.code == "AADSTS70020"


async def test_slow_down_is_heeded(credential: Credential, box: Sandbox) -> None:
    async with login(credential, ((SMTP_SEND,),)) as flow:
        await asyncio.to_thread(flow.device)
        box.clock.set(box.clock.now(), running=True)
        waits = [(await asyncio.to_thread(flow.poll))[1] for _ in range(2)]
    assert waits == [0.0, 5.0]


async def test_a_wrong_tenant_and_an_application_that_is_not_public(box: Sandbox, tmp_path: Path) -> None:
    delegated = {"delegated": {"public_client": False}}
    box.world.patch({"tenant": {"applications": {SIGN_IN_CLIENT_ID: delegated}}})
    async with login(identity(box, vault=vault_in(tmp_path)), ((SMTP_SEND,),)) as flow:
        with pytest.raises(TokenRefused) as refused:
            await asyncio.to_thread(flow.device)
        assert refused.value.code == "AADSTS7000218"
    elsewhere = identity(box, vault=vault_in(tmp_path), tenant_id="other.example")
    with pytest.raises(TokenRefused) as unknown:
        await asyncio.to_thread(Login(elsewhere, ((SMTP_SEND,),)).__enter__)
    assert unknown.value.code == "AADSTS90002"


# What ends a sign-in


@pytest.mark.parametrize("how", ["password", "disuse", "conditional access", "consent"])
async def test_an_ended_sign_in_says_what_to_do(credential: Credential, person: Person, box: Sandbox, how: str) -> None:
    await by_device(credential, person)
    number = {"password": 50173, "disuse": 700082, "conditional access": 53003, "consent": 65001}[how]
    if how == "password":
        since = (box.clock.now() + timedelta(seconds=1)).isoformat()
        box.world.patch({"tenant": {"mailboxes": {ERP: {"sessions_valid_from": since}}}})
    elif how == "disuse":
        box.clock.advance(timedelta(days=90).total_seconds())
    elif how == "consent":
        box.world.flows.consents.clear()
    else:
        body = '{"error": "interaction_required", "error_description": "AADSTS53003: Access has been blocked."}'
        fault = {"surface": "token", "at": "request", "action": "reply", "status": 400, "body": body}
        box.faults.add(Fault.model_validate(fault))
    before = credential.kept()
    error = await failure(credential)
    assert isinstance(error, TokenRefused)
    assert error.code == f"AADSTS{number}"
    assert error.cause.endswith("Sign in again: mailferry login contoso")
    assert credential.kept() == before, "nothing is deleted"


async def test_a_service_that_is_down_ends_nothing(credential: Credential, person: Person, box: Sandbox) -> None:
    await by_device(credential, person)
    fault = {"surface": "token", "at": "request", "action": "reply", "status": 503, "body": "{}", "retry_after": 7}
    box.faults.add(Fault.model_validate(fault))
    error = await failure(credential)
    assert isinstance(error, TokenUnavailable)
    box.faults.clear()
    assert (await EntraFetcher().fetch(credential, SMTP)).value


async def test_nobody_has_signed_in_yet(credential: Credential) -> None:
    assert "nobody has signed in yet; run: mailferry login contoso" in (await failure(credential)).cause


async def test_a_permission_that_was_not_asked_for(credential: Credential, person: Person) -> None:
    await by_device(credential, person)
    assert "does not cover" in (await failure(credential, GRAPH)).cause


async def test_an_application_that_was_exchanged(credential: Credential, person: Person, box: Sandbox) -> None:
    await by_device(credential, person)
    other = identity(box, vault=credential.vault, client_id="another")
    assert "of another application" in (await failure(other)).cause


async def test_what_cannot_be_kept_holds_no_mail(
    credential: Credential, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    await by_device(credential, person)
    before = credential.kept().refresh_token

    def full(*_: object) -> bool:
        raise TokenUnavailable("contoso: cannot keep the sign-in: No space left on device")

    monkeypatch.setattr(type(credential.vault), "replace", full)
    fetched = await EntraFetcher().fetch(credential, SMTP)
    assert fetched.value
    assert "No space left" in fetched.trouble
    assert credential.kept().refresh_token == before, "which Entra goes on taking"


@pytest.mark.parametrize("name", sorted(clouds()))
def test_scopes_by_cloud(name: str) -> None:
    """What a route asks for as an application becomes what the user consented to, in every cloud."""
    where = cloud(name)
    graph = f"{where.graph}/Mail.Send"
    consented = (where.smtp_send_scope, graph)
    assert scopes_for(where, where.smtp_scope, consented) == (where.smtp_send_scope,)
    assert scopes_for(where, where.graph_scope, consented) == (graph,)
    assert scopes_for(where, graph, consented) == (graph,)
    assert scopes_for(where, "https://elsewhere.example/.default", consented) == ()
