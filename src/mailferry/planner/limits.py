"""Published limits of each way against what a mailbox was seen to do.

Leaves to others: the figures (m365.limits) and what follows from them (rules). Invariant: a limit that was knowingly
exceeded comes out with `kept` False; what nobody observed is None, never kept.
"""

from __future__ import annotations

from functools import lru_cache
from types import MappingProxyType

from mailferry.inventory.records import Volume
from mailferry.m365.facts import Fact, Text
from mailferry.m365.limits import (
    ServiceLimits,
    azure_communication,
    exchange_online,
    exchange_relay,
    graph,
    high_volume_email,
    tenant_external_recipients,
    tenant_mx,
)
from mailferry.planner.judgement import say, source
from mailferry.planner.values import NO_TEXT, LimitCheck
from mailferry.units import format_size

MINUTE, HOUR, DAY = "messages/minute", "messages/hour", "recipients/day"
DAY_MESSAGES, MESSAGE, SIZE, TENANT = "messages/day", "recipients/message", "message size", "external recipients/day"

#: Each limit as people read it.
NAMES = MappingProxyType(
    {
        MINUTE: Text("messages per minute", "1 分あたりのメッセージ数"),
        HOUR: Text("messages per hour", "1 時間あたりのメッセージ数"),
        DAY_MESSAGES: Text("messages per day", "1 日あたりのメッセージ数"),
        DAY: Text("recipients per day", "1 日あたりの受信者数"),
        MESSAGE: Text("recipients of one message", "1 通あたりの受信者数"),
        SIZE: Text("size of one message", "1 通あたりのサイズ"),
        TENANT: Text("external recipients of the tenant per day", "テナント全体の 1 日あたりの外部受信者数"),
    }
)

#: Graph takes a message as base64, a third larger than it is (Learn, user: sendMail).
_BASE64 = (3, 4)
#: Several rules ask for the limits of one mailbox, one after the other.
_RECENT = 64


@lru_cache(_RECENT)
def own(volume: Volume) -> tuple[LimitCheck, ...]:
    """A client that submits to Exchange Online itself: nobody paces it or splits its envelopes."""
    service = exchange_online()
    return (
        _check(MINUTE, service.messages_per_minute, volume.peak_minute),
        _check(DAY, service.recipients_per_day, _recipients(volume)),
        _check(MESSAGE, service.recipients_per_message, volume.most_recipients),
        _size(service.message_size_advertised, volume, service.message_size.value),
    )


@lru_cache(_RECENT)
def exchange(volume: Volume) -> tuple[LimitCheck, ...]:
    """Through the gateway to a mailbox: it spreads peaks over the next minutes and splits envelopes."""
    service = exchange_online()
    rate = service.messages_per_minute
    return (
        _paced(MINUTE, rate, volume.peak_minute),
        _check(DAY_MESSAGES, _derived(rate, 24 * 60), volume.peak_day),
        _check(DAY, service.recipients_per_day, _recipients(volume)),
        _split(service.recipients_per_message, volume),
        _size(service.message_size_advertised, volume, service.message_size.value),
    )


