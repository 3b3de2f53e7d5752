"""Against guessing of passwords: failures are counted per address and per account, and lock for growing times.

A lock must not become a way to silence a printer: an address that logged in to an account before is trusted for that
account, so that strangers who lock the account, or another device behind the same address, do not stop it.
Addresses of IPv6 count by the /64, trust is in one alone.
Leaves to others: checking passwords (accounts) and the uniform delay of a refusal (session).
Invariant: memory is bounded; when it is full, what was idle longest is forgotten first.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from mailferry.clock import Clock
from mailferry.listener.identity import account_key, block_of
from mailferry.listener.settings import GuardSettings
from mailferry.obs.maillog import MailLog

#: Characters of an account that count: a login may name 9,000 of them, and 10,000 such names are remembered.
_NAME = 256


def _key(account: str) -> str:
    return account_key(account[:_NAME])


@dataclass(slots=True)
class _Record:
    failures: int = 0
    locks: int = 0
    last: float = 0.0
    until: float = 0.0


class Guard:
    """Knows who failed how often. One for all listeners, so that changing the port helps nobody."""

    def __init__(self, settings: GuardSettings, clock: Clock, log: MailLog) -> None:
        self._settings = settings
        self._clock = clock
        self._log = log
        self._records: OrderedDict[str, _Record] = OrderedDict()
        self._trusted: OrderedDict[tuple[str, str], int] = OrderedDict()

    def locked(self, address: str, account: str) -> float:
        """Seconds for which logins of this account from this address are refused unseen; 0 when they are not."""
        if not self._records or (address, _key(account)) in self._trusted:
            return 0.0
        now = self._clock.monotonic()
        names = (f"address {block_of(address)}", f"account {_key(account)}")
        return max(self._left(name, now) for name in names)

    def succeeded(self, address: str, account: str) -> None:
        """A login was right: this pair is trusted, and the address starts anew. The account's count stays, since
        others may be guessing at it."""
        pair = (address, _key(account))
        self._trusted[pair] = 0
        self._trusted.move_to_end(pair)
        if len(self._trusted) > self._settings.entries:
            self._trusted.popitem(last=False)
        if self._records:
            self._records.pop(f"address {block_of(address)}", None)

    def failed(self, address: str, account: str) -> float:
        """A login was wrong: count it, and return the seconds of the lock it led to, 0 for none."""
        pair = (address, _key(account))
        if pair in self._trusted:
            self._trusted[pair] += 1
            if self._trusted[pair] < self._settings.attempts:
                return 0.0
            del self._trusted[pair]  # its password was changed, or somebody else sits at that address
        return max(self._count(f"address {block_of(address)}"), self._count(f"account {pair[1]}"))

    def _left(self, name: str, now: float) -> float:
        record = self._records.get(name)
        return max(0.0, record.until - now) if record else 0.0

    def _count(self, name: str) -> float:
        settings, now = self._settings, self._clock.monotonic()
        record = self._records.get(name)
        if record is None or now - max(record.last, record.until) > settings.window:
            record = self._records[name] = _Record()
        self._records.move_to_end(name)
        if len(self._records) > settings.entries:
            self._records.popitem(last=False)
        record.last = now
        record.failures += 1
        if record.failures < settings.attempts:
            return 0.0
        seconds = min(settings.longest_lock, settings.lock * 2.0 ** min(record.locks, 30))
        record.failures, record.locks, record.until = 0, record.locks + 1, now + seconds
        self._log.locked(name, seconds)
        return seconds
