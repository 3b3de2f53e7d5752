"""Passwords: right, wrong, remembered, too many at a time."""

from __future__ import annotations

import asyncio

import pytest

from mailferry.clock import ManualClock
from mailferry.listener import accounts as module
from mailferry.listener.accounts import Accounts, Overloaded, hash_password
from support.listening import hashed


@pytest.fixture
def accounts(clock: ManualClock) -> Accounts:
    return Accounts({"Ann@example.test": hashed("secret"), "bob": hashed("pässword")}, clock, remember=60.0)


async def test_right_and_wrong(accounts: Accounts) -> None:
    """Accounts in any case, passwords exactly."""
    assert await accounts.verify("ann@EXAMPLE.test", "secret")
    assert await accounts.verify("bob", "pässword")
    assert not await accounts.verify("ann@example.test", "Secret")
    assert not await accounts.verify("ann@example.test", "")
    assert not await accounts.verify("nobody", "secret")
    assert not await accounts.verify("bob", "\udcff")
    accounts.close()


async def test_a_verified_password_is_remembered_for_its_time(accounts: Accounts, clock: ManualClock) -> None:
    """The same password of the same account, and nothing else."""
    assert not accounts.remembered("bob", "pässword")
    await accounts.verify("bob", "pässword")
    assert accounts.remembered("Bob", "pässword")
    assert not accounts.remembered("bob", "other")
    assert not accounts.remembered("ann@example.test", "pässword")
    clock.advance(60)
    assert not accounts.remembered("bob", "pässword")
    accounts.close()


async def test_a_wrong_password_is_never_remembered(accounts: Accounts) -> None:
    await accounts.verify("bob", "wrong")
    await accounts.verify("nobody", "wrong")
    assert not accounts.remembered("bob", "wrong")
    assert not accounts.remembered("nobody", "wrong")
    accounts.close()


async def test_an_unknown_account_costs_a_hash_of_the_same_price(clock: ManualClock) -> None:
    """The stand-in takes the dearest parameters there are."""
    dear = module.PasswordHasher(time_cost=2, memory_cost=64, parallelism=1).hash("x")
    parameters = module.extract_parameters(Accounts({"a": hashed("x"), "b": dear}, clock)._stranger)
    assert (parameters.time_cost, parameters.memory_cost) == (2, 64)


async def test_an_unknown_account_is_verified_in_the_thread_too(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    real = module._matches
    monkeypatch.setattr(
        module, "_matches", lambda stored, password, exists: (seen.append(stored), real(stored, password, exists))[1]
    )
    assert not await accounts.verify("nobody", "x")
    assert seen == [accounts._stranger]
    accounts.close()


async def test_too_many_at_a_time(clock: ManualClock) -> None:
    """The queue is bounded, and takes again when it has emptied."""
    accounts = Accounts({"bob": hashed("x")}, clock, waiting=3)
    running = [accounts.verify("bob", "x") for _ in range(3)]
    with pytest.raises(Overloaded):
        accounts.verify("bob", "x")
    assert await asyncio.gather(*running) == [True] * 3
    await asyncio.sleep(0)
    assert await accounts.verify("bob", "x")
    accounts.close()


async def test_a_hash_that_is_none_matches_nothing(clock: ManualClock) -> None:
    accounts = Accounts({"bob": "$argon2id$broken"}, clock)
    assert not await accounts.verify("bob", "x")
    accounts.close()


def test_hash_password() -> None:
    """What the configuration takes."""
    assert hash_password("x").startswith("$argon2id$")
