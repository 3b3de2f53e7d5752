"""Properties 9 and 12: one request at a time, never a token inside its margin, and no secret anywhere."""

from __future__ import annotations

import asyncio
import base64
import io
import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import trustme
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mailferry.clock import ManualClock
from mailferry.tokens.api import AccessToken, TokenError, TokenRefused, TokenUnavailable
from mailferry.tokens.broker import TokenBroker
from mailferry.tokens.credential import Credential
from mailferry.tokens.entra import EntraFetcher, Fetched
from mailferry.tokens.settings import CredentialSettings, SecretSource
from support.identities import kept, vault_in
from support.lines import Lines
from support.token_endpoint import CLIENT, SCOPE, TENANT, Script, json_answer, raw, refusal, token_endpoint

SCOPES = ["https://outlook.office365.com/.default", "https://outlook.office.com/.default"]
NAMES = ["contoso", "fabrikam"]


class Fetcher:
    """Counts what is in flight per credential; answers when the test lets it."""

    def __init__(self) -> None:
        self.waiting: list[asyncio.Future[Fetched]] = []
        self.in_flight: dict[str, int] = dict.fromkeys(NAMES, 0)
        self.most = 0

    async def fetch(self, credential: Credential, scope: str) -> Fetched:
        self.in_flight[credential.name] += 1
        self.most = max(self.most, self.in_flight[credential.name])
        answer: asyncio.Future[Fetched] = asyncio.get_running_loop().create_future()
        self.waiting.append(answer)
        try:
            return await answer
        finally:
            self.in_flight[credential.name] -= 1


def settings(**values: object) -> CredentialSettings:
    base = {"client_id": CLIENT, "tenant_id": TENANT, "secret": SecretSource(env="S")}
    return CredentialSettings.model_validate({**base, **values})


ASK = st.tuples(st.just("token"), st.sampled_from(NAMES), st.sampled_from(SCOPES))
LIFETIMES = st.sampled_from([1.0, 250.0, 600.0, 3600.0, 86_400.0]) | st.floats(1, 90_000)
ADVANCE = st.sampled_from([-50.0, 1.0, 31.0, 290.0, 1150.0, 2375.0, 3280.0, 3310.0]) | st.floats(-100, 5000)
STEPS = st.lists(
    st.one_of(
        ASK,
        st.tuples(st.just("age"), ASK, ADVANCE),
        st.tuples(st.just("refresh"), st.integers(0, 30)),
        st.tuples(st.just("advance"), ADVANCE),
        st.tuples(st.just("answer"), LIFETIMES),
        st.tuples(st.just("answer"), st.just(3600.0)),
        st.tuples(st.just("refuse"), st.sampled_from([TokenRefused, TokenUnavailable]), st.none() | st.floats(0, 500)),
        st.tuples(st.just("give up"), st.integers(0, 30)),
    ),
    min_size=12,
    max_size=60,
)


