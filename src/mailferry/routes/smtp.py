"""The transport over SMTP, for Exchange Online and smarthosts alike; what differs comes in from outside.

Leaves to others: connections (pool), the dialogue (transaction), meaning (classify), when to try again (delivery),
who can be reached (parts) and sending as another (rewrite).
Invariants: deliver() answers every recipient exactly once, and raises nothing but CancelledError; no transaction has
more recipients than the route takes, and what one of them came to is not changed by a later one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mailferry.mail.body import Body, BodyGone
from mailferry.mail.envelope import Recipient
from mailferry.mail.message import Message, format_id
from mailferry.mail.outcome import Deferred, Failed, Outcome
from mailferry.obs.maillog import MailLog
from mailferry.routes import classify
from mailferry.routes.api import Limits, Result
from mailferry.routes.classify import Classifier
from mailferry.routes.connection import Connection
from mailferry.routes.faults import Fault, Unusable
from mailferry.routes.fit import Fit, fit, must_read, read
from mailferry.routes.parts import Reach, once_more, parts
from mailferry.routes.pool import Pool
from mailferry.routes.rewrite import as_account
from mailferry.routes.settings import NullSender, RouteSettings, RouteType
from mailferry.routes.transaction import Transaction


class SmtpTransport:
    """One route over SMTP."""

    __slots__ = (
        "_account", "_classifier", "_fixed", "_limits", "_log", "_needs_mailbox", "_null_path", "_pool", "_reach",
        "_timeouts",
    )  # fmt: skip

    def __init__(
        self,
        settings: RouteSettings,
        limits: Limits,
        pool: Pool,
        classifier: Classifier,
        log: MailLog,
        reach: Reach | None = None,
    ) -> None:
        self._limits = limits
        self._pool = pool
        self._classifier = classifier
        self._log = log
        self._needs_mailbox = settings.needs_mailbox
        self._fixed = settings.mailbox
        self._null_path = settings.null_sender
        self._timeouts = settings.timeouts
        self._reach = reach or Reach(settings.name)
        # Both services take mail from an address of their own only; Exchange Online decides by the SendAs permission.
        self._account = settings.mailbox if settings.type in (RouteType.HVE, RouteType.ACS_SMTP) else ""

    @property
    def limits(self) -> Limits:
        return self._limits

    async def deliver(self, message: Message, body: Body, recipients: Sequence[Recipient]) -> Result:
        mailbox = (self._fixed or message.mailbox) if self._needs_mailbox else ""
        if self._needs_mailbox and not mailbox:
            return _all(recipients, classify.misconfigured("The client has no sending mailbox, which this route needs"))
        try:
            if self._account:
                body = await as_account(body, self._account)
            return await self._parts(message, mailbox, body, recipients)
        except BodyGone as gone:
            return _all(recipients, classify.bodiless(f"The stored message cannot be read: {gone}"))
        except Exception as error:  # a bug must not lose mail: it is told, and the message waits
            return _all(recipients, self._bug(message, error))

    async def close(self) -> None:
        await self._pool.close()

    async def _parts(self, message: Message, mailbox: str, body: Body, recipients: Sequence[Recipient]) -> Result:
        """The message in as many transactions as it takes, one after another."""
        most = self._limits.recipients_per_message
        if self._reach.domains is None and (not most or len(recipients) <= most):
            return await self._part(message, mailbox, body, recipients)
        outcomes: dict[int, Outcome] = {
            index: Failed(refusal)
            for index, recipient in enumerate(recipients)
            if (refusal := self._reach.refusal(recipient)) is not None
        }
        handed_over, dsn, fault = False, True, None
        for part in parts([index for index in range(len(recipients)) if index not in outcomes], most):
            if fault is not None:  # of the lane or the sender: the others would hear the same
                outcomes.update(dict.fromkeys(part, fault))
                continue
            result = await self._part(message, mailbox, body, [recipients[index] for index in part])
            outcomes.update(zip(part, result.outcomes, strict=True))
            handed_over = handed_over or result.handed_over
            # Of two hops one alone may have offered DSN: a report of success twice is better than none.
            dsn = dsn and (result.dsn or not result.handed_over)
            fault = next((one for one in result.outcomes if isinstance(one, Deferred) and one.lane_fault), None)
        ordered = tuple(outcomes[index] for index in range(len(recipients)))
        return Result(ordered, handed_over, dsn=handed_over and dsn)

    async def _part(self, message: Message, mailbox: str, body: Body, recipients: Sequence[Recipient]) -> Result:
        """One transaction; more, where it had more recipients than the service takes from this mailbox."""
        result = await self._transaction(message, mailbox, body, recipients)
        outcomes, handed_over, dsn = list(result.outcomes), result.handed_over, result.dsn or not result.handed_over
        for group in once_more(result.outcomes):
            further = await self._part(message, mailbox, body, [recipients[index] for index in group])
            for index, outcome in zip(group, further.outcomes, strict=True):
                outcomes[index] = outcome
            handed_over = handed_over or further.handed_over
            dsn = dsn and (further.dsn or not further.handed_over)
        return Result(tuple(outcomes), handed_over, dsn=handed_over and dsn)

    async def _transaction(self, message: Message, mailbox: str, body: Body, recipients: Sequence[Recipient]) -> Result:
        """Whatever becomes of it, it never undoes an earlier one."""
        try:
            result, again = await self._once(message, mailbox, body, recipients, fresh=False)
            if again:
                result, _ = await self._once(message, mailbox, body, recipients, fresh=True)
        except Unusable as unusable:
            return _all(recipients, unusable.outcome)
        except BodyGone as gone:
            return _all(recipients, classify.bodiless(f"The stored message cannot be read: {gone}"))
        except Exception as error:
            return _all(recipients, self._bug(message, error))
        return result

    async def _once(
        self, message: Message, mailbox: str, body: Body, recipients: Sequence[Recipient], *, fresh: bool
    ) -> tuple[Result, bool]:
        """One try, and whether a kept connection was found dead, or its login over, before anything was sent."""
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
            if over := _login_over(outcomes):  # its token has expired, say: nobody else shall meet that
                connection.quit()
        finally:
            self._pool.release(mailbox, connection)
        ordered = tuple(outcomes[index] for index in range(len(recipients)))
        handed_over = transaction.handed_over
        result = Result(ordered, handed_over, dsn=handed_over and connection.offer.dsn)
        return result, kept and (transaction.untouched or (over and not handed_over))

    async def _fit(
        self, connection: Connection, message: Message, mailbox: str, body: Body, recipients: Sequence[Recipient]
    ) -> Fit:
        envelope, offer, largest = message.envelope, connection.offer, self._limits.message_size
        reverse_path = self._account or envelope.reverse_path
        if not reverse_path and self._needs_mailbox and self._null_path is NullSender.MAILBOX:
            reverse_path = mailbox
        if largest and (not offer.largest or largest < offer.largest):
            offer = replace(offer, largest=largest)
        content = await read(body) if must_read(envelope, offer) else None
        return fit(envelope, reverse_path, recipients, body, offer, content)

    def _bug(self, message: Message, error: Exception) -> Deferred:
        self._log.trouble("delivery failed unexpectedly", message=format_id(message.id), error=repr(error))
        return classify.internal(f"Internal error of this gateway: {type(error).__name__}")


def _login_over(outcomes: Mapping[int, Outcome]) -> bool:
    """Whether the upstream does not take this connection for logged in (any more)."""
    return any(isinstance(one, Deferred) and one.lane_fault == Fault.LOGIN for one in outcomes.values())


def _all(recipients: Sequence[Recipient], outcome: Outcome) -> Result:
    return Result((outcome,) * len(recipients), handed_over=False)
