"""The gateway's own name, its postmaster, and times that fit together."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from mailferry.config.checks.finding import Finding, error, warning
from mailferry.config.schema import GatewaySettings
from mailferry.config.validate import View
from mailferry.delivery.settings import DeliverySettings
from mailferry.units import format_duration

_DAY = 86_400.0


def check(view: View) -> Iterator[Finding]:
    gateway = view.one(GatewaySettings)
    if gateway is not None:
        yield from _gateway(gateway.value)
    delivery = view.one(DeliverySettings)
    if delivery is not None:
        yield from _delivery(delivery.value)


def _gateway(gateway: GatewaySettings) -> Iterator[Finding]:
    host = gateway.hostname
    if "." not in host or host.endswith((".localdomain", ".local")) or host.replace(".", "").isdigit():
        yield warning(
            ("gateway", "hostname"),
            f'"{host}" is no full host name; some servers refuse it in EHLO',
            "use the name that the clients connect to, for example mailferry.example.com",
        )
    if gateway.postmaster is None:
        yield warning(
            ("gateway", "postmaster"),
            "is missing: mail to postmaster and reports that have nobody else to go to stay in the queue",
            'write postmaster = "somebody@example.com" into [gateway]',
        )


def _delivery(delivery: DeliverySettings) -> Iterator[Finding]:
    retry, expire = delivery.retry, delivery.expire
    if retry[0] >= expire:
        yield error(
            ("delivery", "retry"),
            f"the first wait is {format_duration(retry[0])} and mail expires after {format_duration(expire)}, "
            "so nothing would be tried twice",
            "shorten the waits or lengthen expire",
        )
    elif any(later < earlier for earlier, later in pairwise(retry)):
        yield warning(("delivery", "retry"), "the waits do not grow", "sort them; the last one repeats")
    if expire < _DAY and retry[0] < expire:
        # RFC 5321 section 4.5.4.1: the give-up time generally needs to be at least 4-5 days.
        yield warning(
            ("delivery", "expire"),
            f"mail that cannot be delivered for {format_duration(expire)} is bounced; a weekend outage is longer",
            "RFC 5321 asks for 4 to 5 days",
        )
    if delivery.warn_after >= expire:
        yield warning(("delivery", "warn_after"), "is not before expire, so nobody is ever warned", "lower it")
