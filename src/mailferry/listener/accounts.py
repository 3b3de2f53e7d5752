"""Passwords of accounts: Argon2id hashes, verified off the event loop, remembered for minutes.

Printers reconnect for every page, and a hash that resists guessing costs tens of milliseconds of a core: without the
memory it would be the gateway's rate. What is remembered is a BLAKE2 digest under a key that lives and dies with the
process, never the password.
Leaves to others: counting failures (guard), who the account belongs to (identity), and the reply (session).
Invariants: an unknown account costs what a wrong password costs; secrets are compared in constant time; no more than
`waiting` verifications queue, whatever arrives.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b

from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError

from mailferry.clock import Clock
from mailferry.listener.identity import account_key

_WORKERS = 2
_WAITING = 64


class Overloaded(Exception):
    """Too many logins wait to be verified: the client gets a temporary refusal."""


def hash_password(password: str) -> str:
    """The Argon2id hash to write into the configuration (RFC 9106's second recommendation, argon2-cffi's default)."""
    return PasswordHasher().hash(password)


class Accounts:
    """Verifies passwords of the accounts in `hashes` (account name to Argon2 hash)."""

    def __init__(
        self, hashes: Mapping[str, str], clock: Clock, remember: float = 600.0, waiting: int = _WAITING
    ) -> None:
        self._hashes = {account_key(account): value for account, value in hashes.items()}
        self._clock = clock
        self._remember = remember
        self._key = secrets.token_bytes(32)
        self._verified: dict[str, tuple[bytes, float]] = {}
        self._pool: ThreadPoolExecutor | None = None
        self._pending = 0
        self._waiting = waiting
        self._stranger = _stand_in(self._hashes)

    def remembered(self, account: str, password: str) -> bool:
        """Whether this very password of the account was verified a short time ago. Costs microseconds."""
        known = self._verified.get(account_key(account))
        if known is None:
            return False
        same = hmac.compare_digest(known[0], self._digest(account, password))
        return same and self._clock.time() < known[1]

    def verify(self, account: str, password: str) -> asyncio.Future[bool]:
        """Hash in a thread. Raises Overloaded at once when too many wait."""
        if self._pending >= self._waiting:
            raise Overloaded
        if self._pool is None:
            self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="argon2")
        self._pending += 1
        stored = self._hashes.get(account_key(account))
        future = asyncio.get_running_loop().run_in_executor(
            self._pool, _matches, stored or self._stranger, password, stored is not None
        )
        future.add_done_callback(lambda done: self._verified_one(done, account, password))
        return future

    def _verified_one(self, done: asyncio.Future[bool], account: str, password: str) -> None:
        self._pending -= 1
        if not done.cancelled() and done.exception() is None and done.result():
            self._verified[account_key(account)] = (
                self._digest(account, password),
                self._clock.time() + self._remember,
            )

    def _digest(self, account: str, password: str) -> bytes:
        name = account_key(account).encode("utf-8", "surrogateescape")
        digest = blake2b(len(name).to_bytes(4, "big") + name, key=self._key, digest_size=32)
        digest.update(password.encode("utf-8", "surrogateescape"))
        return digest.digest()

    def close(self) -> None:
        """Let go of the threads; what they still verify is dropped."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None


def _stand_in(hashes: Mapping[str, str]) -> str:
    """A hash nobody knows the password of, as dear as the dearest configured, for accounts that do not exist."""
    hashers = []
    for value in hashes.values():
        try:
            parameters = extract_parameters(value)
        except InvalidHashError:
            continue
        hashers.append((parameters.memory_cost * parameters.time_cost, PasswordHasher.from_parameters(parameters)))
    hasher = max(hashers, key=lambda pair: pair[0])[1] if hashers else PasswordHasher()
    return hasher.hash(secrets.token_hex(16))


def _matches(stored: str, password: str, exists: bool) -> bool:
    """In the thread. The hash names its own parameters; `exists` is looked at last, so that it costs nothing else."""
    try:
        matched = PasswordHasher().verify(stored, password.encode("utf-8", "surrogateescape"))
    except (VerificationError, InvalidHashError):
        return False
    return matched and exists
