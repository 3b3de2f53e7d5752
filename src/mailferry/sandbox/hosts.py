"""The names that the service shows: front-end and back-end hosts, session ids, host suffixes of refusals, queue ids.

Leaves to others: sentences (texts). Invariant: a name is drawn from the seed and the clock alone, so that two runs with
the same seed and dates say the same.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from email.utils import format_datetime
from random import Random

from mailferry.clock import utc

#: Session ids look like a count of 100 ns since the year 1 in 16 hex digits: 08DE2A6028D26C22 on 2025-11-23 (O).
_TICKS_AT_EPOCH = 621_355_968_000_000_000


@dataclass(frozen=True, slots=True)
class FrontEnd:
    """What one connection sees: `name` such as SBXP290CA0042, and its session id."""

    name: str
    region: str
    backend: str
    session: str

    @property
    def greeting_host(self) -> str:
        return f"{self.name}.outlook.office365.com"

    @property
    def frontend_host(self) -> str:
        return f"{self.name}.{self.region.lower()}.prod.outlook.com"

    @property
    def backend_host(self) -> str:
        return f"{self.backend}.{self.region.lower()}.prod.outlook.com"

    def suffix(self, form: str, now: float) -> str:
        """[H] in one of its two observed forms: host alone, or host, time and session (O G:45373638250)."""
        if form == "host":
            return self.frontend_host
        moment = utc(now)
        stamp = f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
        return f"{self.name}.{self.region}.PROD.OUTLOOK.COM {stamp} {self.session}"


class Hosts:
    """Draws the names."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._serial = itertools.count()

    def front_end(self, now: float) -> FrontEnd:
        number = self._random.randrange(1, 120)
        ticks = int(now * 10_000_000) + _TICKS_AT_EPOCH + next(self._serial)
        return FrontEnd(
            name=f"SBXP290CA{number:04d}",
            region="SBXP290",
            backend=f"SBXP290MB{self._random.randrange(1, 8000):04d}",
            session=f"{ticks:016X}",
        )

    def queue_id(self, front: FrontEnd) -> str:
        """The server's id of a message: back-end name and 25 hex digits, as in the observed 250 (O G:41779298675)."""
        return f"{front.backend}{self._random.getrandbits(100):025X}"


def mail_date(now: float) -> str:
    """RFC 5322 date in UTC."""
    return format_datetime(utc(now))
