"""The transport over SMTP, for Exchange Online and smarthosts alike; what differs comes in from outside.

Leaves to others: connections (pool), the dialogue (transaction), meaning (classify), when to try again (delivery).
Invariant: deliver() answers every recipient exactly once, and raises nothing but CancelledError.
"""

from __future__ import annotations

from collections.abc import Sequence

from mailferry.mail.body import Body, BodyGone
from mailferry.mail.envelope import Recipient
from mailferry.mail.message import Message, format_id
from mailferry.mail.outcome import Deferred, Failed, Outcome
from mailferry.obs.maillog import MailLog
from mailferry.routes import classify
from mailferry.routes.api import Limits, Result
from mailferry.routes.classify import Classifier
from mailferry.routes.connection import Connection
from mailferry.routes.faults import Unusable
from mailferry.routes.fit import Fit, fit, must_read, read
from mailferry.routes.pool import Pool
from mailferry.routes.settings import NullSender, RouteSettings
from mailferry.routes.transaction import Transaction


class SmtpTransport:
    """One route over SMTP."""

    __slots__ = ("_classifier", "_fixed", "_limits", "_log", "_needs_mailbox", "_null", "_pool", "_timeouts")

    def __init__(
        self, settings: RouteSettings, limits: Limits, pool: Pool, classifier: Classifier, log: MailLog
    ) -> None:
        self._limits = limits
        self._pool = pool
        self._classifier = classifier
        self._log = log
        self._needs_mailbox = settings.needs_mailbox
        self._fixed = settings.mailbox
        self._null = settings.null_sender
        self._timeouts = settings.timeouts

    @property
    def limits(self) -> Limits:
        return self._limits

    async def deliver(self, message: Message, body: Body, recipients: Sequence[Recipient]) -> Result:
        mailbox = (self._fixed or message.mailbox) if self._needs_mailbox else ""
        if self._needs_mailbox and not mailbox:
            return _all(recipients, classify.misconfigured("The client has no sending mailbox, which this route needs"))
        try:
            result, again = await self._once(message, mailbox, body, recipients, fresh=False)
            if again:
                result, _ = await self._once(message, mailbox, body, recipients, fresh=True)
        except Unusable as unusable:
            return _all(recipients, unusable.outcome)
        except BodyGone as gone:
            return _all(recipients, classify.internal(f"The stored message cannot be read: {gone}"))
        except Exception as error:  # a bug must not lose mail: it is told, and the message waits
            return _all(recipients, self._bug(message, error))
        return result

    async def close(self) -> None:
        await self._pool.close()

    async def _once(
        self, message: Message, mailbox: str, body: Body, recipients: Sequence[Recipient], *, fresh: bool
    ) -> tuple[Result, bool]:
        """One try, and whether a kept connection was found dead before the upstream noticed anything."""
        connection, kept = await self._pool.acquire(mailbox, fresh=fresh)
        try:
            found = await self._fit(connection, message, mailbox, body, recipients)
            outcomes: dict[int, Outcome] = {index: Failed(reply) for index, reply in found.refused.items()}
            if found.mail is None:
                return Result(tuple(outcomes[index] for index in range(len(recipients))), handed_over=False), False
            transaction = Transaction(connection, found, body, self._classifier, self._timeouts)
            try:
                outcomes |= await transaction.run(found.mail)
            except Exception as error:
                outcomes |= transaction.settle(self._bug(message, error).reply.text)
        finally:
            self._pool.release(mailbox, connection)
        ordered = tuple(outcomes[index] for index in range(len(recipients)))
        handed_over = transaction.handed_over
        result = Result(ordered, handed_over, dsn=handed_over and connection.offer.dsn)
        return result, kept and transaction.untouched

    async def _fit(
        self, connection: Connection, message: Message, mailbox: str, body: Body, recipients: Sequence[Recipient]
    ) -> Fit:
        envelope, offer = message.envelope, connection.offer
        reverse_path = envelope.reverse_path
        if not reverse_path and self._needs_mailbox and self._null is NullSender.MAILBOX:
            reverse_path = mailbox
        content = await read(body) if must_read(envelope, offer) else None
        return fit(envelope, reverse_path, recipients, body, offer, content)

    def _bug(self, message: Message, error: Exception) -> Deferred:
        self._log.trouble("delivery failed unexpectedly", message=format_id(message.id), error=repr(error))
        return classify.internal(f"Internal error of this gateway: {type(error).__name__}")


def _all(recipients: Sequence[Recipient], outcome: Outcome) -> Result:
    return Result((outcome,) * len(recipients), handed_over=False)
