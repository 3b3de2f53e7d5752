"""The broker with a scripted fetcher and a clock moved by hand."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from mailferry.clock import ManualClock
from mailferry.tokens.api import AccessToken, TokenError, TokenRefused, TokenUnavailable
from mailferry.tokens.broker import TokenBroker
from mailferry.tokens.credential import Credential
from mailferry.tokens.entra import Fetched
from mailferry.tokens.settings import CredentialSettings, SecretSource
from support.lines import Lines

SMTP = "https://outlook.office365.com/.default"
HVE = "https://outlook.office.com/.default"


def credential(name: str = "contoso", **overrides: object) -> Credential:
    values = {"client_id": "app", "tenant_id": "tenant", "secret": SecretSource(env="S"), **overrides}
    return Credential(name, CredentialSettings.model_validate(values), {"S": "secret"})


class Fetcher:
    """Gives numbered tokens, or what `script` says; waits at the gate when there is one."""

    def __init__(self) -> None:
        self.count = 0
        self.lifetime = 3600.0
        self.script: list[TokenError | str] = []
        self.gate: asyncio.Event | None = None
        self.in_flight: dict[str, int] = {}
        self.most: int = 0
        self._numbers = itertools.count(1)

    async def fetch(self, credential: Credential, scope: str) -> Fetched:
        self.count += 1
        self.in_flight[credential.name] = self.in_flight.get(credential.name, 0) + 1
        self.most = max(self.most, self.in_flight[credential.name])
        try:
            if self.gate is not None:
                await self.gate.wait()
            step = self.script.pop(0) if self.script else f"token-{next(self._numbers)}"
            if isinstance(step, TokenError):
                raise step
            return Fetched(step, self.lifetime)
        finally:
            self.in_flight[credential.name] -= 1


class House:
    def __init__(self, **credentials: Credential) -> None:
        self.clock = ManualClock()
        self.fetcher = Fetcher()
        self.lines = Lines()
        self.credentials = credentials or {"contoso": credential()}
        self.broker = TokenBroker(self.credentials, self.fetcher, self.clock, self.lines.log)

    async def token(self, scope: str = SMTP) -> AccessToken:
        return await self.broker.token("contoso", scope)


@pytest.fixture
def house() -> House:
    return House()


async def meanwhile(until: Callable[[], bool]) -> None:
    """Let threads that read files finish; the test's own time limit bounds it."""
    while not until():  # noqa: ASYNC110 - what happens in a thread tells no event
        await asyncio.sleep(0.001)


async def settle(until: Callable[[], bool] = lambda: False) -> None:
    """Let tasks run that have nothing to wait for."""
    for _ in range(20):
        if until():
            return
        await asyncio.sleep(0)


async def test_a_token_is_fetched_once_and_kept(house: House) -> None:
    first = await house.token()
    house.clock.advance(1000)
    assert await house.token() is first
    assert house.fetcher.count == 1
    assert first.expires == pytest.approx(house.clock.time() + 2600)
    assert house.lines.named("token") == [{"credential": "contoso", "scope": SMTP, "seconds": 3600}]


async def test_many_who_wait_share_one_request(house: House) -> None:
    house.fetcher.gate = asyncio.Event()
    waiters = [asyncio.create_task(house.token()) for _ in range(50)]
    await settle()
    house.fetcher.gate.set()
    tokens = await asyncio.gather(*waiters)
    assert {token.value for token in tokens} == {"token-1"}
    assert house.fetcher.count == 1


async def test_one_who_gives_up_does_not_spoil_it_for_the_others(house: House) -> None:
    house.fetcher.gate = asyncio.Event()
    first, second = asyncio.create_task(house.token()), asyncio.create_task(house.token())
    await settle()
    first.cancel()
    house.fetcher.gate.set()
    assert (await second).value == "token-1"
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_scopes_have_their_own_tokens_but_not_their_own_requests_at_once(house: House) -> None:
    house.fetcher.gate = asyncio.Event()
    waiters = [asyncio.create_task(house.token(scope)) for scope in (SMTP, HVE)]
    await settle()
    house.fetcher.gate.set()
    one, other = await asyncio.gather(*waiters)
    assert one.value != other.value
    assert house.fetcher.most == 1


async def test_renewal_begins_in_the_background_before_the_margin(house: House) -> None:
    first = await house.token()
    house.clock.advance(3600 - 500)
    assert await house.token() is first, "the old one is still good, nobody waits"
    await settle(lambda: house.fetcher.count == 2)
    assert (await house.token()).value == "token-2"


