"""The token broker: one cache, one request at a time per credential, renewal before anybody has to wait.

Leaves to others: the protocol (entra), secrets (credential), expiry (watch), holding mail while there is no token
(delivery).
Invariants: at most one request is in flight per credential; no token is handed out that has less than its margin to
live; a refusal is remembered, so that a broken credential does not hammer the token service; a token that many share is
renewed at most once because one of them was refused, and the others keep it meanwhile.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from mailferry.alarms.api import AlarmSink, NoAlarms
from mailferry.clock import Clock
from mailferry.obs.maillog import MailLog
from mailferry.tokens.api import AccessToken, TokenError, TokenRefused, TokenUnavailable
from mailferry.tokens.credential import Credential, Expiry, Seen
from mailferry.tokens.entra import Fetched
from mailferry.tokens.settings import Kind
from mailferry.tokens.watch import ExpiryWatch

#: Seconds after a forced renewal in which a refusal forces no other. One that does not name the token is of the mailbox
#: or its grants then; once more later, for a grant that was given meanwhile is in new tokens only.
_FORCED_PAUSE, _NAMED_PAUSE = 600.0, 60.0
#: Seconds a failure is remembered: the first, doubled each time, up to the last. Retry-After may lengthen it.
_FIRST_PAUSE, _LONGEST_PAUSE, _LONGEST_RETRY_AFTER = 30.0, 300.0, 3600.0


class Fetcher(Protocol):
    """Asks for one token; entra.EntraFetcher is the real one."""

    async def fetch(self, credential: Credential, scope: str) -> Fetched:
        """Raises TokenError."""
        ...


@dataclass(slots=True)
class _Slot:
    """What is known for one credential and scope."""

    credential: str
    scope: str
    token: AccessToken | None = field(default=None, repr=False)
    fetched: float = 0.0
    margin: float = 0.0
    lead: float = 0.0
    refused: str = field(default="", repr=False)  # the token for which a refresh was forced last
    forced: float = float("-inf")  # when
    flight: asyncio.Task[AccessToken] | None = None
    failure: TokenError | None = None
    failures: int = 0
    failed: float = 0.0
    retry_at: float = 0.0
    seen: Seen | None = None  # what proved the identity when a token was last asked for

    def keep(self, fetched: Fetched, asked: float, margin: float) -> AccessToken:
        """Take a fresh token. A token that lives shorter than twice the margin is used for half of its life."""
        self.fetched = asked
        self.margin = min(margin, fetched.lifetime / 2)
        self.lead = min(self.margin, fetched.lifetime / 8)
        self.token = AccessToken(fetched.value, asked + fetched.lifetime, self.credential, self.scope)
        return self.token

    def good(self, now: float, extra: float = 0.0) -> AccessToken | None:
        """The token, if it has its margin and `extra` to live. A clock set back makes every token suspect."""
        token = self.token
        if token is None or now < self.fetched or token.expires - now <= self.margin + extra:
            return None
        return token

    def fail(self, error: TokenError, now: float) -> None:
        """Remember a failure."""
        pause = min(_FIRST_PAUSE * 2**self.failures, _LONGEST_PAUSE)
        asked = min(error.retry_after or 0.0, _LONGEST_RETRY_AFTER)
        self.failures = min(self.failures + 1, 10)
        self.failure, self.failed, self.retry_at = error, now, now + max(pause, asked)

    def barred(self, now: float) -> TokenError | None:
        """The remembered failure while it holds, with the time that is left."""
        if self.failure is None or not self.failed <= now < self.retry_at:
            return None
        return type(self.failure)(self.failure.cause, self.failure.code, self.retry_at - now)


class TokenBroker:
    """The TokenSource of the gateway. start() begins the daily watch over expiry; close() ends everything."""

    def __init__(
        self,
        credentials: Mapping[str, Credential],
        fetcher: Fetcher,
        clock: Clock,
        log: MailLog,
        alarms: AlarmSink | None = None,
    ) -> None:
        self._credentials = credentials
        self._fetcher = fetcher
        self._clock = clock
        self._log = log
        self._slots: dict[tuple[str, str], _Slot] = {}
        self._locks: dict[str, asyncio.Lock] = {name: asyncio.Lock() for name in credentials}
        self.watch = ExpiryWatch(credentials.values(), self._keep_alive, clock, log, alarms or NoAlarms())
        self._closed = False

    async def token(self, credential: str, scope: str) -> AccessToken:
        """A token that stays good for the credential's margin. Raises TokenError."""
        slot = self._slot(credential, scope)
        now = self._clock.time()
        token = slot.good(now)
        if token is None:
            return await self._fresh(slot)
        if slot.good(now, slot.lead) is None and slot.flight is None and slot.barred(now) is None and not self._closed:
            self._launch(slot)  # nobody waits for it: the old one is still good
        return token

    async def refresh(self, refused: AccessToken, *, named: bool = False) -> AccessToken:
        """The service refused `refused`: a newer one, or the same where that could not help. Raises TokenError."""
        slot = self._slot(refused.credential, refused.scope)
        held = slot.token
        if held is not None and not _same(held.value, refused.value):
            return await self.token(refused.credential, refused.scope)
        if slot.flight is None and held is not None and not self._may_force(slot, refused, named):
            return await self.token(refused.credential, refused.scope)  # the same, unless its time has come anyway
        if slot.flight is None:
            slot.refused, slot.forced = refused.value, self._clock.time()
        if named:
            slot.token = None  # nobody else needs to be refused with it
        return await self._fresh(slot)

    def _may_force(self, slot: _Slot, refused: AccessToken, named: bool) -> bool:
        """Once per token, and once in a while: a service that refuses each new one has another reason."""
        since = self._clock.time() - slot.forced
        pause = _NAMED_PAUSE if named else _FORCED_PAUSE
        return not _same(slot.refused, refused.value) and not 0 <= since < pause

    def start(self) -> None:
        """Watch over the expiry of secrets, certificates and sign-ins: now, and once a day."""
        if not self._closed:
            self.watch.start()

    async def expiries(self) -> list[Expiry]:
        """When what proves each identity ends, as far as that can be known; what cannot be read is logged."""
        return await self.watch.expiries()

    async def check_expiry(self) -> None:
        """Warn of what ends soon, and of secret files that others can read."""
        await self.watch.check()

    async def look(self) -> frozenset[str]:
        """Whose proof was replaced on disk, where that matters: a refusal is forgotten, and so is the token of a user
        in whose place another signed in. Cheap while there is neither."""
        changed = set()
        for slot in list(self._slots.values()):
            credential = self._credentials[slot.credential]
            if slot.seen is None or (slot.failure is None and credential.kind is not Kind.SIGN_IN):
                continue
            before, now = slot.seen, await _seen(credential, slot.seen)
            if now is before or slot.seen is not before or slot.flight is not None:
                continue
            slot.seen = now
            if slot.failure is not None or now.sign_in != before.sign_in:
                slot.failure, slot.failures = None, 0
                slot.token = slot.token if now.sign_in == before.sign_in else None
                changed.add(slot.credential)
        await self.watch.look()
        return frozenset(changed)

    async def _keep_alive(self, credential: str) -> None:
        """Use a sign-in that nothing used for long, lest it end of disuse (V refresh-tokens.md: 90 days)."""
        with suppress(TokenError):  # told already
            scope = await asyncio.to_thread(self._credentials[credential].vault_scope)
            await self._fresh(self._slot(credential, scope))

    async def close(self) -> None:
        """End what is under way; whoever waits for a token gets TokenUnavailable."""
        self._closed = True
        tasks = [slot.flight for slot in self._slots.values() if slot.flight is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.watch.close()

    def _slot(self, credential: str, scope: str) -> _Slot:
        if credential not in self._credentials:
            raise TokenRefused(f"no credential is called {credential!r}")
        return self._slots.setdefault((credential, scope), _Slot(credential, scope))

    async def _fresh(self, slot: _Slot) -> AccessToken:
        """Wait for the flight, which is launched unless a remembered failure forbids it."""
        if slot.flight is None:
            barred = slot.barred(self._clock.time())
            if barred is not None:
                raise barred
            if self._closed:
                raise TokenUnavailable("the gateway is stopping")
            self._launch(slot)
        flight = slot.flight
        assert flight is not None  # noqa: S101 - launched above
        try:
            return await asyncio.shield(flight)  # one waiter's cancellation is not the others'
        except asyncio.CancelledError:
            me = asyncio.current_task()
            if flight.cancelled() and not (me is not None and me.cancelling()):
                raise TokenUnavailable("the gateway is stopping") from None
            raise
        except TokenError as error:
            # A copy: one exception raised to many waiters would collect all their tracebacks.
            raise type(error)(error.cause, error.code, error.retry_after) from None

    def _launch(self, slot: _Slot) -> None:
        slot.flight = asyncio.create_task(self._fly(slot), name=f"token {slot.credential}")
        slot.flight.add_done_callback(_retrieve)

    async def _fly(self, slot: _Slot) -> AccessToken:
        credential = self._credentials[slot.credential]
        try:
            async with self._locks[slot.credential]:
                slot.seen = await _seen(credential, slot.seen)
                asked = self._clock.time()
                fetched = await self._fetcher.fetch(credential, slot.scope)
            token = slot.keep(fetched, asked, credential.margin(slot.scope))
            if slot.good(self._clock.time()) is None:  # a machine that slept, a clock that was set
                raise TokenUnavailable("the clock jumped while a token was being fetched")
        except TokenError as error:
            slot.fail(error, self._clock.time())
            self._log.token_failed(slot.credential, slot.scope, error.cause, error.code)
            raise
        else:
            slot.failure, slot.failures = None, 0
            self._log.token(slot.credential, slot.scope, fetched.lifetime)
            if fetched.trouble:
                self._log.trouble("renewed sign-in not kept", credential=slot.credential, cause=fetched.trouble)
            return token
        finally:
            slot.flight = None


async def _seen(credential: Credential, before: Seen | None) -> Seen:
    """In a thread where there are files to look at."""
    return await asyncio.to_thread(credential.seen, before) if credential.files() else credential.seen(before)


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _retrieve(task: asyncio.Task[AccessToken]) -> None:
    """A renewal in the background may fail with nobody waiting; it is logged and remembered already."""
    if not task.cancelled():
        task.exception()
