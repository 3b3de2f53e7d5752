"""What a client sends: as large, to as many, inside and outside as it was seen to, and to nobody who is real."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mailferry.inventory.records import Client, Volume
from mailferry.m365.limits import (
    azure_communication,
    exchange_online,
    exchange_relay,
    high_volume_email,
    tenant_mx,
)
from mailferry.rehearsal import words
from mailferry.rehearsal.letters import LEAST, OUTSIDE, burst, letters, shortest

counts = st.none() | st.integers(0, 5000)


def test_nothing_seen_is_told() -> None:
    (letter,), assumed = letters(Client("c1", sender="a@x.example"), "x.example", "t", brief=False)
    assert (letter.sender, len(letter.recipients)) == ("a@x.example", 1)
    assert assumed == (words.SIZE, words.RECIPIENTS)
    assert letters(Client("c1", sender="a@x.example"), "x.example", "t", brief=True)[0] == (letter,)


@given(counts, counts, counts, st.integers(0, 400_000))
def test_recipients(most: int | None, outside: int | None, every: int | None, largest: int) -> None:
    volume = Volume(most_recipients=most, external_recipients=outside, recipients=every, largest=largest)
    (letter,), _ = letters(Client("c1", sender="a@x.example", volume=volume), "x.example", "t", brief=False)
    domains = [recipient.rpartition("@")[2] for recipient in letter.recipients]
    assert set(domains) <= {"x.example", OUTSIDE}
    assert len(domains) == max(1, min(most or 1, 1000)) == len(set(letter.recipients))
    assert (OUTSIDE in domains) == bool(outside)
    if outside and every and outside < every and len(domains) > 1:
        assert "x.example" in domains


@given(st.integers(600, 300_000))
def test_octets(size: int) -> None:
    client = Client("c1", sender="a@x.example", volume=Volume(largest=size))
    (letter,), _ = letters(client, "x.example", "t", brief=False)
    made = letter.written()
    assert made == letter.written()
    assert abs(len(made.octets) - size) <= 78
    assert made.text.endswith(b"\r\n")
    assert b"\n" not in made.octets.replace(b"\r\n", b"")
    assert max(map(len, made.octets.split(b"\r\n"))) <= 998


@given(st.integers(1, 200 << 20))
def test_brief_is_judged_alike(size: int) -> None:
    """By every published limit of size; and it is never larger than what was seen."""
    brief = shortest(size)
    assert brief <= size
    for service in (exchange_online(), high_volume_email(), azure_communication(), exchange_relay(), tenant_mx()):
        limit = service.message_size.value
        assert (brief > limit) == (size > limit)
    assert brief == size or brief >= LEAST


def test_brief_only_where_asked_for() -> None:
    client = Client("c1", sender="a@x.example", volume=Volume(largest=30 << 20))
    assert letters(client, "x.example", "t", brief=False)[0][0].octets == 30 << 20
    assert 10 << 20 < letters(client, "x.example", "t", brief=True)[0][0].octets < 11 << 20


def test_senders() -> None:
    def of(*senders: str) -> list[str]:
        found, _ = letters(Client("c1", sender="a@x.example", senders=senders), "x.example", "t", brief=False)
        return [letter.sender for letter in found]

    assert of() == ["a@x.example"]
    assert of("b@x.example") == ["b@x.example"]
    assert of("A@x.example", "b@x.example") == ["a@x.example", "b@x.example"]
    assert len(of(*(f"{n}@x.example" for n in range(9)))) == 3


def test_the_busiest_minute() -> None:
    def of(peak: int | None) -> int:
        return len(burst(Client("c1", sender="a@x.example", volume=Volume(peak_minute=peak)), "x.example", "t"))

    assert [of(None), of(30), of(31), of(59)] == [0, 0, 30, 58]
