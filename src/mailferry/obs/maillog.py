"""The mail log: a closed set of typed events, each one line and its metrics.

Leaves to others: where lines go (obs.logging) and how metrics are served (app). Values are plain: no object of
another package enters here, so that this is the lowest layer and redaction has one place.
Invariant: no secret, no token, no body; subjects only where the configuration says so (then in the spool, never here).
"""

from __future__ import annotations

from typing import Any, Protocol

from prometheus_client import Counter, Gauge

from mailferry.obs.metrics import Metrics


class Sink(Protocol):
    """Takes one event; obs.logging has the real ones."""

    def __call__(self, level: str, event: str, fields: dict[str, Any]) -> None: ...


class MailLog:
    """Every event of the mail path. Reference: docs/reference/events.md, checked against this class by a test."""

    def __init__(self, sink: Sink, metrics: Metrics) -> None:
        self._sink = sink
        self.metrics = metrics
        self._delivered = metrics.outcomes.labels("delivered")  # looked up once: this is the hot path
        self._connections: dict[str, tuple[Counter, Gauge]] = {}  # by listener, for the same reason

    # -- listener ---------------------------------------------------------------------------------------------------

    def connection(self, listener: str, address: str, open_now: int) -> None:
        """A client connected; counted, not logged."""
        taken, now = self._counters(listener)
        taken.inc()
        now.set(open_now)

    def connection_closed(self, listener: str, open_now: int) -> None:
        """A connection ended; counted, not logged."""
        self._counters(listener)[1].set(open_now)

    def _counters(self, listener: str) -> tuple[Counter, Gauge]:
        found = self._connections.get(listener)
        if found is None:
            metrics = self.metrics
            found = metrics.connections.labels(listener), metrics.connections_open.labels(listener)
            self._connections[listener] = found
        return found

    def connection_refused(self, listener: str, address: str, reason: str) -> None:
        """A connection was turned away before its greeting: network, limit, PROXY header."""
        self.metrics.refused.labels(listener, "connect").inc()
        self._sink("warning", "connection refused", {"listener": listener, "address": address, "reason": reason})

    def tls_failed(self, listener: str, address: str, reason: str) -> None:
        """A TLS handshake failed; the reason is the library's."""
        self.metrics.refused.labels(listener, "tls").inc()
        self._sink("warning", "tls failed", {"listener": listener, "address": address, "reason": reason})

    def login(self, listener: str, address: str, account: str, mechanism: str) -> None:
        """A client logged in."""
        self.metrics.logins.labels(listener, "accepted").inc()
        self._sink(
            "info",
            "login",
            {"listener": listener, "address": address, "account": account, "mechanism": mechanism},
        )

    def login_failed(self, listener: str, address: str, account: str, mechanism: str, reason: str) -> None:
        """A login was refused."""
        self.metrics.logins.labels(listener, "refused").inc()
        self._sink(
            "warning",
            "login failed",
            {"listener": listener, "address": address, "account": account, "mechanism": mechanism, "reason": reason},
        )

    def enrolled(self, window: str, address: str, account: str, proof: str, status: str) -> None:
        """An account that nobody knew enrolled: `proof` is verified or first-use, `status` active or pending."""
        self._sink(
            "warning",
            "enrolled",
            {"window": window, "address": address, "account": account, "proof": proof, "status": status},
        )

    def enrolment_refused(self, window: str, address: str, account: str, reason: str) -> None:
        """An account could not enrol: a wrong password, a server that does not answer, too many at a time."""
        self._sink(
            "warning",
            "enrolment refused",
            {"window": window, "address": address, "account": account, "reason": reason},
        )

    def locked(self, what: str, seconds: float) -> None:
        """An address or account may not try again for `seconds`."""
        self._sink("error", "locked", {"what": what, "seconds": round(seconds)})

    def rejected(self, listener: str, address: str, client: str, stage: str, reply: str, reason: str) -> None:
        """A command was refused: at `stage`, with `reply` to the client, for `reason`."""
        self.metrics.refused.labels(listener, stage).inc()
        self._sink(
            "warning",
            "rejected",
            {
                "listener": listener,
                "address": address,
                "client": client,
                "stage": stage,
                "reply": reply,
                "reason": reason,
            },
        )

    def accepted(
        self, message: str, listener: str, client: str, address: str, sender: str, recipients: int, size: int
    ) -> None:
        """A message is on stable storage and the client was told 250."""
        self.metrics.accepted_messages.inc()
        self.metrics.accepted_bytes.inc(size)
        self._sink(
            "info",
            "accepted",
            {
                "message": message,
                "listener": listener,
                "client": client,
                "address": address,
                "sender": sender,
                "recipients": recipients,
                "size": size,
            },
        )

    # -- delivery ---------------------------------------------------------------------------------------------------

    def delivered(self, message: str, lane: str, recipient: str, reply: str, seconds: float) -> None:
        """The next hop took responsibility for a recipient. `seconds` since acceptance go into a metric."""
        self._delivered.inc()
        self.metrics.delivery_seconds.observe(seconds)
        self._sink("info", "delivered", {"message": message, "lane": lane, "recipient": recipient, "reply": reply})

    def deferred(self, message: str, lane: str, recipient: str, reply: str, next_attempt: str) -> None:
        """A recipient will be tried again, at `next_attempt`."""
        self.metrics.outcomes.labels("deferred").inc()
        self._sink(
            "warning",
            "deferred",
            {
                "message": message,
                "lane": lane,
                "recipient": recipient,
                "reply": reply,
                "next_attempt": next_attempt,
            },
        )

    def failed(self, message: str, lane: str, recipient: str, reply: str, expired: bool) -> None:
        """A recipient was refused for good, or tried until it expired (then the event is `expired`)."""
        self.metrics.outcomes.labels("expired" if expired else "failed").inc()
        self._sink(
            "error",
            "expired" if expired else "failed",
            {"message": message, "lane": lane, "recipient": recipient, "reply": reply},
        )

    def unknown(self, message: str, lane: str, recipient: str, reply: str) -> None:
        """A message was handed over and the answer was lost: it may have been taken."""
        self.metrics.outcomes.labels("unknown").inc()
        self._sink("error", "unknown", {"message": message, "lane": lane, "recipient": recipient, "reply": reply})

    def settled(self, message: str, lane: str, recipient: str, state: str, reply: str) -> None:
        """The service was asked about a lost answer: it has the message (`delivered`), or it is sent again."""
        self.metrics.settled.labels(state).inc()
        self._sink("info", "settled", {"message": message, "lane": lane, "recipient": recipient, "reply": reply})

    def returned(self, message: str, lane: str, recipient: str, reply: str) -> None:
        """A report in the sending mailbox says that mail for a recipient came back after it was handed over."""
        self._sink("warning", "returned", {"message": message, "lane": lane, "recipient": recipient, "reply": reply})

    def bounced(self, message: str, report: str, to: str) -> None:
        """A failure is reported to the person `to`; `report` is the queue id of the delivery status notification."""
        self.metrics.bounces.inc()
        self._sink("warning", "bounced", {"message": message, "report": report, "to": to})

    def lane_paused(self, lane: str, reason: str, seconds: float) -> None:
        """Nothing is sent in this lane for `seconds`."""
        self._sink("warning", "lane paused", {"lane": lane, "reason": reason, "seconds": round(seconds, 1)})

    def lane_resumed(self, lane: str) -> None:
        """The lane sends again."""
        self._sink("info", "lane resumed", {"lane": lane})

    # -- the gateway itself -----------------------------------------------------------------------------------------

    def alarm(self, key: str, text: str, cure: str) -> None:
        """Somebody must act: `cure` says how."""
        self.metrics.alarms.labels(key.partition(":")[0]).inc()
        self._sink("error", "alarm", {"key": key, "text": text, "cure": cure})

    def alarm_cleared(self, key: str) -> None:
        """The alarm `key` no longer stands."""
        self._sink("info", "alarm cleared", {"key": key})

    def token(self, credential: str, scope: str, seconds: float) -> None:
        """A token was fetched; `seconds` it is good for."""
        self.metrics.tokens.labels("fetched").inc()
        self._sink("info", "token", {"credential": credential, "scope": scope, "seconds": round(seconds)})

    def token_failed(self, credential: str, scope: str, cause: str, code: str) -> None:
        """The token service refused or could not be reached; mail of the credential waits."""
        self.metrics.tokens.labels("failed").inc()
        self._sink("error", "token failed", {"credential": credential, "scope": scope, "cause": cause, "code": code})

    def expiry_warning(self, what: str, days: float) -> None:
        """A secret or certificate ends in `days`."""
        self._sink("warning", "expiry warning", {"what": what, "days": round(days, 1)})

    def note(self, text: str, **fields: Any) -> None:
        """Life of the process: started, listening, draining, stopped, configuration reloaded."""
        self._sink("info", text, fields)

    def trouble(self, text: str, **fields: Any) -> None:
        """Something of ours went wrong; the cause in words, for whoever runs the gateway."""
        self._sink("error", text, fields)
