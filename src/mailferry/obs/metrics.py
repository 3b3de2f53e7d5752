"""The metrics, as one object with its own registry: no module-level state.

Reference: docs/reference/metrics.md, checked against this class by a test.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector


class Tally(Collector):
    """A counter without labels that one thread alone adds to. For the path of every message: the library's own takes
    a lock and looks at its labels each time, which costs ten times the addition."""

    __slots__ = ("_name", "_text", "value")

    def __init__(self, name: str, text: str) -> None:
        self._name = name
        self._text = text
        self.value = 0

    def inc(self, amount: int = 1) -> None:
        self.value += amount

    def describe(self) -> list[CounterMetricFamily]:
        return list(self.collect())

    def collect(self) -> Iterator[CounterMetricFamily]:
        yield CounterMetricFamily(self._name, self._text, value=self.value)


class Metrics:
    """Every metric the gateway has; names start with mailferry_."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.connections = self._counter("connections", "Connections taken", "listener")
        self.connections_open = self._gauge("connections_open", "Connections open now", "listener")
        self.refused = self._counter("refused", "Refusals to clients by stage", "listener", "stage")
        self.logins = self._counter("logins", "Logins by result", "listener", "result")
        self.accepted_messages = self._tally("accepted_messages", "Messages answered 250")
        self.accepted_bytes = self._tally("accepted_bytes", "Octets of messages answered 250")
        self.outcomes = self._counter("outcomes", "Recipients by outcome of an attempt", "outcome")
        self.delivery_seconds = Histogram(
            "mailferry_delivery_seconds",
            "Seconds from acceptance to delivery, per recipient",
            registry=self.registry,
            buckets=(0.01, 0.1, 0.5, 1, 5, 30, 60, 300, 1800, 7200, 28800, 86400),
        )
        self.settled = self._counter("settled", "Lost answers settled by asking the service, by what follows", "state")
        self.returned = self._counter("returned", "Reports of mail that came back, by result", "result")
        self.bounces = self._counter("bounces", "Delivery status notifications written")
        self.alarms = self._counter("alarms", "Alarms raised by kind", "kind")
        self.alarm_reports = self._counter(
            "alarm_reports", "Reports of alarms by target and result", "target", "result"
        )
        self.tokens = self._counter("tokens", "Token requests by result", "result")
        self.expiry_days = Gauge(
            "mailferry_expiry_days",
            "Days until a secret, certificate or sign-in of a tenant ends",
            ["what"],
            registry=self.registry,
        )
        self.queue = self._gauge("queue_recipients", "Recipients in the spool by state", "state")
        self.spool_commits = self._counter("spool_commits", "Synced transactions of the spool")
        outside = "Outside recipients of a tenant in 24 hours"
        self.external_recipients = self._gauge("external_recipients", outside, "tenant")
        self.external_limit = self._gauge("external_recipients_limit", f"{outside}: what it may have", "tenant")
        self.external_held = self._gauge("external_recipients_held", f"{outside}: held back, 1 or 0", "tenant")
        self.free_bytes = self._gauge("spool_free_bytes", "Free octets of the spool's file system")

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"mailferry_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"mailferry_{name}", text, labels, registry=self.registry)

    def _tally(self, name: str, text: str) -> Tally:
        tally = Tally(f"mailferry_{name}", text)
        self.registry.register(tally)
        return tally

    def render(self) -> bytes:
        """The exposition format, text version 0.0.4."""
        return generate_latest(self.registry)