@lru_cache(_RECENT)
def graph_mailbox(volume: Volume) -> tuple[LimitCheck, ...]:
    """Through the gateway by Graph: the same limits (Learn, user: sendMail, note), but a smaller message."""
    whole, part = _BASE64
    request = graph().request_size
    size = Fact(request.value * whole // part, request.unit, request.source, request.mark)
    kept = [check for check in exchange(volume) if check.limit not in (SIZE, MESSAGE)]
    most = exchange_online().recipients_per_message
    return (*kept, _check(MESSAGE, most, volume.most_recipients), _check(SIZE, size, volume.largest))


def high_volume(volume: Volume) -> tuple[LimitCheck, ...]:
    service = high_volume_email()
    return (_split(service.recipients_per_message, volume), _check(SIZE, service.message_size, volume.largest))


def azure(volume: Volume, per_minute: int | None, per_hour: int | None) -> tuple[LimitCheck, ...]:
    """Azure Communication Services, whose quota is the subscription's; what Azure granted replaces the default."""
    service = azure_communication()
    hour = _granted(service.messages_per_hour, per_hour)
    return (
        _paced(MINUTE, _granted(service.messages_per_minute, per_minute), volume.peak_minute),
        _check(HOUR, hour, volume.peak_hour),
        _check(DAY_MESSAGES, _derived(hour, 24), volume.peak_day),
        _split(service.recipients_per_message, volume),
        _check(SIZE, service.message_size, volume.largest),
    )


def relay(volume: Volume) -> tuple[LimitCheck, ...]:
    """An Exchange Server on premises."""
    return (_check(SIZE, exchange_relay().message_size, volume.largest),)


def mx(volume: Volume) -> tuple[LimitCheck, ...]:
    """Straight to the tenant's MX, by a connector or Direct Send: nobody splits the envelopes."""
    service: ServiceLimits = tenant_mx()
    return (
        _check(MESSAGE, service.recipients_per_message, volume.most_recipients),
        _check(SIZE, service.message_size, volume.largest),
    )


def tenant(external: int | None, licences: int) -> LimitCheck:
    """External recipients of the whole tenant in a day (TERRL)."""
    note = say(
        "Peaks of all senders added up; they need not have fallen on one day.",
        "全クライアントのピーク値の合計です。同じ日に発生したとは限りません。",
    )
    return _check(TENANT, tenant_external_recipients(licences), external, note)


def broken(checks: tuple[LimitCheck, ...]) -> LimitCheck | None:
    """The first limit that is knowingly exceeded."""
    return next((check for check in checks if check.kept is False), None)


def figure(check: LimitCheck, value: int) -> str:
    """A figure of `check` as people read it."""
    if check.limit != SIZE:
        return f"{value:,}"
    return format_size(value) if value % 1024 == 0 else f"{value / (1 << 20):.1f} MB"


def _recipients(volume: Volume) -> int | None:
    """Recipients of the busiest day; every message has at least one."""
    known = [value for value in (volume.peak_recipients_day, volume.peak_day) if value is not None]
    return max(known) if known else None


def _check(limit: str, fact: Fact[int], observed: int | None, note: Text = NO_TEXT) -> LimitCheck:
    return _checked(limit, fact.value, fact.source.key, observed, note)


@lru_cache(maxsize=65_536)
def _checked(limit: str, published: int, key: str, observed: int | None, note: Text) -> LimitCheck:
    """One value for the many clients with the same figures."""
    kept = None if observed is None else published == 0 or observed <= published
    return LimitCheck(limit, published, observed, source(key), kept, note)


def _paced(limit: str, fact: Fact[int], observed: int | None) -> LimitCheck:
    """A rate that the gateway keeps whatever arrives: mail waits instead."""
    if observed is None or observed <= fact.value:
        return _check(limit, fact, observed)
    minutes = -(-observed // fact.value)
    note = say(
        "The gateway spreads such a minute over {minutes} minutes.",
        "このピークは、ゲートウェイが {minutes} 分に分散して送信します。",
        minutes=minutes,
    )
    return LimitCheck(limit, fact.value, observed, source(fact.source.key), True, note)


def _split(fact: Fact[int], volume: Volume) -> LimitCheck:
    """Recipients of one message: the gateway makes several transactions of it."""
    observed = volume.most_recipients
    if observed is None or observed <= fact.value:
        return _check(MESSAGE, fact, observed)
    note = say(
        "The gateway sends such a message in {parts} parts.",
        "このメッセージは、ゲートウェイが {parts} 回に分けて送信します。",
        parts=-(-observed // fact.value),
    )
    return LimitCheck(MESSAGE, fact.value, observed, source(fact.source.key), True, note)


def _size(fact: Fact[int], volume: Volume, default: int) -> LimitCheck:
    if volume.largest is None or not default < volume.largest <= fact.value:
        return _check(SIZE, fact, volume.largest)
    note = say(
        "A mailbox sends {default} unless Set-Mailbox -MaxSendSize raises it.",
        "メールボックスの既定値は {default} です。Set-Mailbox -MaxSendSize で引き上げてください。",
        default=format_size(default),
    )
    return _check(SIZE, fact, volume.largest, note)


def _derived(fact: Fact[int], times: int) -> Fact[int]:
    return Fact(fact.value * times, fact.unit, fact.source, fact.mark)


def _granted(fact: Fact[int], granted: int | None) -> Fact[int]:
    return fact if granted is None else Fact(granted, fact.unit, fact.source, fact.mark)
