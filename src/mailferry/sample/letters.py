"""The outside of one message: its Message-ID, subject, recipients and size, as its product would make them.

Leaves to others: when it is sent (traffic) and how it is written down (exports).
Invariant: addresses are of the organisation's domains or of reserved ones; recipients of one message are distinct.
"""

from __future__ import annotations

import base64
import string
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from random import Random

from mailferry.sample.data_files import products
from mailferry.sample.organisation import Organisation
from mailferry.sample.values import Client, Via

_WORD = string.ascii_letters + string.digits
_BASE36 = string.digits + string.ascii_uppercase
_FIELDS = string.Formatter()


@cache
def _names(template: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for _, name, _, _ in _FIELDS.parse(template) if name))


class Letters:
    """Makes messages of one organisation in one language."""

    def __init__(self, organisation: Organisation, language: str) -> None:
        self._organisation = organisation
        self._language = language
        self._people = [person.address for person in organisation.people]

    def fill(self, template: str, client: Client, at: float, rng: Random) -> str:
        """A template of data/products.toml with its placeholders filled."""
        names = _names(template)
        return template.format(**{name: _value(name, client, at, rng) for name in names}) if names else template

    def writer(self, client: Client, rng: Random) -> Client:
        """Whose message this one is: the client's own, or of a device whose mail it passes on."""
        if not client.kind.carries:
            return client
        product = products()[rng.choice(client.kind.carries)]
        return replace(client, product=product, host=product.host.format(mac=client.mac, mac6=client.mac[6:]))

    def message_id(self, client: Client, at: float, rng: Random) -> str:
        """The client's own, or what the first server makes for it."""
        if client.product.message_id:
            return f"<{self.fill(client.product.message_id, client, at, rng)}>"
        made = f"{rng.getrandbits(96):024X}"
        if client.kind.via is Via.ONPREM:
            return f"<{made.lower()}@EXCH01.{client.site.domain}>"
        if client.kind.via is Via.POSTFIX:
            moment = datetime.fromtimestamp(at, UTC)
            return f"<{moment:%Y%m%d%H%M%S}.{made[:11]}@mx1.{client.site.domain}>"
        return f"<TY{rng.randrange(10)}PR01MB{rng.randrange(10_000):04d}{made}@{made[:6]}.jpnprd01.prod.outlook.com>"

    def subject(self, client: Client, at: float, rng: Random) -> str:
        return self.fill(client.product.subjects[0].of(self._language), client, at, rng)

    def recipients(self, client: Client, rng: Random) -> tuple[str, ...]:
        low, high = client.kind.recipients
        count = rng.randint(low, high)
        outside = self._organisation.outside
        first = rng.randrange(20_000)
        domain = outside[first % len(outside)]
        share = client.kind.external
        found = []
        for index in range(count):
            if share and (share == 1.0 or rng.random() < share):
                found.append(f"tanto{first + index:05d}@{domain}")
            elif count > 12:  # a list as long as the staff
                found.append(f"staff{first + index:05d}@{client.site.domain}")
            else:
                found.append(self._people[(first + index) % len(self._people)])
        return tuple(found)

    def size(self, client: Client, rng: Random) -> int:
        """Around the usual size, with a long tail up to the largest."""
        usual, largest = client.kind.size
        return min(largest, max(600, int(usual * rng.lognormvariate(0.0, 0.6))))


def _value(name: str, client: Client, at: float, rng: Random) -> str:
    match name:
        case "mac":
            return client.mac
        case "mac6":
            return client.mac[6:]
        case "host":
            return client.host
        case "domain":
            return client.site.domain
        case "stamp14":
            return datetime.fromtimestamp(at, UTC).strftime("%Y%m%d%H%M%S")
        case "stamp12":
            return datetime.fromtimestamp(at, UTC).strftime("%Y%m%d%H%M")
        case "ms":
            return str(int(at * 1000))
        case "centi":
            return str(int(at * 100))
        case "nano":
            return str(int(at) * 1_000_000_000 + rng.randrange(1_000_000_000))
        case "ticks36":  # .NET counts tenths of microseconds since the year 1
            return _base36(int(at * 10_000_000) + 621_355_968_000_000_000)
        case _:
            return _random(name, rng)


def _random(name: str, rng: Random) -> str:
    match name:
        case "n4":
            return f"{rng.randrange(10_000):04d}"
        case "digits":
            return str(rng.randrange(10**7, 10**8))
        case "hex8":
            return f"{rng.getrandbits(32):08x}"
        case "HEX8":
            return f"{rng.getrandbits(32):08X}"
        case "hex32":
            return f"{rng.getrandbits(128):032x}"
        case "HEX32":
            return f"{rng.getrandbits(128):032X}"
        case "word40":
            return "".join(rng.choices(_WORD, k=40))
        case "random36":
            return _base36(rng.getrandbits(64))
        case "b64":
            return base64.b64encode(rng.randbytes(16)).decode().rstrip("=")
        case "uuid":
            return guid(rng.getrandbits(128))
    raise LookupError(f"products.toml: no placeholder {name!r}")


def _base36(value: int) -> str:
    """The digits from the lowest on, as MimeKit writes them (MimeUtils.GenerateMessageId)."""
    digits = ""
    while value:
        value, digit = divmod(value, 36)
        digits += _BASE36[digit]
    return digits


def guid(bits: int) -> str:
    """128 bits as the usual thirty-six letters."""
    digits = f"{bits:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
