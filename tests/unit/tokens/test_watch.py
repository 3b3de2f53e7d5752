"""The daily watch: it warns, it alarms, it ends alarms, and nothing stops it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from mailferry.alarms.api import Alarm, Code, Severity
from mailferry.clock import ManualClock
from mailferry.tokens.broker import TokenBroker
from mailferry.tokens.credential import Credential, Expiry
from mailferry.tokens.entra import Fetched
from mailferry.tokens.settings import CredentialSettings
from support.identities import kept, key, vault_in
from support.lines import Lines

NOW = datetime(2026, 11, 24, tzinfo=UTC)
DAY = 86400.0


class Alarms:
    def __init__(self) -> None:
        self.raised: list[Alarm] = []
        self.resolved: list[tuple[Code, str]] = []

    def raise_(self, alarm: Alarm) -> None:
        self.raised.append(alarm)

    def resolve(self, code: Code, key: str) -> None:
        self.resolved.append((code, key))


class Fetcher:
    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    async def fetch(self, credential: Credential, scope: str) -> Fetched:
        self.asked.append((credential.name, scope))
        return Fetched("token", 3600)


class House:
    def __init__(self, *credentials: Credential) -> None:
        self.clock, self.lines, self.alarms, self.fetcher = ManualClock(NOW), Lines(), Alarms(), Fetcher()
        named = {one.name: one for one in credentials}
        self.broker = TokenBroker(named, self.fetcher, self.clock, self.lines.log, self.alarms)

    @property
    def metrics(self) -> str:
        return self.lines.log.metrics.render().decode()


def credential(name: str, vault: Any = None, **settings: Any) -> Credential:
    values: dict[str, Any] = {"client_id": "app", "tenant_id": "tenant", **settings}
    if "sign_in" not in settings:
        values["secret"] = {"env": "S"}
    return Credential(name, CredentialSettings.model_validate(values), {"S": "secret"}, vault)


async def meanwhile(until: Callable[[], bool]) -> None:
    while not until():  # noqa: ASYNC110 - what happens in a thread tells no event
        await asyncio.sleep(0.001)


@pytest.mark.parametrize(
    ("day", "severity", "words"),
    [
        (date(2026, 12, 20), Severity.WARNING, "ends in 26 days"),
        (date(2026, 11, 30), Severity.ERROR, "ends in 6 days"),
        (date(2026, 11, 25), Severity.ERROR, "ends in 1 day "),
        (date(2026, 11, 20), Severity.CRITICAL, "has ended"),
    ],
)
async def test_an_alarm_says_what_when_and_what_to_do(day: date, severity: Severity, words: str) -> None:
    house = House(credential("contoso", secret_expires=day))
    await house.broker.check_expiry()
    [alarm] = house.alarms.raised
    assert (alarm.code, alarm.key, alarm.severity) == (Code.EXPIRY, "contoso", severity)
    assert words in alarm.text.en
    assert f"{day}" in alarm.text.ja
    assert "client secret" in alarm.cure.en
    assert "mailferry_expiry_days" in house.metrics
    assert len(house.lines.named("expiry warning")) == 1


async def test_a_renewed_secret_ends_the_alarm() -> None:
    house = House(credential("contoso", secret_expires=date(2027, 6, 1)))
    await house.broker.check_expiry()
    assert house.alarms.raised == []
    assert house.alarms.resolved == [(Code.EXPIRY, "contoso")]


class Broken(Credential):
    """Raises what nobody expects, once."""

    __slots__ = ("left",)

    def expiry(self) -> Expiry | None:
        self.left = getattr(self, "left", 1) - 1
        if self.left >= 0:
            raise RuntimeError("a secret: hunter2")
        return super().expiry()


async def test_what_nobody_expects_stops_neither_the_others_nor_the_next_day() -> None:
    soon = date(2026, 12, 4)
    settings = credential("broken", secret_expires=soon).settings
    house = House(Broken("broken", settings, {"S": "secret"}), credential("soon", secret_expires=soon))
    house.broker.start()
    await meanwhile(lambda: len(house.lines.named("expiry warning")) == 1)
    [line] = house.lines.named("expiry watch failed")
    assert line == {"credential": "broken", "cause": "RuntimeError"}
    house.clock.advance(DAY)
    await meanwhile(lambda: len(house.lines.named("expiry warning")) == 3)
    await house.broker.close()
    assert "hunter2" not in repr(house.lines.lines)


async def test_pain_02_a_sign_in_is_watched_and_kept_alive(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    vault = vault_in(tmp_path, clock)
    vault.save("contoso", kept(client_id="app", renewed=clock.time()))
    house = House(credential("contoso", vault, sign_in={}))
    await house.broker.check_expiry()
    assert house.fetcher.asked == [], "used lately"
    house.clock.advance(8 * DAY)
    await house.broker.check_expiry()
    assert house.fetcher.asked == [("contoso", kept().scopes[0])]
    house.clock.advance(70 * DAY)
    await house.broker.check_expiry()
    assert house.alarms.raised[-1].cure.en == "Sign in again: mailferry login contoso"


async def test_an_old_key_is_a_reason_to_renew(tmp_path: Path) -> None:
    vault_in(tmp_path, KEY=key("a")).save("contoso", kept(client_id="app", renewed=NOW.timestamp()))
    vault = vault_in(tmp_path, KEY=key("b"), OLD=key("a"))
    house = House(credential("contoso", vault, sign_in={}))
    await house.broker.check_expiry()
    assert len(house.fetcher.asked) == 1


async def test_nobody_signed_in_is_said_every_day(tmp_path: Path) -> None:
    house = House(credential("contoso", vault_in(tmp_path), sign_in={}))
    await house.broker.check_expiry()
    [line] = house.lines.named("credential cannot be read")
    assert "mailferry login contoso" in line["cause"]


async def test_a_new_sign_in_is_noticed_at_once(tmp_path: Path) -> None:
    """By a gateway that was refused, by one that has the token of the user from before, and by the alarm."""
    clock = ManualClock(NOW)
    vault = vault_in(tmp_path, clock)
    vault.save("contoso", kept(client_id="app", renewed=clock.time() - 89 * DAY))
    house = House(credential("contoso", vault, sign_in={}))
    scope = "https://outlook.office.com/SMTP.Send"
    await house.broker.token("contoso", scope)
    await house.broker.check_expiry()
    assert [one.key for one in house.alarms.raised] == ["contoso"]
    assert await house.broker.look() == frozenset()
    used = vault.load("contoso")
    vault.replace("contoso", used, kept(client_id="app", renewed=clock.time() - 88 * DAY, refresh_token="renewed"))
    assert await house.broker.look() == frozenset(), "a renewal is no new sign-in"
    assert house.alarms.resolved == []
    vault.save("contoso", kept(client_id="app", renewed=clock.time(), id="second"))
    assert await house.broker.look() == {"contoso"}
    assert house.alarms.resolved == [(Code.EXPIRY, "contoso")]
    asked = len(house.fetcher.asked)
    await house.broker.token("contoso", scope)
    assert len(house.fetcher.asked) == asked + 1, "the token of the user from before is not used any more"


async def test_a_sign_in_in_the_middle_of_being_replaced_drops_no_token(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    vault = vault_in(tmp_path, clock)
    vault.save("contoso", kept(client_id="app", renewed=clock.time()))
    house = House(credential("contoso", vault, sign_in={}))
    await house.broker.token("contoso", "scope")
    whole = vault.file("contoso").read_bytes()
    vault.file("contoso").write_bytes(b"")
    assert await house.broker.look() == frozenset()
    vault.file("contoso").write_bytes(whole)
    assert await house.broker.look() == frozenset()