async def test_a_background_renewal_that_fails_hurts_nobody(house: House) -> None:
    first = await house.token()
    house.clock.advance(3600 - 500)
    house.fetcher.script = [TokenUnavailable("down")]
    assert await house.token() is first
    await settle(lambda: house.fetcher.count == 2)
    assert await house.token() is first
    await settle()
    assert house.fetcher.count == 2, "the failure is remembered"
    house.clock.advance(31)
    assert await house.token() is first
    await settle(lambda: house.fetcher.count == 3)
    assert (await house.token()).value == "token-2"


async def test_inside_the_margin_the_old_one_is_not_given(house: House) -> None:
    await house.token()
    house.clock.advance(3600 - 300)
    assert (await house.token()).value == "token-2"


async def test_high_volume_email_wants_twenty_minutes(house: House) -> None:
    await house.token(HVE)
    house.clock.advance(3600 - 1200)
    assert (await house.token(HVE)).value == "token-2"


async def test_a_token_shorter_than_the_margin_is_used_for_half_of_its_life(house: House) -> None:
    house.fetcher.lifetime = 400
    first = await house.token()
    house.clock.advance(140)
    assert await house.token() is first
    await settle()
    assert house.fetcher.count == 1, "no renewal at every use"
    house.clock.advance(61)
    assert (await house.token()).value == "token-2"


async def test_a_clock_set_back_makes_a_token_suspect(house: House) -> None:
    await house.token()
    house.clock.advance(-7200)
    assert (await house.token()).value == "token-2"


async def test_a_refused_token_is_replaced_once_for_all(house: House) -> None:
    first = await house.token()
    renewed = await asyncio.gather(*(house.broker.refresh(first) for _ in range(5)))
    assert {token.value for token in renewed} == {"token-2"}
    assert (await house.broker.refresh(first)).value == "token-2", "a late one gets what is there"
    assert house.fetcher.count == 2


async def test_a_service_that_gives_the_same_token_again_is_asked_once(house: House) -> None:
    house.fetcher.script = ["same", "same", "same"]
    first = await house.token()
    again = await house.broker.refresh(first)
    assert await house.broker.refresh(again) is again, "the refusal stands"
    assert await house.broker.refresh(again, named=True) is again
    assert house.fetcher.count == 2


async def test_a_refusal_of_one_mailbox_takes_the_token_from_nobody(house: House) -> None:
    first = await house.token()
    house.fetcher.gate = asyncio.Event()
    refused = asyncio.create_task(house.broker.refresh(first))
    await settle(lambda: house.fetcher.count == 2)
    assert await house.token() is first, "the others need not wait"
    house.fetcher.script = [TokenUnavailable("down")]
    house.fetcher.gate.set()
    with pytest.raises(TokenUnavailable):
        await refused
    assert await house.token() is first, "nor lose it where no new one can be had"


async def test_a_refusal_that_names_the_token_takes_it_from_all(house: House) -> None:
    first = await house.token()
    house.fetcher.gate = asyncio.Event()
    renewals = [asyncio.create_task(house.broker.refresh(first, named=True)), asyncio.create_task(house.token())]
    await settle()
    house.fetcher.gate.set()
    assert {(await one).value for one in renewals} == {"token-2"}
    assert house.fetcher.count == 2


async def test_a_hundred_mailboxes_without_a_grant_force_one_renewal(house: House) -> None:
    """Each is refused with whatever token there is, again and again for an hour."""
    token = await house.token()
    for _ in range(100):
        token = await house.broker.refresh(await house.token())
    assert house.fetcher.count == 2
    house.clock.advance(601)  # a grant that was given meanwhile shows in a new token
    renewed = await house.broker.refresh(token)
    assert renewed.value != token.value
    assert house.fetcher.count == 3


async def test_a_service_that_refuses_every_token_by_name_is_asked_once_a_minute(house: House) -> None:
    for _ in range(10):
        await house.broker.refresh(await house.token(), named=True)
    assert house.fetcher.count == 2
    house.clock.advance(61)
    await house.broker.refresh(await house.token(), named=True)
    assert house.fetcher.count == 3


async def test_a_refusal_is_remembered_longer_each_time(house: House) -> None:
    house.fetcher.script = [TokenRefused("secret expired", "AADSTS7000222") for _ in range(7)]
    pauses = []
    for _ in range(6):
        with pytest.raises(TokenRefused) as caught:
            await house.token()
        with pytest.raises(TokenRefused) as remembered:
            await house.token()
        assert remembered.value.code == caught.value.code == "AADSTS7000222"
        assert remembered.value.retry_after is not None
        pauses.append(remembered.value.retry_after)
        house.clock.advance(pauses[-1])
    assert pauses == pytest.approx([30, 60, 120, 240, 300, 300])
    assert house.fetcher.count == 6
    assert len(house.lines.named("token failed")) == 6
    house.fetcher.script = []
    assert (await house.token()).value == "token-1"