class Run:
    """One random history of the broker."""

    def __init__(self) -> None:
        self.clock, self.fetcher = ManualClock(), Fetcher()
        self.credentials = {name: Credential(name, settings(), {"S": "x"}) for name in NAMES}
        self.broker = TokenBroker(self.credentials, self.fetcher, self.clock, Lines().log)
        self.tasks: list[asyncio.Task[None]] = []
        self.tokens: list[AccessToken] = []
        self.lifetimes: dict[str, float] = {}
        self.shortest = float("inf")

    async def ask(self, name: str, scope: str) -> None:
        try:
            token = await self.broker.token(name, scope)
        except TokenError:
            return
        self.check(token)

    async def renew(self, token: AccessToken) -> None:
        try:
            self.check(await self.broker.refresh(token))
        except TokenError:
            return

    def check(self, token: AccessToken) -> None:
        """The property itself; between the answer and its use the test does not move the clock."""
        lifetime = self.lifetimes[token.value]
        margin = min(self.credentials[token.credential].margin(token.scope), lifetime / 2)
        self.shortest = min(self.shortest, token.expires - self.clock.time() - margin)
        self.tokens.append(token)

    async def age(self, number: int, ask: tuple[object, ...], advance: float) -> None:
        """A token is fetched, grows old, and is asked for again: what chance alone would seldom put together."""
        for step in (ask, ("answer", 3600.0), ("advance", advance), ask):
            await self.step(number, step)

    async def step(self, number: int, step: tuple[object, ...]) -> None:
        match step:
            case ("age", tuple() as ask, float(advance)):
                await self.age(number, ask, advance)
            case ("token", str(name), str(scope)):
                self.tasks.append(asyncio.create_task(self.ask(name, scope)))
            case ("refresh", int(index)) if self.tokens:
                self.tasks.append(asyncio.create_task(self.renew(self.tokens[index % len(self.tokens)])))
            case ("advance", float(seconds)):
                self.clock.advance(seconds)
            case ("answer", float(lifetime)) if self.fetcher.waiting:
                self.lifetimes[f"token-{number}"] = lifetime
                self.fetcher.waiting.pop(0).set_result(Fetched(f"token-{number}", lifetime))
            case ("refuse", type() as kind, retry_after) if self.fetcher.waiting:
                self.fetcher.waiting.pop(0).set_exception(kind("no", "", retry_after))
            case ("give up", int(index)) if self.tasks:
                self.tasks[index % len(self.tasks)].cancel()
            case _:
                pass
        for _ in range(8):
            await asyncio.sleep(0)
        self.fetcher.waiting = [answer for answer in self.fetcher.waiting if not answer.done()]


@pytest.mark.timeout(600)  # the long form
@given(steps=STEPS)
def test_one_request_at_a_time_and_never_a_token_inside_its_margin(steps: list[tuple[object, ...]]) -> None:
    async def history() -> None:
        run = Run()
        for number, step in enumerate(steps):
            await run.step(number, step)
        await run.broker.close()
        for result in await asyncio.gather(*run.tasks, return_exceptions=True):
            if not isinstance(result, asyncio.CancelledError) and isinstance(result, BaseException):
                raise result
        assert run.fetcher.most <= 1, "two requests at once for one credential"
        assert run.shortest > -1e-3, "a token inside its margin"

    asyncio.run(history())


