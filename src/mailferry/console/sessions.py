"""Who is signed in: sessions in memory, and the link that lets in once where there is no password.

Leaves to others: passwords (doors), cookies (cookies). Invariants: a session is known by the digest of its token alone,
so that comparing takes no time that tells; it ends when idle, at the latest after a day's work, and with the process;
memory is bounded.
"""

from __future__ import annotations

import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256

from mailferry.clock import Clock

#: Seconds after which a session ends, however busy.
LONGEST = 12 * 3600.0
_MOST = 100
_NOTICES = 5


@dataclass(slots=True)
class Session:
    """One browser that is signed in. `notices` are shown by the next page: key of a text, and a number."""

    began: float
    seen: float
    csrf: str = field(default_factory=secrets.token_urlsafe, repr=False)
    notices: list[tuple[str, int]] = field(default_factory=list)

    def say(self, key: str, number: int) -> None:
        """For the next page."""
        self.notices = [*self.notices, (key, number)][-_NOTICES:]

    def heard(self) -> list[tuple[str, int]]:
        """What was said since the last page."""
        said, self.notices = self.notices, []
        return said


class Sessions:
    """The sessions of this process."""

    def __init__(self, clock: Clock, idle: float) -> None:
        self._clock = clock
        self._idle = idle
        self._known: OrderedDict[bytes, Session] = OrderedDict()

    def begin(self) -> str:
        """A new session; the token that its browser keeps."""
        token, now = secrets.token_urlsafe(32), self._clock.monotonic()
        self._known[_digest(token)] = Session(now, now)
        while len(self._known) > _MOST:  # the one that was idle longest
            self._known.popitem(last=False)
        return token

    def find(self, token: str) -> Session | None:
        """The session of a token, which counts as used now."""
        name, now = _digest(token), self._clock.monotonic()
        session = self._known.get(name)
        if session is None:
            return None
        if now - session.seen > self._idle or now - session.began > LONGEST:
            del self._known[name]
            return None
        session.seen = now
        self._known.move_to_end(name)
        return session

    def end(self, token: str) -> None:
        self._known.pop(_digest(token), None)


class Link:
    """A token that lets in once. When it was used the next one is announced, where somebody reads that."""

    def __init__(self, announce: Callable[[str], None] | None) -> None:
        self._announce = announce
        self._token = secrets.token_urlsafe(24)

    @property
    def token(self) -> str:
        """The one that lets in now; for the terminal alone."""
        return self._token

    def take(self, token: str) -> bool:
        """Whether it lets in; it never does again."""
        if not hmac.compare_digest(_digest(token), _digest(self._token)):
            return False
        self._token = secrets.token_urlsafe(24)
        if self._announce is not None:
            self._announce(self._token)
        return True


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogateescape")).digest()
