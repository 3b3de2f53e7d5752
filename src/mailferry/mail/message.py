"""A message as the gateway holds it: identity, envelope, origin and size, never its bytes.

Leaves to others: the bytes (mail.body), header edits (mail.headers), delivery state (spool).
Invariant: an id is unique per spool and rises with time, so that ids sort as messages arrived.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NewType

from mailferry.clock import Clock
from mailferry.mail.envelope import Envelope, Origin

MessageId = NewType("MessageId", int)

#: Crockford's base32 (no I, L, O, U): read aloud over the telephone without doubt.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = tuple(high + low for high in _ALPHABET for low in _ALPHABET)  # two digits at a time: once per message
_DIGITS = 13  # 65 bits, a 63-bit id fits
_EPOCH_MS = 1_704_067_200_000  # 2024-01-01T00:00:00Z, keeps 41 bits of milliseconds good until 2093


def format_id(value: MessageId) -> str:
    """The queue id as people see it, 13 characters."""
    low = value & 0x3FFFFFFF
    middle = value >> 30 & 0x3FFFFFFF
    return (
        _ALPHABET[value >> 60]
        + _PAIRS[middle >> 20]
        + _PAIRS[middle >> 10 & 1023]
        + _PAIRS[middle & 1023]
        + _PAIRS[low >> 20]
        + _PAIRS[low >> 10 & 1023]
        + _PAIRS[low & 1023]
    )


def parse_id(text: str) -> MessageId:
    """The inverse of format_id; lower case and leading zeros left out are accepted. Raises ValueError."""
    number = 0
    if not 1 <= len(text) <= _DIGITS:
        raise ValueError(f"not a queue id: {text!r}")
    for char in text.upper():
        digit = _ALPHABET.find(char)
        if digit < 0:
            raise ValueError(f"not a queue id: {text!r}")
        number = number << 5 | digit
    if number >= 1 << 63:
        raise ValueError(f"not a queue id: {text!r}")
    return MessageId(number)


def first_id(at: float) -> MessageId:
    """Below every id that was handed out at `at` (seconds since the epoch) or later."""
    return MessageId(max(0, int(at * 1000) - _EPOCH_MS) << 22)


class IdSource:
    """Hands out rising ids: 41 bits of milliseconds, 8 of node, 14 of sequence. One per process, one thread."""

    def __init__(self, clock: Clock, node: int = 0) -> None:
        if not 0 <= node < 256:
            raise ValueError("node must be 0 to 255")
        self._clock = clock
        self._node = node << 14
        self._ms = 0
        self._sequence = 0

    def next(self) -> MessageId:
        now = int(self._clock.time() * 1000) - _EPOCH_MS
        if now > self._ms:
            self._ms, self._sequence = now, 0
        else:  # same millisecond, or the clock stepped back: keep rising
            self._sequence += 1
            if self._sequence >= 1 << 14:
                self._ms, self._sequence = self._ms + 1, 0
        return MessageId(self._ms << 22 | self._node | self._sequence)

    def rise_above(self, known: int) -> None:
        """Hand out nothing that is not above `known`: the clock may have gone back while the process was down."""
        if known >> 22 >= self._ms:
            self._ms, self._sequence = (known >> 22) + 1, -1


@dataclass(frozen=True, slots=True)
class Message:
    """`size` in octets of the stored message (with the Received header); `received_at` seconds since the epoch;
    `mailbox` the upstream mailbox it is sent from ("" where a route needs none); `header_id` its Message-ID with
    brackets; `subject` decoded and cut to 200 characters, "" when the configuration keeps subjects out."""

    id: MessageId
    envelope: Envelope
    origin: Origin
    size: int
    received_at: float
    mailbox: str
    header_id: str
    subject: str = ""