@contextmanager
def everything_logged() -> Iterator[io.StringIO]:
    """All that any logger of the process writes, at the lowest level."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s"))
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield stream
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


def scripts(secret: str) -> list[Script]:
    """Answers of an endpoint that repeats whatever it was sent."""
    return [
        lambda: refusal(401, "invalid_client", 7000215, f"Invalid client secret provided: {secret}"),
        lambda: refusal(400, "odd", 999999, secret),
        lambda: refusal(429, "odd", 999999, secret, {"Retry-After": "1"}),
        lambda: json_answer({"error": secret[:40], "error_description": secret}, 400),
        lambda: json_answer({"access_token": secret}),
        lambda: json_answer({"access_token": secret, "expires_in": "never"}),
        lambda: raw(500, secret.encode()),
        lambda: raw(200, secret.encode()),
        lambda: json_answer({"access_token": f"bearer-{secret}", "expires_in": 3600}),
    ]


_CA = trustme.CA()
_EXAMPLES = hypothesis_settings().max_examples  # of the profile that conftest chose
SECRETS = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789~._-", min_size=34, max_size=40)


@pytest.mark.timeout(600)
@hypothesis_settings(max_examples=min(300, _EXAMPLES))  # each starts an endpoint
@given(secret=SECRETS, order=st.lists(st.integers(0, 8), min_size=1, max_size=4))
def test_no_secret_shows_anywhere(secret: str, order: list[int]) -> None:
    seen: list[str] = []

    async def history(directory: Path) -> None:
        async with token_endpoint(directory, _CA) as endpoint:
            endpoint.next = [scripts(secret)[number] for number in order]
            values = settings(authority=endpoint.url, ca_file=endpoint.ca_file)
            credential = Credential("contoso", values, {"S": secret})
            clock, lines = ManualClock(), Lines()
            broker = TokenBroker({"contoso": credential}, EntraFetcher(), clock, lines.log)
            for _ in order:
                try:
                    token = await broker.token("contoso", SCOPE)
                    seen.append(f"{token!r} {token}")
                except TokenError as error:
                    seen.append(f"{error!r} {error} {error.cause} {error.code}")
                    seen.extend(traceback.format_exception(error))
                clock.advance(5000)
            seen.extend([repr(broker), repr(credential), repr(values), repr(lines.lines), str(vars(broker))])
            await broker.close()

    with everything_logged() as stream, TemporaryDirectory() as directory:
        asyncio.run(history(Path(directory)))
    seen.append(stream.getvalue())
    assert [text for text in seen if secret in text] == []


def signed_in_answers(secret: str) -> list[Script]:
    """Answers to a refresh token by an endpoint that repeats it, and gives secrets of its own."""
    return [
        lambda: refusal(400, "invalid_grant", 50173, f"revoked: {secret}"),
        lambda: refusal(400, "odd", 999999, secret),
        lambda: json_answer({"error": secret[:40], "error_description": secret}, 400),
        lambda: raw(503, secret.encode()),
        lambda: raw(200, secret.encode()),
        lambda: json_answer(
            {"access_token": f"bearer-{secret}", "expires_in": 3600, "refresh_token": f"next-{secret}"}
        ),
        lambda: json_answer({"access_token": f"bearer-{secret}", "expires_in": "x", "refresh_token": f"next-{secret}"}),
    ]


@pytest.mark.timeout(600)
@hypothesis_settings(max_examples=min(100, _EXAMPLES))
@given(
    secret=SECRETS,
    assertion=SECRETS,
    order=st.lists(st.integers(0, 6), min_size=1, max_size=3),
    damage=st.sampled_from(["", "key", "file"]),
)
def test_no_sign_in_key_or_assertion_shows_anywhere(secret: str, assertion: str, order: list[int], damage: str) -> None:
    """Refresh tokens of a sign-in with the vault's key, and the token of a workload, against an endpoint that repeats
    what it was sent."""
    seen: list[str] = []
    vault_key = base64.b64encode(secret.encode()[:32]).decode()

    async def history(directory: Path) -> None:
        async with token_endpoint(directory, _CA) as endpoint:
            clock, lines = ManualClock(), Lines()
            vault = vault_in(directory / "vault", clock, KEY=vault_key)
            common = {"client_id": CLIENT, "tenant_id": TENANT, "authority": endpoint.url, "ca_file": endpoint.ca_file}
            user = CredentialSettings.model_validate({**common, "sign_in": {}})
            workload = CredentialSettings.model_validate({**common, "federated_token": {"env": "T"}})
            credentials = {
                "user": Credential("user", user, {}, vault),
                "workload": Credential("workload", workload, {"T": assertion}),
            }
            vault.save("user", kept(refresh_token=secret, client_id=CLIENT))
            seen.extend(path.read_bytes().decode("latin-1") for path in vault.directory.iterdir())
            if damage == "file":
                vault.file("user").write_bytes(vault.file("user").read_bytes()[:-9] + secret.encode())
            elif damage == "key":
                credentials["user"] = Credential("user", user, {}, vault_in(directory / "vault", clock, KEY=secret))
            broker = TokenBroker(credentials, EntraFetcher(), clock, lines.log)
            sent = secret
            for number in order:
                endpoint.next = [signed_in_answers(sent)[number]]
                await ask(broker, "user", seen)
                if number >= 5:  # it was replaced: that is what the endpoint may repeat from now on
                    sent = f"next-{sent}"
                endpoint.next = [scripts(assertion)[number]]
                await ask(broker, "workload", seen)
                clock.advance(5000)
            await broker.check_expiry()
            seen.extend([repr(broker), repr(credentials), repr(lines.lines), str(vars(broker)), repr(vault)])
            await broker.close()

    with everything_logged() as stream, TemporaryDirectory() as directory:
        asyncio.run(history(Path(directory)))
    seen.append(stream.getvalue())
    for hidden in (secret, assertion, vault_key):
        assert [text for text in seen if hidden in text] == []


async def ask(broker: TokenBroker, name: str, seen: list[str]) -> None:
    try:
        token = await broker.token(name, SCOPE)
        seen.append(f"{token!r} {token}")
    except TokenError as error:
        seen.append(f"{error!r} {error} {error.cause} {error.code}")
        seen.extend(traceback.format_exception(error))