async def test_retry_after_is_honoured(house: House) -> None:
    house.fetcher.script = [TokenUnavailable("too many requests", retry_after=120)]
    with pytest.raises(TokenUnavailable):
        await house.token()
    house.clock.advance(119)
    with pytest.raises(TokenUnavailable):
        await house.token()
    house.clock.advance(2)
    assert (await house.token()).value == "token-1"


async def test_an_absurd_retry_after_is_not(house: House) -> None:
    house.fetcher.script = [TokenUnavailable("too many requests", retry_after=1e9)]
    with pytest.raises(TokenUnavailable):
        await house.token()
    house.clock.advance(3600)
    assert (await house.token()).value == "token-1"


async def test_a_clock_set_back_does_not_prolong_a_refusal(house: House) -> None:
    house.fetcher.script = [TokenUnavailable("down")]
    with pytest.raises(TokenUnavailable):
        await house.token()
    house.clock.advance(-86400)
    assert (await house.token()).value == "token-1"


async def test_each_waiter_gets_an_exception_of_its_own(house: House) -> None:
    house.fetcher.gate = asyncio.Event()
    house.fetcher.script = [TokenRefused("no")]
    waiters = [asyncio.create_task(house.token()) for _ in range(3)]
    await settle()
    house.fetcher.gate.set()
    errors = await asyncio.gather(*waiters, return_exceptions=True)
    assert len({id(error) for error in errors}) == 3
    assert house.fetcher.count == 1


async def test_an_unknown_credential_is_refused(house: House) -> None:
    with pytest.raises(TokenRefused, match="no credential is called 'fabrikam'"):
        await house.broker.token("fabrikam", SMTP)


@pytest.mark.parametrize("seconds", [3400, -60])
async def test_a_clock_that_jumps_while_a_token_is_fetched(house: House, seconds: float) -> None:
    house.fetcher.gate = asyncio.Event()
    waiter = asyncio.create_task(house.token())
    await settle()
    house.clock.advance(seconds)
    house.fetcher.gate.set()
    with pytest.raises(TokenUnavailable, match="clock jumped"):
        await waiter
    house.clock.advance(31)
    assert (await house.token()).value == "token-2"


async def test_closing_ends_who_waits_and_who_comes(house: House) -> None:
    house.fetcher.gate = asyncio.Event()
    waiter = asyncio.create_task(house.token())
    await settle()
    await house.broker.close()
    with pytest.raises(TokenUnavailable, match="stopping"):
        await waiter
    with pytest.raises(TokenUnavailable, match="stopping"):
        await house.token()


async def test_expiry_is_warned_about_at_the_start_and_every_day(tmp_path: Path) -> None:
    exposed = tmp_path / "secret"
    exposed.write_text("x")
    exposed.chmod(0o644)
    house = House(
        soon=credential("soon", secret_expires=date(2026, 12, 4)),
        later=credential("later", secret_expires=date(2027, 6, 1)),
        unknown=credential("unknown", secret=SecretSource(file=exposed)),
    )
    house.clock.set(datetime(2026, 11, 24, tzinfo=UTC))
    house.broker.start()
    house.broker.start()
    exposures = "secret file is readable by others"
    await meanwhile(lambda: len(house.lines.named(exposures)) == 1)
    assert house.lines.named("expiry warning") == [{"what": "client secret of soon", "days": 10.0}]
    house.clock.advance(86400)
    await meanwhile(lambda: len(house.lines.named(exposures)) == 2)
    assert [line["days"] for line in house.lines.named("expiry warning")] == [10.0, 9.0]
    await house.broker.close()


async def test_a_certificate_that_cannot_be_read_is_said_and_the_others_go_on(tmp_path: Path) -> None:
    house = House(
        broken=credential("broken", secret=None, certificate={"file": tmp_path / "none.pem"}),
        soon=credential("soon", secret_expires=date(2026, 12, 4)),
    )
    expiries = await house.broker.expiries()
    assert [expiry.credential for expiry in expiries] == ["soon"]
    [line] = house.lines.named("credential cannot be read")
    assert "No such file" in line["cause"]


async def test_a_secret_that_was_replaced_ends_a_remembered_refusal(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("old")
    house = House(contoso=credential(secret=SecretSource(file=file)))
    house.fetcher.script = [TokenRefused("The client secret has expired.", "AADSTS7000222")]
    for _ in range(2):
        with pytest.raises(TokenRefused):
            await house.broker.token("contoso", SMTP)
    assert await house.broker.look() == frozenset()
    assert house.fetcher.count == 1
    file.write_text("new secret")
    assert await house.broker.look() == {"contoso"}
    assert (await house.broker.token("contoso", SMTP)).value == "token-1"
    file.write_text("another one, while all is well")
    assert await house.broker.look() == frozenset()
