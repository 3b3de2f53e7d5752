"""How many passwords Exchange Online is asked about: whoever guesses at the gateway must not guess there.

Leaves to others: asking (the verifier), failures at the gateway itself (guard). Pure but for its memory.
Invariants: an account sees fewer wrong passwords than Entra's smart lockout takes to lock it (10 by default, V
howto-password-smart-lockout.md), and all accounts together few enough that trying one password at many is no use;
memory is bounded.
"""

from __future__ import annotations

from collections import OrderedDict

from mailferry.listener.policy import Bucket, take
from mailferry.units import Rate

_REMEMBERED = 10_000


class Attempts:
    """Of one window."""

    def __init__(self, rate: Rate, wrong: Rate, account: Rate) -> None:
        self._rate = rate
        self._wrong = wrong
        self._account = account
        self._asked: Bucket | None = None
        self._missed: Bucket | None = None
        self._accounts: OrderedDict[str, Bucket] = OrderedDict()

    def refusal(self, account: str, now: float) -> str:
        """Why the password is not tried now, "" when it may be; then it counts as tried."""
        if take(self._accounts.get(account), self._account, now) is None:
            return f"more than {self._account} wrong passwords of this account"
        if self.guessed(now):
            return f"more than {self._wrong} wrong passwords of all accounts"
        asked = take(self._asked, self._rate, now)
        if asked is None:
            return f"more than {self._rate} passwords to verify"
        self._asked = asked
        return ""

    def missed(self, account: str, now: float) -> None:
        """It was wrong."""
        self._missed = take(self._missed, self._wrong, now) or self._missed
        bucket = take(self._accounts.get(account), self._account, now)
        if bucket is not None:
            self._accounts[account] = bucket
            self._accounts.move_to_end(account)
        if len(self._accounts) > _REMEMBERED:
            self._accounts.popitem(last=False)

    def guessed(self, now: float) -> bool:
        """Whether nobody is asked for a while, since too many passwords were wrong."""
        return take(self._missed, self._wrong, now) is None
