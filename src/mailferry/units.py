"""Sizes, durations and rates as people write them in the configuration: "35 MB", "5m", "30/minute".

Leaves to others: which setting takes which (each package's settings). Invariant: parse(format(x)) == x, and a text
that is not understood names what would be.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

#: Exchange counts in binary multiples: its 150 MB are 157,286,400 octets (SIZE of smtp.office365.com).
_SIZES = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:([kmgt])(?:i?b)?|(b))?", re.IGNORECASE | re.ASCII)

_DURATIONS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)\s*([smhdw])\s*)+", re.IGNORECASE | re.ASCII)
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])", re.IGNORECASE | re.ASCII)

_PERIODS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
_RATE = re.compile(r"(\d+)\s*(?:/|per)\s*(second|minute|hour|day|s|m|h|d)", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `count` in any `seconds`."""

    count: int
    seconds: int

    def __str__(self) -> str:
        period = next((name for name, length in _PERIODS.items() if length == self.seconds), f"{self.seconds}s")
        return f"{self.count}/{period}"


def parse_size(value: str | int) -> int:
    """Octets of "35 MB", "64k" or a plain number. Raises ValueError."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f'{value!r} is no size; write a number of octets or for example "35 MB", "64 KB", "1 GB"')
    return round(float(match[1]) * _SIZES[(match[2] or "").lower()])


def format_size(octets: int) -> str:
    """The shortest exact text: 36700160 is "35 MB", 1000 is "1000 B"."""
    for letter in "tgmk":
        if octets and octets % _SIZES[letter] == 0:
            return f"{octets // _SIZES[letter]} {letter.upper()}B"
    return f"{octets} B"


def parse_duration(value: str | float) -> float:
    """Seconds of "90s", "5m", "1h30m", "5d" or a plain number. Raises ValueError."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf"):
        return float(value)
    if not isinstance(value, str) or _DURATION.fullmatch(value.strip()) is None:
        raise ValueError(f'{value!r} is no duration; write a number and a unit, for example "90s", "5m", "2h", "30d"')
    return sum(float(number) * _DURATIONS[unit.lower()] for number, unit in _PART.findall(value))


def format_duration(seconds: float) -> str:
    """The shortest exact text: 5400 is "1h30m", 432000 is "5d"."""
    if seconds != int(seconds):
        return f"{seconds:f}".rstrip("0") + "s"
    rest, parts = int(seconds), []
    for unit in ("d", "h", "m", "s"):
        count, rest = divmod(rest, _DURATIONS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def parse_rate(value: str | Rate) -> Rate:
    """ "30/minute", "10 per second", "10000/d". Raises ValueError."""
    if isinstance(value, Rate):
        return value
    match = _RATE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or int(match[1]) == 0:
        raise ValueError(f'{value!r} is no rate; write for example "30/minute", "2/second", "10000/day"')
    period = next(name for name in _PERIODS if name.startswith(match[2].lower()))
    return Rate(int(match[1]), _PERIODS[period])


def _validator(parse: Any) -> BeforeValidator:
    """A ValueError as pydantic's own error with the bare text."""

    def validate(value: Any) -> Any:
        try:
            return parse(value)
        except ValueError as error:
            raise PydanticCustomError("unit", "{reason}", {"reason": str(error)}) from None

    return BeforeValidator(validate)


#: Octets; a setting's field type.
Size = Annotated[
    int,
    _validator(parse_size),
    PlainSerializer(format_size, when_used="json"),
    WithJsonSchema({"type": "string", "format": "size"}),
]
#: Seconds; a setting's field type.
Duration = Annotated[
    float,
    _validator(parse_duration),
    PlainSerializer(format_duration, when_used="json"),
    WithJsonSchema({"type": "string", "format": "duration"}),
]
#: So many in a period; a setting's field type.
RateLimit = Annotated[
    Rate,
    _validator(parse_rate),
    PlainSerializer(str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "rate"}),
]
