"""Sizes, durations and rates: what is read, what is refused, and the way back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from mailferry.units import (
    Duration,
    Rate,
    RateLimit,
    Size,
    format_duration,
    format_size,
    parse_duration,
    parse_rate,
    parse_size,
)


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("35 MB", 35 << 20),
        ("35MiB", 35 << 20),
        ("64k", 64 << 10),
        ("1.5 GB", 3 << 29),
        ("0", 0),
        ("17 B", 17),
        (" 2 tb ", 2 << 40),
        (150, 150),
    ],
)
def test_size(text: str | int, octets: int) -> None:
    assert parse_size(text) == octets


@pytest.mark.parametrize("text", ["", "MB", "35 XB", "-1", "1e3", "35 MBit", "٣ MB", True, -5, None, 1.5])
def test_no_size(text: object) -> None:
    with pytest.raises(ValueError, match="is no size"):
        parse_size(text)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("5m", 300), ("1h30m", 5400), ("1 h 30 m", 5400), ("30d", 2_592_000), ("2W", 1_209_600), (1.5, 1.5)],
)
def test_duration(text: str | float, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "5 minutes", "-1s", "m", "1.s", True, -1, float("nan"), float("inf"), None])
def test_no_duration(text: object) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        parse_duration(text)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("30/minute", Rate(30, 60)),
        ("10 per second", Rate(10, 1)),
        ("10000/d", Rate(10_000, 86_400)),
        ("5 / hour", Rate(5, 3600)),
        (Rate(1, 2), Rate(1, 2)),
    ],
)
def test_rate(text: str | Rate, rate: Rate) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["", "30", "0/minute", "30/month", "-1/s", 30, None])
def test_no_rate(text: object) -> None:
    with pytest.raises(ValueError, match="is no rate"):
        parse_rate(text)  # type: ignore[arg-type]


@given(st.integers(0, 1 << 50))
def test_size_and_back(octets: int) -> None:
    assert parse_size(format_size(octets)) == octets


@given(st.integers(0, 10**9))
def test_duration_and_back(seconds: int) -> None:
    assert parse_duration(format_duration(seconds)) == seconds


@given(st.integers(1, 10**9), st.sampled_from([1, 60, 3600, 86_400]))
def test_rate_and_back(count: int, seconds: int) -> None:
    assert parse_rate(str(Rate(count, seconds))) == Rate(count, seconds)


def test_half_a_second() -> None:
    assert format_duration(0.5) == "0.5s"


def test_in_a_model() -> None:
    class Settings(BaseModel):
        size: Size = 1 << 20
        wait: Duration = 90.0
        rate: RateLimit | None = None

    settings = Settings.model_validate({"size": "2 MB", "wait": "2h", "rate": "5/second"})
    assert settings.model_dump(mode="json") == {"size": "2 MB", "wait": "2h", "rate": "5/second"}
    with pytest.raises(ValidationError, match="is no duration"):
        Settings.model_validate({"wait": "soon"})
