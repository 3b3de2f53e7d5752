"""Signing in: the password or the link, how often it may be tried, and the token of the form itself.

Leaves to others: hashing and comparing (listener.accounts), counting failures (listener.guard), sessions.
Invariants: passwords are verified one after another, so that no burst gets more tries than the guard allows; a failure
is answered late, whatever its cause; what was tried is never kept or logged.
"""

from __future__ import annotations

import asyncio
import hmac
import math
import secrets
from enum import StrEnum
from hashlib import blake2b

from mailferry.clock import Clock
from mailferry.console.sessions import Link
from mailferry.listener.accounts import Accounts, Overloaded
from mailferry.listener.guard import Guard
from mailferry.listener.settings import GuardSettings
from mailferry.obs.maillog import MailLog

#: Under this name the console stands in the log, and its password with the guard.
NAME = "console"
#: Logins that wait for their turn at most.
_WAITING = 16
_LONGEST = 1024


class Entry(StrEnum):
    """What became of a try."""

    IN = "in"
    WRONG = "wrong"
    LOCKED = "locked"
    BUSY = "busy"


class Doors:
    """The ways in. `password` is the Argon2 hash, "" where the link is the only way."""

    def __init__(self, password: str, link: Link, settings: GuardSettings, clock: Clock, log: MailLog) -> None:
        self._accounts = Accounts({NAME: password}, clock, remember=0.0) if password else None
        self._link = link
        self._guard = Guard(settings, clock, log)
        self._delay = settings.delay
        self._clock = clock
        self._log = log
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._key = secrets.token_bytes(32)

    @property
    def has_password(self) -> bool:
        """Whether a password lets in; else the link does."""
        return self._accounts is not None

    async def password(self, password: str, address: str) -> Entry:
        """Try a password from a browser at `address`."""
        if self._accounts is None or len(password) > _LONGEST:
            return await self._told(Entry.WRONG, address, "password", "no password lets in")
        if self._waiting >= _WAITING:
            return Entry.BUSY
        self._waiting += 1
        try:
            async with self._turn:
                entry = await self._verify(self._accounts, password, address)
        finally:
            self._waiting -= 1
        return await self._told(entry, address, "password", "wrong password")

    async def _verify(self, accounts: Accounts, password: str, address: str) -> Entry:
        if self._guard.locked(address, NAME):
            return Entry.LOCKED
        try:
            right = await accounts.verify(NAME, password)
        except Overloaded:
            return Entry.BUSY
        return self._counted(address, right=right)

    async def link(self, token: str, address: str) -> Entry:
        """Try the link. It is long, so nobody guesses it; the guard keeps the log short."""
        if self.has_password:
            return Entry.WRONG
        if self._guard.locked(address, NAME):
            return Entry.LOCKED
        entry = self._counted(address, right=self._link.take(token))
        return await self._told(entry, address, "link", "wrong or used link")

    def _counted(self, address: str, *, right: bool) -> Entry:
        if right:
            self._guard.succeeded(address, NAME)
            return Entry.IN
        self._guard.failed(address, NAME)
        return Entry.WRONG

    async def _told(self, entry: Entry, address: str, mechanism: str, reason: str) -> Entry:
        if entry is Entry.IN:
            self._log.login(NAME, address, NAME, mechanism)
        elif entry is Entry.WRONG:
            self._log.login_failed(NAME, address, NAME, mechanism, reason)
            await self._clock.sleep(self._delay)
        return entry

    def locked(self, address: str) -> int:
        """Seconds until this address may try again."""
        return math.ceil(self._guard.locked(address, NAME))

    def form(self, visitor: str) -> str:
        """The token of the form for a visitor who is not signed in, known by a random cookie."""
        return blake2b(visitor.encode("utf-8", "surrogateescape"), key=self._key, digest_size=24).hexdigest()

    def is_form(self, visitor: str, token: str) -> bool:
        """Whether a form was made for this visitor."""
        given = token.encode("utf-8", "surrogateescape")
        return bool(visitor) and hmac.compare_digest(self.form(visitor).encode(), given)

    def close(self) -> None:
        if self._accounts is not None:
            self._accounts.close()
