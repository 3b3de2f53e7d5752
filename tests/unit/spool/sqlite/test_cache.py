"""The memory for new mail is bounded and forgets the oldest."""

from __future__ import annotations

from mailferry.mail.envelope import Envelope, Recipient
from mailferry.mail.message import Message, MessageId
from mailferry.spool.sqlite.cache import HotCache
from support.spool_contract import ORIGIN


def message(number: int) -> Message:
    envelope = Envelope("a@example.com", (Recipient("b@example.org"),))
    return Message(MessageId(number), envelope, ORIGIN, 1000, 0.0, "", "<1>")


def test_it_keeps_the_newest_within_its_limit() -> None:
    cache = HotCache(10_000)
    for number in range(10):
        cache.put(message(number), b"x" * 1000)
        assert cache.octets <= 10_000
    assert [number for number in range(10) if cache.get(MessageId(number))] == [7, 8, 9]
    assert cache.get(MessageId(9)) == (message(9), b"x" * 1000)


def test_what_is_discarded_gives_its_room_back() -> None:
    cache = HotCache(10_000)
    cache.put(message(1), b"x" * 1000)
    cache.put(message(2), None)
    cache.discard(MessageId(1))
    cache.discard(MessageId(1))
    cache.discard(MessageId(2))
    assert cache.octets == 0
    assert cache.get(MessageId(1)) is None


def test_what_is_larger_than_all_of_it_is_not_kept() -> None:
    cache = HotCache(2500)
    cache.put(message(1), b"x" * 1000)
    assert cache.octets == 0
    HotCache(0).put(message(1), b"")
