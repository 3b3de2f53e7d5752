"""What one client of the inventory sends: as large and to as many as it was seen to, inside and outside.

Leaves to others: the octets (mails) and how they are handed over (speaker). Invariants: pure and seeded: the same
client sends the same octets; every recipient is made up, so no person's address is ever written to.
"""

from __future__ import annotations

import base64
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from mailferry.inventory.records import Client, Volume
from mailferry.m365.facts import Text
from mailferry.m365.limits import (
    ServiceLimits,
    azure_communication,
    exchange_online,
    exchange_relay,
    graph,
    high_volume_email,
    tenant_mx,
)
from mailferry.rehearsal import words
from mailferry.rehearsal.mails import Mail, mail

#: Recipients outside the organisation (RFC 2606).
OUTSIDE = "outside.example"
_LOCAL = "rehearsal-recipient"
_USUAL, _SMALL = 4096, 2048
#: More envelope senders than these say nothing new.
_SENDERS = 3
#: A message of some length, and what lifts one clearly over a limit.
LEAST, _OVER = 16 << 10, 64 << 10
_LINE = 76  # of base64, without its line end
_POOL = 1 << 20


@dataclass(frozen=True, slots=True)
class Letter:
    """One message before its octets are made. `octets` is about its size."""

    tag: str
    sender: str
    recipients: tuple[str, ...]
    octets: int

    def written(self) -> Mail:
        """The message: a text of random base64, so that nothing on its way could squeeze or guess it."""
        note = b"This is a rehearsal.\r\n.\r\n..two dots\r\n"
        header = ("Content-Type: text/plain; charset=us-ascii",)
        made = mail(self.tag, self.sender, self.recipients, note, to=self.recipients[0], extra=header)
        lines = max(1, (self.octets - len(made.octets)) // (_LINE + 2))
        return Mail(made.tag, made.sender, made.recipients, made.header, note + _filling(lines, self.tag))


@cache
def _pool() -> bytes:
    """Random lines that all messages are cut from."""
    raw = random.Random(365).randbytes(_POOL)  # noqa: S311 - content, not a secret
    lines = base64.encodebytes(raw).replace(b"\n", b"\r\n")
    return lines[: len(lines) // (_LINE + 2) * (_LINE + 2)]


def _filling(lines: int, tag: str) -> bytes:
    pool, width = _pool(), _LINE + 2
    start, wanted = (sum(tag.encode()) * 131 % (len(pool) // width)) * width, lines * width
    first = pool[start : start + wanted]
    return first if len(first) == wanted else (first + pool * (wanted // len(pool) + 1))[:wanted]


def internal(number: int, domain: str) -> str:
    """The mailbox of a made-up recipient in the organisation."""
    return f"{_LOCAL}-{number}@{domain}"


def most_internal(clients: Iterator[Client]) -> int:
    """How many such mailboxes are needed."""
    return max((_count(client.volume) for client in clients), default=1)


def letters(client: Client, domain: str, seed: str, *, brief: bool) -> tuple[tuple[Letter, ...], tuple[Text, ...]]:
    """What `client` sends, and what was assumed. `domain` is one of the organisation's; `brief`: no larger and to
    no more than a limit could tell, for thousands of clients."""
    volume, assumed = client.volume, []
    if volume.largest is None:
        assumed.append(words.SIZE)
    if volume.recipients is None:
        assumed.append(words.RECIPIENTS)
    most = exchange_online().message_size_advertised.value
    size = min(volume.largest or _USUAL, most)
    size = shortest(size) if brief else size
    to = _recipients(volume, domain, brief=brief)
    found = tuple(
        Letter(f"{seed}-{client.id}-{number}", sender, to if number == 0 else to[:1], size if number == 0 else _SMALL)
        for number, sender in enumerate(_senders(client))
    )
    return found, tuple(assumed)


@cache
def _limits() -> tuple[int, ...]:
    """Every published limit of size, smallest first; a request to Graph is a third larger than its message."""
    sizes = {service.message_size.value for service in _services()}
    return tuple(sorted({graph().request_size.value * 3 // 4, *sizes}))


def _services() -> tuple[ServiceLimits, ...]:
    return high_volume_email(), azure_communication(), exchange_online(), exchange_relay(), tenant_mx()


def shortest(size: int) -> int:
    """The smallest size above LEAST that every published limit judges as it judges `size`."""
    passed = [limit for limit in _limits() if limit < size]
    return min(size, max(LEAST, passed[-1] + _OVER if passed else 0))


def fewest(count: int) -> int:
    """The smallest number of recipients that every published limit judges as it judges `count`; two kinds are two."""
    limits = (service.recipients_per_message.value for service in _services())
    return min(count, max((2, *(limit + 1 for limit in limits if limit < count))))


def burst(client: Client, domain: str, seed: str) -> tuple[Letter, ...]:
    """The busiest minute that was seen, where a mailbox may not send so much in one: small messages, for it is the rate
    that is rehearsed."""
    peak, published = client.volume.peak_minute or 0, exchange_online().messages_per_minute.value
    if peak <= published:
        return ()
    sender, to = _senders(client)[0], (internal(0, domain),)
    return tuple(Letter(f"{seed}-{client.id}-b{number}", sender, to, _SMALL) for number in range(1, peak))


def _senders(client: Client) -> list[str]:
    """The envelope senders: the mailbox itself first, where it was seen or nothing was."""
    seen = [sender for sender in client.senders if "@" in sender and sender.lower() != client.sender.lower()]
    own = [client.sender] if client.sender and (len(seen) < len(client.senders) or not client.senders) else []
    return [*own, *seen][:_SENDERS] or [client.sender]


def _count(volume: Volume) -> int:
    return max(1, min(volume.most_recipients or 1, 1000))


def _recipients(volume: Volume, domain: str, *, brief: bool) -> tuple[str, ...]:
    """As many as its largest envelope had, outside in the proportion that was seen; at least one of each kind seen."""
    count, outside, every = _count(volume), volume.external_recipients or 0, volume.recipients or 0
    count = fewest(count) if brief else count
    far = min(count, round(count * outside / every)) if every else 0
    if outside:
        far = max(1, far)
    if count > 1 and outside < every:
        far = min(far, count - 1)
    inside = [internal(number, domain) for number in range(count - far)]
    return (*inside, *(f"recipient-{number}@{OUTSIDE}" for number in range(far)))
